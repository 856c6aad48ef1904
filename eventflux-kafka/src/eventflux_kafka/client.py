"""What source and sink share: the client's configuration, whether brokers can be reached, whether topics exist."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from eventflux.extension import ConfigError, ConnectionUnavailableError, Environment, Options
from eventflux_kafka.client_log import CLIENT_LOGGER

CHECK_SECONDS: Final = 10.0
STATISTICS_MS: Final = 1000
CLIENT: Final = "client."
RDKAFKA: Final = "rdkafka."

_REFUSALS: Final = frozenset(
    {KafkaError._SSL, KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}  # noqa: SLF001 - that is their name
)
_UNREACHABLE: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
        KafkaError._PURGE_QUEUE,  # noqa: SLF001
        KafkaError._PURGE_INFLIGHT,  # noqa: SLF001
        *_REFUSALS,
    }
)
_OWNED: Final[Mapping[str, str]] = {
    "bootstrap.servers": "brokers",
    "metadata.broker.list": "brokers",
    "security.protocol": "security.protocol",
    "sasl.mechanism": "security.mechanism",
    "sasl.mechanisms": "security.mechanism",
    "sasl.username": "security.username",
    "sasl.password": "security.password",
    "ssl.ca.location": "security.ca",
    "ssl.certificate.location": "security.cert",
    "ssl.key.location": "security.key",
    "ssl.key.password": "security.key.password",
}
"""Property of the client -> the option that sets it, on both sides."""
_SSL_OPTIONS: Final = {
    "security.ca": "ssl.ca.location",
    "security.cert": "ssl.certificate.location",
    "security.key": "ssl.key.location",
    "security.key.password": "ssl.key.password",
}
_CONNECTION: Final = ("broker.", "client.dns", "enable.ssl", "enable.sasl", "sasl.", "socket.", "ssl.")
"""How properties begin that are about the way to a broker."""

logger = logging.getLogger("eventflux.kafka")


def client_config(options: Options, owned: Mapping[str, str]) -> dict[str, Any]:
    """The client's properties as far as both sides have them.

    Args:
        options: Checked against the declaration.
        owned: Further properties that an option sets.

    Raises:
        ConfigError: Security options contradict each other, or a property is given that an option sets.
    """
    config: dict[str, Any] = {
        "bootstrap.servers": options.text("brokers"),
        "client.id": "eventflux",
        "statistics.interval.ms": STATISTICS_MS,
        "log.connection.close": False,
        # The first attempts follow each other quickly: a broker that was restarted is found within a second.
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 1000,
        **_security(options),
    }
    for prefix in (CLIENT, RDKAFKA):
        for name, value in options.family(prefix).items():
            setter = owned.get(name) or _OWNED.get(name)
            if setter is not None:
                raise ConfigError(
                    f"option {prefix + name!r}: the property is set by the option {setter!r}", key=prefix + name
                )
            if name.endswith("_cb") or name == "statistics.interval.ms":
                raise ConfigError(f"option {prefix + name!r}: the connector needs the property", key=prefix + name)
            config[name] = value
    return config


def _security(options: Options) -> dict[str, Any]:
    protocol = options.text("security.protocol")
    user = options.optional_text("security.username")
    mechanism = options.optional_text("security.mechanism")
    config: dict[str, Any] = {"security.protocol": protocol}
    if protocol.startswith("SASL"):
        if mechanism is None and user is None:
            raise ConfigError(
                f"security.protocol {protocol} needs security.username or security.mechanism", key="security.protocol"
            )
        config["sasl.mechanism"] = mechanism or "PLAIN"
        if user is not None:
            config["sasl.username"] = user
            config["sasl.password"] = options.optional_text("security.password") or ""
        elif config["sasl.mechanism"] != "OAUTHBEARER":
            raise ConfigError(f"{config['sasl.mechanism']} needs security.username", key="security.username")
    elif user is not None or mechanism is not None:
        raise ConfigError(
            f"security.username and security.mechanism do nothing with security.protocol {protocol}",
            key="security.protocol",
            hint="SASL_PLAINTEXT or SASL_SSL",
        )
    for name, property_ in _SSL_OPTIONS.items():
        value = options.optional_text(name)
        if value is None:
            continue
        if not protocol.endswith("SSL"):
            raise ConfigError(
                f"{name} does nothing with security.protocol {protocol}", key=name, hint="SSL or SASL_SSL"
            )
        config[property_] = value
    return config


def made(make: Callable[[], Any]) -> Any:
    """A client; what it refuses in its configuration is a `ConfigError`."""
    try:
        return make()
    except KafkaException as error:
        raise ConfigError(f"the Kafka client refuses its configuration: {_text(error)}") from error


def check_properties(options: Options, make: Callable[[], Any]) -> None:
    """Have the client look at its configuration when properties are passed through: only it knows them.

    Raises:
        ConfigError: It refuses one.
    """
    if options.family(CLIENT) or options.family(RDKAFKA):
        made(make)


def is_unreachable(error: KafkaError) -> bool:
    """Whether only the way to the brokers is at fault."""
    return error.code() in _UNREACHABLE or bool(error.retriable())


def is_refusal(error: KafkaError) -> bool:
    """Whether somebody at the other end doesn't want us, or we don't want them: to try again helps nothing."""
    text = error.str()  # of an alert that the other end sent there is no code; "sslv3 alert", "ssl/tls alert" and such
    return error.code() in _REFUSALS or ("SSL routines" in text and " alert " in text)


class BrokerWatch:
    """Whether brokers can be reached, from what the client says in its callbacks.

    The client connects again by itself. Its statistics, once a second, say how each connection is; that all are gone is
    an outage only behind an error, since connections that nobody needs are not kept. Or a message arrives: that is an
    answer, too.
    """

    def __init__(self, on_down: Callable[[Exception], None], on_up: Callable[[], None]) -> None:
        """Bind.

        Args:
            on_down: Told once when no broker can be reached any more.
            on_up: Told once when one can.
        """
        self._on_down = on_down
        self._on_up = on_up
        self._lock = threading.Lock()  # callbacks come on whatever thread polls
        self.is_down = False
        self.reason: KafkaError | None = None
        self.fatal: KafkaError | None = None

    def config(self) -> dict[str, Any]:
        """The properties that make a client tell."""
        return {"error_cb": self.failed, "stats_cb": self.measured, "logger": CLIENT_LOGGER}

    def failed(self, error: KafkaError) -> None:
        """The client reports an error."""
        if error.fatal():
            self.fatal = error
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - that is its name
            self._is_down(error if self.reason is None else self.reason)
        elif error.code() in _UNREACHABLE:
            if is_refusal(error) and self.reason is None:
                logger.warning("Kafka refuses the connection: %s", error.str())
            self.reason = error
        else:
            logger.warning("Kafka client: %s", error.str())

    def measured(self, statistics: str) -> None:
        """The client's statistics, as JSON."""
        reason = self.reason
        if reason is None and not self.is_down:
            return
        brokers = json.loads(statistics).get("brokers", {}).values()
        if any(broker.get("state") == "UP" for broker in brokers):
            self.works()
        elif reason is not None:
            self._is_down(reason)

    def _is_down(self, reason: KafkaError) -> None:
        with self._lock:
            was_down, self.is_down = self.is_down, True
        if not was_down:
            self._on_down(ConnectionUnavailableError(reason.str()))

    def works(self) -> None:
        """A broker has answered."""
        with self._lock:
            was_down, self.is_down = self.is_down, False
            self.reason = None
        if was_down:
            self._on_up()


