"""``log`` sink: a record an event."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.rows import Payload
from eventflux.extension.kinds.sink import Sink
from eventflux.extension.kinds.source import SinkContext
from eventflux.types.attribute_type import AttributeType

_LEVELS: Final = {
    "TRACE": 5,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "OFF": None,
}

logger = logging.getLogger("eventflux.sink.log")


class LogSink(Sink):
    """Writes ``<prefix> : <payload>``."""

    def configure(self, ctx: SinkContext) -> None:
        prefix = ctx.options.optional_text("prefix")
        self._prefix = f"{ctx.app_name} : {ctx.stream}" if prefix is None else prefix
        self._level = _LEVELS[ctx.options.text("priority")]

    def connect(self) -> None:
        """The log is always there."""

    def publish(self, payloads: Sequence[Payload], dynamic: Mapping[str, str]) -> None:
        level = self._level
        if level is None or not logger.isEnabledFor(level):
            return
        prefix = dynamic.get("prefix", self._prefix)
        for payload in payloads:
            logger.log(level, "%s : %s", prefix, event_text(payload))

    def disconnect(self) -> None:
        """The log is always there."""


def event_text(payload: Payload) -> str:
    """A payload as a line: a text as it is, an event as ``Event{timestamp=…, data=[…], isExpired=false}``."""
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload).decode("utf-8", "replace")
    if isinstance(payload, str):
        return payload
    if hasattr(payload, "timestamp") and hasattr(payload, "data"):
        values = ", ".join(_value_text(value) for value in payload.data)
        expired = "true" if getattr(payload, "is_expired", False) else "false"
        return f"Event{{timestamp={payload.timestamp}, data=[{values}], isExpired={expired}}}"
    return str(payload)


def _value_text(value: object) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


LOG_SINK: Final = Extension(
    name="log",
    kind=ExtensionKind.SINK,
    description="A record of the logger eventflux.sink.log an event.",
    factory=LogSink,
    default_format="passThrough",
    parameters=(
        Parameter(
            "prefix",
            (AttributeType.STRING,),
            "Stands before the event; <app> : <stream> if not given.",
            dynamic=True,
            optional=True,
        ),
        Parameter(
            "priority",
            (AttributeType.STRING,),
            "Level of the record.",
            default="INFO",
            choices=tuple(_LEVELS),
            aliases=("level",),
        ),
    ),
    examples=(Example("@sink(type='log', prefix='alert') define stream Alerts (symbol string);", "alert : Event{…}"),),
)
