"""The keys of the configuration that the framework itself reads: types, defaults, meanings.

From this table come the checks, their messages, `eventflux config schema` and the reference page.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import Final

from eventflux.configuration.tree import Path
from eventflux.extension.options import parse_boolean, parse_size
from eventflux.types.duration import parse_duration
from eventflux.types.record import record

Value = bool | int | float | str | tuple[str, ...] | None


@unique
class KeyType(str, Enum):
    """What a value may be."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DURATION = "duration"
    SIZE = "size"
    LIST = "list"

    def __str__(self) -> str:
        return self.value


_WANTED: Final = {
    KeyType.TEXT: "a text",
    KeyType.INTEGER: "a whole number",
    KeyType.NUMBER: "a number",
    KeyType.BOOLEAN: "true or false",
    KeyType.DURATION: "a duration such as 500ms, 1.5s or 10 min",
    KeyType.SIZE: "a size such as 65536, 64KB or 10MiB",
    KeyType.LIST: "a list of texts",
}


@record(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        path: Dotted; `<name>` stands for any name.
        type: Of its value.
        meaning: One sentence.
        default: The value where none is given, typed; milliseconds for durations, bytes for sizes.
        choices: The only texts allowed.
        minimum: The smallest number allowed.
        alias_of: The key that this is another spelling of.
        has_effect: False: accepted so that a file can be shared, but this version does nothing with it.
    """

    path: str
    type: KeyType
    meaning: str
    default: Value = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    alias_of: str | None = None
    has_effect: bool = True

    @property
    def parts(self) -> Path:
        """The path, taken apart."""
        return tuple(self.path.split("."))

    def matches(self, path: Path) -> bool:
        """Whether a path is this key's."""
        parts = self.parts
        return len(parts) == len(path) and all(
            part == name or part[0] == "<" for part, name in zip(parts, path, strict=True)
        )

    def read(self, value: object) -> Value:
        """The typed value.

        Raises:
            ValueError: It is none; the message says what it must be.
        """
        typed = self._typed(value)
        if self.choices and typed not in self.choices:
            raise ValueError(f"must be one of {', '.join(self.choices)}")
        if self.minimum is not None and isinstance(typed, (int, float)) and typed < self.minimum:
            raise ValueError(f"must be at least {self.minimum:g}")
        return typed

    def _typed(self, value: object) -> Value:
        wanted = ValueError(f"must be {_WANTED[self.type]}")
        try:
            match self.type, value:
                case KeyType.TEXT, str():
                    return value
                case KeyType.TEXT, bool():
                    raise wanted
                case KeyType.TEXT, int() | float():
                    return str(value)
                case KeyType.BOOLEAN, bool():
                    return value
                case KeyType.BOOLEAN, str() if value.strip().lower() in {"true", "false"}:
                    return parse_boolean(value)
                case _, bool():
                    raise wanted
                case KeyType.INTEGER | KeyType.SIZE, int():
                    return value
                case KeyType.INTEGER, str():
                    return int(value)
                case KeyType.NUMBER, int() | float():
                    return float(value)
                case KeyType.NUMBER, str():
                    return float(value)
                case KeyType.SIZE, str():
                    return parse_size(value)
                case KeyType.DURATION, str() if not value.strip().isdecimal():
                    return parse_duration(value)
                case KeyType.LIST, str():
                    return tuple(part.strip() for part in value.split(",") if part.strip())
                case KeyType.LIST, list():
                    return tuple(str(item) for item in value)
                case _:
                    raise wanted
        except ValueError as error:
            raise wanted from error


def _async_keys() -> tuple[Key, ...]:
    text, integer = KeyType.TEXT, KeyType.INTEGER
    return (
        Key(
            "application.async.enabled",
            KeyType.BOOLEAN,
            "Every stream has a buffer unless it says otherwise.",
            default=False,
        ),
        Key("application.async.buffer_size", integer, "Capacity of a buffer in rows.", minimum=2),
        Key("application.async.workers", integer, "How many shards may run beside each other.", minimum=1),
        Key("application.async.batch_size_max", integer, "Most rows handed on at once.", minimum=1),
        Key("application.async.backpressure", text, "What a sender does when there is no room."),
        Key("application.async.timeout", KeyType.DURATION, "How long block_timeout waits."),
        Key("application.async.backoff.initial", KeyType.DURATION, "First wait of backoff."),
        Key("application.async.backoff.max", KeyType.DURATION, "Longest wait of backoff."),
        Key("application.async.backoff.multiplier", KeyType.NUMBER, "By how much a wait of backoff grows."),
        Key("application.async.wait", text, "How the consumer waits.", choices=("blocking", "yielding", "spinning")),
        Key(
            "application.async_default",
            KeyType.BOOLEAN,
            "Another spelling of application.async.enabled.",
            alias_of="application.async.enabled",
        ),
    )


KEYS: Final[tuple[Key, ...]] = (
    Key("application.name", KeyType.TEXT, "Name of the app, instead of that in its text; also the key of its state."),
    Key("application.app", KeyType.LIST, "The file with the app, from the place of the configuration file."),
    Key("application.query", KeyType.TEXT, "The text of the app itself; excludes application.app."),
    Key(
        "application.buffer_size", KeyType.INTEGER, "Capacity in rows of the buffers of async streams.", 4096, minimum=2
    ),
    Key("application.production", KeyType.BOOLEAN, "Refuse secrets that are written out.", default=False),
    Key("application.strict", KeyType.BOOLEAN, "Unknown sections and streams are errors, else warnings.", default=True),
    Key(
        "application.timezone",
        KeyType.TEXT,
        "Zone whose calendar buckets of aggregations, cron triggers and cron windows follow.",
        "UTC",
    ),
    Key("application.playback", KeyType.BOOLEAN, "Event time drives the clock."),
    *_async_keys(),
    Key("variables.<name>", KeyType.TEXT, "Value of ${name}, before the environment's."),
    Key("queries.<name>.parallelism", KeyType.INTEGER, "Shards of a partition.", 1, minimum=1, has_effect=False),
    Key("runtime.mode", KeyType.TEXT, "How many processes run the app.", "single", ("single", "single-node")),
    Key("runtime.optimizer", KeyType.TEXT, "Whether plans are rewritten.", "on", ("on", "off")),
    Key("runtime.performance.thread_pool_size", KeyType.INTEGER, "Helper threads.", minimum=1, has_effect=False),
    Key(
        "runtime.performance.event_buffer_size",
        KeyType.INTEGER,
        "Another spelling of application.buffer_size.",
        minimum=2,
        alias_of="application.buffer_size",
    ),
    Key(
        "runtime.performance.batch_processing",
        KeyType.BOOLEAN,
        "False: buffers hand on one row at a time.",
        default=True,
    ),
    Key(
        "runtime.performance.batch_size",
        KeyType.INTEGER,
        "Another spelling of application.async.batch_size_max.",
        minimum=1,
        alias_of="application.async.batch_size_max",
    ),
    Key(
        "runtime.performance.async_processing",
        KeyType.BOOLEAN,
        "Another spelling of application.async.enabled.",
        alias_of="application.async.enabled",
    ),
    Key(
        "runtime.performance.backpressure_strategy",
        KeyType.TEXT,
        "Another spelling of application.async.backpressure.",
        alias_of="application.async.backpressure",
    ),
    Key("runtime.memory_limit", KeyType.SIZE, "Most bytes that the engine may hold.", minimum=0),
    Key("runtime.shutdown_timeout", KeyType.DURATION, "How long a stop may drain.", 30_000, minimum=0),
    Key(
        "error_store.type",
        KeyType.TEXT,
        "Where failed events are kept: none, memory, sqlite, file, or an extension.",
        "none",
    ),
    Key("error_store.path", KeyType.TEXT, "Of the SQLite or file store; ./errors.db, ./errors."),
    Key("error_store.max_entries", KeyType.INTEGER, "The oldest go for further ones; 0: no limit.", 100_000, minimum=0),
    Key(
        "error_store.buffer_size",
        KeyType.INTEGER,
        "Entries that may wait to be written; 0: each is written before its sender goes on.",
        1024,
        minimum=0,
    ),
    Key(
        "error_store.drop_when_buffer_full",
        KeyType.BOOLEAN,
        "Lose entries for which there is no room, instead of waiting.",
        default=False,
    ),
    Key(
        "persistence.type",
        KeyType.TEXT,
        "Where revisions are kept: none, memory, file, sqlite, or an extension.",
        "none",
    ),
    Key("persistence.enabled", KeyType.BOOLEAN, "False: as type none.", default=True),
    Key("persistence.path", KeyType.TEXT, "Of the file or SQLite store; ./snapshots, ./eventflux.db."),
    Key("persistence.url", KeyType.TEXT, "Of a store that has one."),
    Key("persistence.checkpoint_interval", KeyType.TEXT, "How often state is saved: a duration, or none.", "60s"),
    Key("persistence.revisions_to_keep", KeyType.INTEGER, "Older ones are deleted after a save.", 3, minimum=1),
    Key("persistence.on_shutdown", KeyType.BOOLEAN, "Save when the app stops.", default=True),
    Key("persistence.auto_restore", KeyType.BOOLEAN, "Restore the last revision at start.", default=True),
    Key(
        "persistence.on_restore_error",
        KeyType.TEXT,
        "When the last revision can't be restored: stop, try older ones, or begin empty.",
        "fail",
        ("fail", "previous", "fresh"),
    ),
    Key("persistence.options.<name>", KeyType.TEXT, "Passed to a store that is an extension."),
    Key("persistence.incremental", KeyType.BOOLEAN, "Save what has changed only.", default=False, has_effect=False),
    Key(
        "persistence.compression",
        KeyType.TEXT,
        "Of revisions.",
        "none",
        ("none", "lz4", "snappy", "zstd"),
        has_effect=False,
    ),
    Key("engine.memory_limit", KeyType.SIZE, "As runtime.memory_limit.", 0, minimum=0),
    Key("engine.slice_rows", KeyType.INTEGER, "Rows that run together, 0: the engine's choice.", 0, minimum=0),
    Key("engine.depth_first", KeyType.BOOLEAN, "Never run rows together: for tests.", default=False),
    Key("engine.seed", KeyType.INTEGER, "Of hashing, UUID() and RAND().", 0, minimum=0),
    Key("observability.metrics.enabled", KeyType.BOOLEAN, "Whether figures are shown.", default=True),
    Key("observability.metrics.level", KeyType.TEXT, "How many of them.", "basic", ("off", "basic", "detail")),
    Key("observability.metrics.labels.<name>", KeyType.TEXT, "A label that every figure gets."),
    Key("observability.http.enabled", KeyType.BOOLEAN, "Whether metrics and probes are served."),
    Key("observability.http.host", KeyType.TEXT, "Address to listen on.", "0.0.0.0"),  # noqa: S104
    Key("observability.http.port", KeyType.INTEGER, "Port to listen on; 0: any free one.", 9090, minimum=0),
    Key("observability.http.metrics_path", KeyType.TEXT, "Path of the metrics.", "/metrics"),
    Key(
        "observability.http.control",
        KeyType.BOOLEAN,
        "Whether queries, input and commands are served too.",
        default=False,
    ),
    Key("observability.http.control_token", KeyType.TEXT, "Header X-EventFlux-Token that these must carry."),
    Key("observability.tracing.enabled", KeyType.BOOLEAN, "OpenTelemetry spans.", default=False),
    Key("observability.tracing.endpoint", KeyType.TEXT, "OTLP endpoint that takes the spans."),
    Key("observability.tracing.sample_rate", KeyType.NUMBER, "Share of traces that are kept.", 0.1, minimum=0.0),
    Key(
        "observability.logging.level",
        KeyType.TEXT,
        "Least level that is logged.",
        "info",
        ("debug", "info", "warning", "error"),
    ),
    Key("observability.logging.format", KeyType.TEXT, "Of log lines.", "auto", ("auto", "console", "json")),
    Key("observability.logging.output", KeyType.TEXT, "stderr, stdout, or a file.", "stderr"),
    Key("observability.logging.fields.<name>", KeyType.TEXT, "A field that every JSON line gets."),
    Key("extensions.directories", KeyType.LIST, "Folders whose plug-ins are loaded."),
    Key("extensions.allow", KeyType.LIST, "Entry points or distributions that are loaded; all where not given."),
    Key("extensions.deny", KeyType.LIST, "Entry points or distributions that are not loaded."),
    Key("extensions.<name>.path", KeyType.TEXT, "A plug-in to load: path or module."),
    Key(
        "extensions.<name>.replace",
        KeyType.BOOLEAN,
        "Whether it may take the place of a built-in of that name.",
        default=False,
    ),
)

# Sections whose content somebody else checks: connectors, stores and the packages that read them.
OPEN_SECTIONS: Final = (
    "streams",
    "tables",
    "windows",
    "aggregations",
    "refs",
    "redis",
    "state_backend",
    "transport",
    "distributed",
    "data_sources",
    "kafka",
)
OPEN_BELOW: Final = ("persistence.wal", "application.error")


def key_of(path: Path) -> Key | None:
    """The declaration of a path, or None."""
    exact = _EXACT.get(path)
    if exact is not None:
        return exact
    return next((key for key in _PATTERNS if key.matches(path)), None)


_EXACT: Final = {key.parts: key for key in KEYS if "<" not in key.path}
_PATTERNS: Final = tuple(key for key in KEYS if "<" in key.path)
SECTIONS: Final = tuple(dict.fromkeys([*(key.parts[0] for key in KEYS), *OPEN_SECTIONS]))