def check_reachable(config: Mapping[str, Any], topics: Iterable[str], environment: Environment) -> dict[str, int]:
    """Find out whether brokers answer and topics exist; the number of partitions of each of the cluster's topics.

    Raises:
        ConfigError: The client refuses its configuration.
        ConnectionUnavailableError: No broker answers within 10 s, one refuses us, or a topic does not exist.
    """
    for name, property_ in _SSL_OPTIONS.items():
        if property_.endswith(".location") and property_ in config and not Path(config[property_]).is_file():
            raise ConfigError(f"{name}: the file {config[property_]!r} does not exist", key=name)
    brokers = config["bootstrap.servers"]
    watch = BrokerWatch(lambda _error: None, lambda: None)
    known: dict[str, Any] = {
        name: value for name, value in config.items() if name in _OWNED or name.startswith(_CONNECTION)
    }
    callbacks: dict[str, Any] = {"error_cb": watch.failed, "logger": CLIENT_LOGGER}
    admin: AdminClient = made(lambda: AdminClient({**known, **callbacks}))
    deadline = environment.monotonic() + CHECK_SECONDS
    while True:
        try:
            found = admin.list_topics(timeout=1.0).topics
            break
        except KafkaException as error:
            admin.poll(0)
            reason = watch.reason
            if reason is not None and is_refusal(reason):
                raise ConnectionUnavailableError(
                    f"the brokers refuse the connection (brokers: {brokers}): {reason.str()}"
                ) from error
            if environment.monotonic() >= deadline:
                why = _text(error) if reason is None else reason.str()
                raise ConnectionUnavailableError(
                    f"no broker answers within {CHECK_SECONDS:g} s (brokers: {brokers}): {why}"
                ) from error
    missing = [topic for topic in topics if topic not in found or found[topic].error is not None]
    if missing:
        names = ", ".join(repr(topic) for topic in missing)
        what = "topic {} does not exist" if len(missing) == 1 else "topics {} do not exist"
        raise ConnectionUnavailableError(f"{what.format(names)} (brokers: {brokers})")
    return {name: len(topic.partitions) for name, topic in found.items()}


def plain_topics(topics: Sequence[str]) -> list[str]:
    """Those that are no regular expressions."""
    return [topic for topic in topics if not topic.startswith("^")]


def _text(error: KafkaException) -> str:
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)
