"""The options of a stream itself: asynchronous sending, errors, event time. Declared like those of any extension."""

from __future__ import annotations

from enum import Enum, unique
from typing import Final

from eventflux.extension.declaration import Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.options import Options
from eventflux.types.attribute_type import AttributeType
from eventflux.types.record import record

_TEXT: Final = (AttributeType.STRING,)
_INT: Final = (AttributeType.INT,)
_BOOL: Final = (AttributeType.BOOL,)
_DOUBLE: Final = (AttributeType.DOUBLE,)

BACKPRESSURE: Final = (
    "block",
    "block_timeout",
    "block-timeout",
    "drop_newest",
    "drop-newest",
    "drop",
    "drop_oldest",
    "drop-oldest",
    "backoff",
    "exponential-backoff",
    "exponential_backoff",
    "exponentialBackoff",
    "fail",
)

ASYNC_OPTIONS: Final = Extension(
    name="async",
    kind=ExtensionKind.STREAM_PROCESSOR,
    description="A queue between the senders of a stream and its receivers.",
    parameters=(
        Parameter("enabled", _BOOL, "Whether the stream is asynchronous; any other option implies it.", default=True),
        Parameter(
            "buffer_size",
            _INT,
            "Capacity in rows, rounded up to a power of two.",
            optional=True,
            minimum=1,
            aliases=("buffer.size", "buffer-size"),
        ),
        Parameter("workers", _INT, "How many shards may run beside each other.", default=1, minimum=1),
        Parameter(
            "batch_size_max",
            _INT,
            "Most rows handed on at once.",
            optional=True,
            minimum=1,
            aliases=("batch.size.max", "batch-size-max"),
        ),
        Parameter("backpressure", _TEXT, "What happens when there is no room.", default="block", choices=BACKPRESSURE),
        Parameter("timeout", _TEXT, "How long block_timeout waits.", default=1000, unit="duration"),
        Parameter("backoff.initial", _TEXT, "First wait of backoff.", default=1, unit="duration"),
        Parameter("backoff.max", _TEXT, "Longest wait of backoff.", default=100, unit="duration"),
        Parameter("backoff.multiplier", _DOUBLE, "By how much a wait of backoff grows.", default=2.0, minimum=1.0),
        Parameter(
            "wait",
            _TEXT,
            "How the consumer waits for rows.",
            default="blocking",
            choices=("blocking", "yielding", "spinning"),
        ),
    ),
)

ERROR_OPTIONS: Final = Extension(
    name="error",
    kind=ExtensionKind.STREAM_PROCESSOR,
    description="What happens to an event that fails.",
    parameters=(
        Parameter(
            "strategy",
            _TEXT,
            "What happens to the event.",
            optional=True,
            choices=("drop", "log", "wait", "retry", "dlq", "fail", "stream", "store"),
        ),
        Parameter(
            "log-level",
            _TEXT,
            "Level of the record of a failed event.",
            default="warn",
            choices=("trace", "debug", "info", "warn", "error"),
        ),
        Parameter("retry.max-attempts", _INT, "How often it is tried again.", default=3, minimum=0),
        Parameter(
            "retry.backoff",
            _TEXT,
            "How waits grow.",
            default="exponential",
            choices=("exponential", "linear", "fixed"),
        ),
        Parameter("retry.initial-delay", _TEXT, "The first wait.", default=100, unit="duration"),
        Parameter("retry.max-delay", _TEXT, "The longest wait.", default=30_000, unit="duration"),
        Parameter("retry.multiplier", _DOUBLE, "By how much an exponential wait grows.", default=2.0, minimum=1.0),
        Parameter(
            "retry.jitter", _DOUBLE, "Largest random share added to a wait.", default=0.1, minimum=0.0, maximum=1.0
        ),
        Parameter(
            "retry.exhausted",
            _TEXT,
            "What happens after the last attempt.",
            optional=True,
            choices=("drop", "dlq", "fail"),
        ),
        Parameter("dlq.stream", _TEXT, "The dead-letter stream.", optional=True),
        Parameter(
            "dlq.fallback-strategy",
            _TEXT,
            "What happens when the dead-letter stream fails.",
            default="log",
            choices=("log", "drop", "fail", "retry"),
        ),
        Parameter("dlq.fallback-retry.max-attempts", _INT, "How often that is tried again.", default=3, minimum=0),
        Parameter("dlq.fallback-retry.initial-delay", _TEXT, "The first wait of that.", default=100, unit="duration"),
        Parameter("dlq.fallback-retry.max-delay", _TEXT, "The longest wait of that.", default=30_000, unit="duration"),
        Parameter("fail.message", _TEXT, "Text of the error that stops the app.", optional=True),
    ),
)

