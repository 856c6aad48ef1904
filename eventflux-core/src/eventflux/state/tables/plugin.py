"""The table stores of the core, through the same hooks as everybody's."""

from __future__ import annotations

from eventflux.extension.declaration import Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.hookspecs import hookimpl
from eventflux.extension.registry import ExtensionRegistry
from eventflux.state.tables.cache import CacheTable
from eventflux.state.tables.sql.sql_table import MysqlTable, PostgresTable, SqliteTable, SqlTable

_TEXT = ("STRING",)
_INT = ("INT",)

_COMMON = (
    Parameter("table", _TEXT, "Name in the database; else that of the table.", optional=True),
    Parameter(
        "create",
        _TEXT,
        "Whether the table is made.",
        default="if-missing",
        choices=("if-missing", "never", "recreate"),
    ),
    Parameter("batch.size", _INT, "Most rows in one statement.", default=500, minimum=1),
    Parameter("pool.size", _INT, "Most connections that are kept.", default=5, minimum=1),
    Parameter("username", _TEXT, "Of the database.", optional=True),
    Parameter("password", _TEXT, "Of the database.", optional=True, secret=True),
)


def _server(port: int) -> tuple[Parameter, ...]:
    return (
        Parameter("host", _TEXT, "Of the server.", default="localhost"),
        Parameter("port", _INT, "Of the server.", default=port, minimum=1, maximum=65535),
        Parameter("database", _TEXT, "On the server."),
        Parameter("data_source", _TEXT, "A data source of the manager, instead.", optional=True),
    )


@hookimpl
def eventflux_register_stores(registry: ExtensionRegistry) -> None:
    registry.register(
        Extension(
            name="cache",
            kind=ExtensionKind.STORE,
            description="A bounded number of rows in memory.",
            parameters=(
                Parameter("max_size", _INT, "Most rows.", minimum=1, aliases=("size",)),
                Parameter(
                    "policy",
                    _TEXT,
                    "Which row goes when there is no room: FIFO the oldest, LRU the least recently used, LFU the"
                    " least used.",
                    default="FIFO",
                    choices=("FIFO", "LRU", "LFU"),
                ),
                Parameter(
                    "retention.period",
                    _TEXT,
                    "How long a row stays; else for ever.",
                    optional=True,
                    unit="duration",
                    aliases=("ttl",),
                ),
                Parameter(
                    "purge.interval",
                    _TEXT,
                    "Accepted: rows that are too old are never seen.",
                    optional=True,
                    unit="duration",
                ),
            ),
            factory=CacheTable,
        ),
        Extension(
            name="jdbc",
            kind=ExtensionKind.STORE,
            description="A table of a database that a URL or a data source names.",
            parameters=(
                Parameter("url", _TEXT, "Of the database.", optional=True, aliases=("jdbc.url",)),
                Parameter("data_source", _TEXT, "A data source of the manager.", optional=True),
                *_COMMON,
            ),
            factory=SqlTable,
            aliases=("sql",),
        ),
        Extension(
            name="sqlite",
            kind=ExtensionKind.STORE,
            description="A table of an SQLite file.",
            parameters=(Parameter("path", _TEXT, "The file, or :memory:."), *_COMMON),
            factory=SqliteTable,
        ),
        Extension(
            name="postgres",
            kind=ExtensionKind.STORE,
            description="A table of a PostgreSQL server.",
            parameters=(*_server(5432), *_COMMON),
            factory=PostgresTable,
            aliases=("postgresql",),
            install_hint="pip install 'eventflux-core[postgres]'",
        ),
        Extension(
            name="mysql",
            kind=ExtensionKind.STORE,
            description="A table of a MySQL or MariaDB server.",
            parameters=(*_server(3306), *_COMMON),
            factory=MysqlTable,
            aliases=("mariadb",),
            install_hint="pip install 'eventflux-core[mysql]'",
        ),
    )
