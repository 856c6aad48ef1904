"""Connections to databases: pooled, opened when they are first needed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from eventflux.state.tables.sql.dialects import MYSQL, POSTGRES, SQLITE, Dialect
from eventflux.types.errors import ConfigError, ConnectionUnavailableError

_POOL: Final = 5
_BUSY_SECONDS: Final = 30.0


class Cursor(Protocol):
    """What is used of a DB-API cursor."""

    rowcount: int

    def execute(self, statement: str, values: Any = ..., /) -> Any: ...

    def executemany(self, statement: str, values: Any, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def close(self) -> Any: ...


class DBAPIConnection(Protocol):
    """What is used of a DB-API connection."""

    def cursor(self) -> Any: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class DataSource(Protocol):
    """Gives connections to one database. `dialect` says how it is spoken to."""

    dialect: Dialect

    def init(self, context: object, name: str, config: Mapping[str, str]) -> None:
        """Called once, with the section of the configuration that has its name."""
        ...

    def connect(self) -> AbstractContextManager[DBAPIConnection]:
        """A connection for one transaction, committed at the end, rolled back after an exception."""
        ...

    def shutdown(self) -> None:
        """Close all connections; idempotent."""
        ...


class SqlDataSource:
    """A database by its URL.

    ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite://:memory:``, ``postgresql://user:password@host/db``,
    ``mysql://user:password@host:3306/db``. A ``jdbc:`` before it is passed over.

    Args:
        url: Of the database.
        username: Instead of the URL's.
        password: Instead of the URL's.
        pool_size: Most connections that are kept.

    Raises:
        ConfigError: The URL means no database that is known, or its driver isn't installed.
    """

    def __init__(
        self, url: str, *, username: str | None = None, password: str | None = None, pool_size: int = _POOL
    ) -> None:
        self.dialect, self._open, self._shown, self._errors = _driver(url, username, password)
        is_memory = self._shown == "sqlite://:memory:"
        self._limit = 1 if is_memory else pool_size
        self._free = threading.Semaphore(self._limit)
        self._lock = threading.Lock()  # guards _idle
        self._idle: list[Any] = []

    def init(self, context: object, name: str, config: Mapping[str, str]) -> None:
        """Nothing is missing: the URL says all."""

    @contextmanager
    def connect(self) -> Iterator[Any]:
        """A connection for one transaction.

        Raises:
            ConnectionUnavailableError: The database can't be reached, or the connection broke.
        """
        with self._free:
            connection = self._taken()
            try:
                yield connection
                connection.commit()
            except BaseException as error:
                if self._is_broken(error):
                    self._close(connection)
                    raise ConnectionUnavailableError(f"{self._shown}: {error}") from error
                self._undo(connection)
                raise
            with self._lock:
                self._idle.append(connection)

    def shutdown(self) -> None:
        """Close what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            self._close(connection)

    def _taken(self) -> Any:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        try:
            return self._open()
        except self._errors as error:
            raise ConnectionUnavailableError(f"{self._shown} cannot be reached: {error}") from error

    def _undo(self, connection: Any) -> None:
        try:
            connection.rollback()
        except self._errors:
            self._close(connection)
        else:
            with self._lock:
                self._idle.append(connection)

    def _close(self, connection: Any) -> None:
        try:
            connection.close()
        except self._errors:
            return

    def _is_broken(self, error: BaseException) -> bool:
        if not isinstance(error, self._errors):
            return False
        match self.dialect.name:
            case "sqlite":
                text = str(error)
                return "unable to open" in text or "locked" in text
            case "mysql":
                code = error.args[0] if error.args else 0
                return code in {0, 1053, 2003, 2006, 2013, 2055}
            case _:
                state = getattr(error, "sqlstate", None)
                return (state is None and type(error).__name__ == "OperationalError") or str(state)[:2] in {"08", "57"}

    def __repr__(self) -> str:
        return f"SqlDataSource({self._shown!r})"


_Driver = tuple[Dialect, Callable[[], Any], str, tuple[type[BaseException], ...]]


def _driver(url: str, username: str | None, password: str | None) -> _Driver:
    text = url.removeprefix("jdbc:")
    parts = urlsplit(text)
    user = username if username is not None else _plain(parts.username)
    secret = password if password is not None else _plain(parts.password)
    match parts.scheme:
        case "sqlite":
            path = text.removeprefix("sqlite://")
            path = path if path == ":memory:" else path.removeprefix("/")
            if not path:
                raise ConfigError("the URL of an SQLite database names a file", key="url", value=url)
            return SQLITE, lambda: _open_sqlite(path), text, (sqlite3.Error,)
        case "postgresql" | "postgres":
            return _postgres(parts.hostname, parts.port, parts.path, user, secret, dict(parse_qsl(parts.query)))
        case "mysql" | "mariadb":
            return _mysql(parts.hostname, parts.port, parts.path, user, secret)
        case _:
            raise ConfigError(
                f"no database is known for URLs of the kind {parts.scheme or text!r}",
                key="url",
                hint="sqlite:///file.db, postgresql://host/database, mysql://host/database",
            )


def _plain(text: str | None) -> str | None:
    return None if text is None else unquote(text)


def _open_sqlite(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, timeout=_BUSY_SECONDS, isolation_level="IMMEDIATE")
    if path != ":memory:":
        connection.execute("PRAGMA journal_mode=WAL")
    return connection


def _postgres(
    host: str | None, port: int | None, path: str, user: str | None, password: str | None, options: Mapping[str, str]
) -> _Driver:
    try:
        psycopg: Any = import_module("psycopg")
    except ImportError as error:
        raise ConfigError(
            "PostgreSQL needs psycopg", key="url", hint="pip install 'eventflux-core[postgres]'"
        ) from error
    given: dict[str, Any] = {"host": host, "port": port, "dbname": path.lstrip("/"), "user": user, "password": password}
    arguments = {key: value for key, value in {**given, **options}.items() if value not in {None, ""}}
    shown = f"postgresql://{host or 'localhost'}:{port or 5432}{path}"
    return POSTGRES, lambda: psycopg.connect(**arguments), shown, (psycopg.Error,)


def _mysql(host: str | None, port: int | None, path: str, user: str | None, password: str | None) -> _Driver:
    try:
        pymysql: Any = import_module("pymysql")
        flags: Any = import_module("pymysql.constants.CLIENT")
    except ImportError as error:
        raise ConfigError("MySQL needs PyMySQL", key="url", hint="pip install 'eventflux-core[mysql]'") from error
    shown = f"mysql://{host or 'localhost'}:{port or 3306}{path}"

    def connect() -> Any:
        return pymysql.connect(
            host=host or "localhost",
            port=port or 3306,
            user=user,
            password=password or "",
            database=path.lstrip("/") or None,
            charset="utf8mb4",
            collation="utf8mb4_bin",
            client_flag=flags.FOUND_ROWS,  # an update counts the rows that it found
        )

    return MYSQL, connect, shown, (pymysql.err.Error,)
