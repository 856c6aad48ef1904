"""What the entry point names: the declarations of source and sink. The client is loaded when one of them is made."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from eventflux.extension import Example, Extension, ExtensionKind, ExtensionRegistry, Parameter, hookimpl

EVENTFLUX_API = (1, 0)

_TEXT: Final = ("STRING",)
_INT: Final = ("INT",)
_BOOL: Final = ("BOOL",)


def _later(module: str, name: str) -> Callable[[], object]:
    """A factory that imports what it makes on its first call: loading the client takes as long as loading the core."""

    def make() -> object:
        made: object = getattr(import_module(module), name)()
        return made

    return make


_BROKERS: Final = Parameter(
    "brokers", _TEXT, "Host and port of brokers, separated by commas.", aliases=("bootstrap.servers",)
)
_CONNECTION: Final = (
    Parameter(
        "security.protocol",
        _TEXT,
        "How brokers are talked to.",
        default="PLAINTEXT",
        choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    ),
    Parameter(
        "security.mechanism",
        _TEXT,
        "How we say who we are; PLAIN where a user is given.",
        optional=True,
        choices=("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"),
        aliases=("sasl.mechanism",),
    ),
    Parameter("security.username", _TEXT, "The user.", optional=True, aliases=("sasl.username",)),
    Parameter("security.password", _TEXT, "Its password.", optional=True, secret=True, aliases=("sasl.password",)),
    Parameter(
        "security.ca",
        _TEXT,
        "File with the certificates of those who may sign a broker's; none: the system's.",
        optional=True,
        aliases=("ssl.ca.location",),
    ),
    Parameter(
        "security.cert", _TEXT, "File with our certificate.", optional=True, aliases=("ssl.certificate.location",)
    ),
    Parameter("security.key", _TEXT, "File with our key.", optional=True, aliases=("ssl.key.location",)),
    Parameter(
        "security.key.password",
        _TEXT,
        "What the key file is encrypted with.",
        optional=True,
        secret=True,
        aliases=("ssl.key.password",),
    ),
    Parameter(
        "schema.registry.url",
        _TEXT,
        "A schema registry for the format, as its own option schema.registry.",
        optional=True,
        format_option="schema.registry",
    ),
    Parameter(
        "schema.registry.username", _TEXT, "For the registry.", optional=True, format_option="schema.registry.username"
    ),
    Parameter(
        "schema.registry.password",
        _TEXT,
        "For the registry.",
        optional=True,
        secret=True,
        format_option="schema.registry.password",
    ),
    Parameter(
        "schema.registry.subject",
        _TEXT,
        "Subject of the schema; <stream>-value if not given.",
        optional=True,
        format_option="schema.subject",
    ),
    Parameter(
        "client.", _TEXT, "Any property of the client, as in client.fetch.min.bytes.", optional=True, is_prefix=True
    ),
    Parameter("rdkafka.", _TEXT, "The same as client.", optional=True, is_prefix=True),
)

KAFKA_SOURCE: Final = Extension(
    name="kafka",
    kind=ExtensionKind.SOURCE,
    description="The messages of Kafka topics. Offsets are committed for what is secured: at least once.",
    factory=_later("eventflux_kafka.source", "KafkaSource"),
    parameters=(
        _BROKERS,
        Parameter(
            "topic",
            _TEXT,
            "Topics, separated by commas, or one regular expression that begins with ^.",
            aliases=("topics", "topic.list"),
        ),
        Parameter(
            "group",
            _TEXT,
            "The consumer group; none: eventflux-<app>, so that a restarted app goes on where it was.",
            optional=True,
            aliases=("group.id", "consumer.group"),
        ),
        Parameter(
            "partitions",
            _TEXT,
            "Instead of what the group assigns: a list as in orders:0-3,audit:0@earliest; an offset, earliest or "
            "latest may stand behind @.",
            optional=True,
        ),
        Parameter(
            "assignment",
            _TEXT,
            "group: partitions are shared with the other members; all: every instance reads all of them from the "
            "beginning and has them before the next source starts, for reference data.",
            default="group",
            choices=("group", "all"),
        ),
        Parameter(
            "auto.offset.reset",
            _TEXT,
            "Where reading begins without an offset; none: earliest where a store is set (or assignment is all), else "
            "latest.",
            optional=True,
            choices=("earliest", "latest", "error"),
        ),
        Parameter(
            "enable.auto.commit",
            _BOOL,
            "The client commits what it has handed over, whatever became of it: about at most once.",
            default=False,
        ),
        Parameter(
            "commit.interval",
            ("LONG",),
            "Without a store: how often the sinks are flushed and the offsets committed.",
            default=5000,
            unit="duration",
            minimum=1,
        ),
        Parameter(
            "poll.timeout.ms",
            _INT,
            "Longest wait for messages; a source stops within that.",
            default=100,
            unit="ms",
            minimum=1,
            maximum=4000,
        ),
        Parameter("max.poll.records", _INT, "Most messages of one poll.", default=1000, minimum=1, maximum=1_000_000),
        Parameter(
            "timestamp",
            _TEXT,
            "The time of an event: record (its message's), ingest (of its entry), attribute:<name>.",
            default="record",
        ),
        *_CONNECTION,
    ),
    examples=(
        Example(
            "CREATE STREAM Orders (id BIGINT, amount DOUBLE) WITH ('type' = 'source', 'extension' = 'kafka', "
            "'kafka.brokers' = 'localhost:9092', 'kafka.topic' = 'orders', 'format' = 'json');",
            "A topic of JSON objects.",
        ),
        Example(
            "@source(type='kafka', brokers='localhost:9092', topic='orders', auto.offset.reset='earliest', "
            "@map(type='json', @attributes(id='$.id', amount='$.amount', customer='trp:key', "
            "trace='trp:header.trace'))) "
            "define stream Orders (id long, amount double, customer string, trace string);",
            "Key and header of a message as attributes.",
        ),
    ),
)

KAFKA_SINK: Final = Extension(
    name="kafka",
    kind=ExtensionKind.SINK,
    description="Messages to a Kafka topic, with keys, headers and partitions; at least once.",
    factory=_later("eventflux_kafka.sink", "KafkaSink"),
    parameters=(
        _BROKERS,
        Parameter("topic", _TEXT, "The topic.", dynamic=True, aliases=("topics", "topic.list")),
        Parameter("key", _TEXT, "The key of a message; none: messages have no key.", optional=True, dynamic=True),
        Parameter("partition", _TEXT, "Its partition; none: by the key.", optional=True, dynamic=True),
        Parameter("headers.", _TEXT, "A header of that name.", optional=True, is_prefix=True, dynamic=True),
        Parameter(
            "acks", _TEXT, "Who has a message before it counts as delivered.", default="all", choices=("all", "1", "0")
        ),
        Parameter(
            "compression",
            _TEXT,
            "Of batches of messages.",
            default="none",
            choices=("none", "gzip", "snappy", "lz4", "zstd"),
        ),
        Parameter("linger.ms", _INT, "How long a message waits for others.", default=5, unit="ms", minimum=0),
        Parameter(
            "batch.size", _INT, "Most bytes of a batch; none: the client's.", optional=True, unit="bytes", minimum=1
        ),
        Parameter(
            "enable.idempotence",
            _BOOL,
            "Messages that the client repeats appear once, in order; needs acks all.",
            default=True,
        ),
        Parameter("delivery.sync", _BOOL, "Wait for the acknowledgement of each batch of events.", default=False),
        Parameter(
            "message.timeout.ms",
            _INT,
            "A message that is not delivered within that has failed.",
            default=30_000,
            unit="ms",
            minimum=1,
        ),
        Parameter(
            "flush.timeout.ms",
            _INT,
            "Longest wait for acknowledgements at a checkpoint, a commit and the end.",
            default=30_000,
            unit="ms",
            minimum=1,
        ),
        Parameter(
            "queue.full.strategy",
            _TEXT,
            "The client's queue is full: wait for room, or fail.",
            default="block",
            choices=("block", "error"),
        ),
        *_CONNECTION,
    ),
    examples=(
        Example(
            "CREATE STREAM Alerts (id BIGINT, total DOUBLE) WITH ('type' = 'sink', 'extension' = 'kafka', "
            "'kafka.brokers' = 'localhost:9092', 'kafka.topic' = 'alerts', 'kafka.key' = '{{id}}', 'format' = 'json');",
            "The attribute id is the key.",
        ),
    ),
)


@hookimpl
def eventflux_register_sources(registry: ExtensionRegistry) -> None:
    registry.register(KAFKA_SOURCE)


@hookimpl
def eventflux_register_sinks(registry: ExtensionRegistry) -> None:
    registry.register(KAFKA_SINK)