STREAM_OPTIONS: Final = Extension(
    name="stream",
    kind=ExtensionKind.STREAM_PROCESSOR,
    description="What a stream knows of event time, partitions and connections.",
    parameters=(
        Parameter(
            "watermark.idle-timeout",
            _TEXT,
            "When a silent input no longer holds time back.",
            optional=True,
            unit="duration",
        ),
        Parameter(
            "late.policy",
            _TEXT,
            "What happens to rows behind the watermark.",
            optional=True,
            choices=("drop", "log", "stream", "accept", "process", "error", "fail"),
        ),
        Parameter("late.stream", _TEXT, "Where late rows go.", optional=True),
        Parameter("partition.by", _TEXT, "Columns of the shard key.", optional=True),
        Parameter(
            "connect.retry",
            _TEXT,
            "Whether a connection is tried again.",
            default="backoff",
            choices=("backoff", "none"),
        ),
    ),
)


CACHE_OPTIONS: Final = Extension(
    name="cache",
    kind=ExtensionKind.STORE,
    description="Rows of a table outside that are kept in memory.",
    parameters=(
        Parameter("size", _INT, "Most rows that are kept.", minimum=1, aliases=("max_size",)),
        Parameter(
            "cache.policy",
            _TEXT,
            "Which row goes when there is no room: FIFO the oldest, LRU the least recently used, LFU the least used.",
            default="FIFO",
            choices=("FIFO", "LRU", "LFU"),
            aliases=("policy",),
        ),
        Parameter(
            "retention.period",
            _TEXT,
            "How long a row is kept; else for ever.",
            optional=True,
            unit="duration",
            aliases=("ttl",),
        ),
        Parameter(
            "purge.interval",
            _TEXT,
            "How often old rows are looked for; else every retention period.",
            optional=True,
            unit="duration",
        ),
    ),
)


@unique
class ErrorAction(str, Enum):
    """What happens to an event that fails."""

    DROP = "drop"
    WAIT = "wait"
    RETRY = "retry"
    STREAM = "stream"
    STORE = "store"
    DLQ = "dlq"
    FAIL = "fail"

    def __str__(self) -> str:
        return self.value

    @staticmethod
    def named(text: str) -> ErrorAction:
        """The action of a spelling in any case; ``log`` is ``drop``.

        Raises:
            ValueError: No action is spelled so.
        """
        folded = text.casefold()
        return ErrorAction.DROP if folded == "log" else ErrorAction(folded)


@record(frozen=True, slots=True, kw_only=True)
class ErrorPolicy:
    """What happens to an event that fails, with all delays in milliseconds."""

    action: ErrorAction = ErrorAction.DROP
    log_level: str = "warn"
    max_attempts: int = 3
    backoff: str = "exponential"
    initial_delay_ms: int = 100
    max_delay_ms: int = 30_000
    multiplier: float = 2.0
    jitter: float = 0.1
    exhausted: ErrorAction = ErrorAction.DROP
    dlq_stream: str | None = None
    fallback: ErrorAction = ErrorAction.DROP
    fallback_max_attempts: int = 3
    fallback_initial_delay_ms: int = 100
    fallback_max_delay_ms: int = 30_000
    fail_message: str | None = None

    @staticmethod
    def of(options: Options, default: ErrorAction = ErrorAction.DROP) -> ErrorPolicy:
        """The policy that checked ``error.*`` options mean."""
        strategy = options.optional_text("strategy")
        dlq_stream = options.optional_text("dlq.stream")
        exhausted = options.optional_text("retry.exhausted")
        after_retry = ErrorAction.DLQ if dlq_stream is not None else ErrorAction.DROP
        return ErrorPolicy(
            action=default if strategy is None else ErrorAction.named(strategy),
            log_level=options.text("log-level"),
            max_attempts=options.integer("retry.max-attempts"),
            backoff=options.text("retry.backoff"),
            initial_delay_ms=options.integer("retry.initial-delay"),
            max_delay_ms=options.integer("retry.max-delay"),
            multiplier=options.number("retry.multiplier"),
            jitter=options.number("retry.jitter"),
            exhausted=after_retry if exhausted is None else ErrorAction.named(exhausted),
            dlq_stream=dlq_stream,
            fallback=ErrorAction.named(options.text("dlq.fallback-strategy")),
            fallback_max_attempts=options.integer("dlq.fallback-retry.max-attempts"),
            fallback_initial_delay_ms=options.integer("dlq.fallback-retry.initial-delay"),
            fallback_max_delay_ms=options.integer("dlq.fallback-retry.max-delay"),
            fail_message=options.optional_text("fail.message"),
        )
