"""Payload templates: a text with ``{{attribute}}`` in it. Plain substitution, no logic."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from eventflux.extension.kinds.rows import EventLike, RowBatch
from eventflux.extension.nearest import nearest
from eventflux.types.errors import ConfigError
from eventflux.types.record import record
from eventflux.types.schema import Schema

_PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_TIMESTAMP: Final = ("_timestamp", "_eventTime")
_STREAM: Final = ("_stream", "_streamName")

Encode = Callable[[object], str]


@record(frozen=True, slots=True)
class _Attribute:
    position: int


@record(frozen=True, slots=True)
class _EventTime:
    pass


@record(frozen=True, slots=True)
class _Now:
    pass


_Part = str | _Attribute | _EventTime | _Now


class Template:
    """A parsed template."""

    def __init__(
        self, text: str, schema: Schema, *, app_name: str, stream: str, encode: Encode, now: Callable[[], int]
    ) -> None:
        """Parse.

        Args:
            text: With placeholders.
            schema: What can be named, beside ``_timestamp``, ``_now``, ``_stream``, ``_app``.
            app_name: For ``_app``.
            stream: For ``_stream``.
            encode: How a value is written in the format.
            now: For ``_now``, in milliseconds.

        Raises:
            ConfigError: A placeholder names nothing.
        """
        self.text = text
        self._encode = encode
        self._names = schema.names
        self._now = now
        self._parts: list[_Part] = []
        position = 0
        for match in _PLACEHOLDER.finditer(text):
            self._parts.append(text[position : match.start()])
            self._parts.append(_part(match.group(1), schema, app_name, stream, encode))
            position = match.end()
        self._parts.append(text[position:])

    @property
    def is_constant(self) -> bool:
        """Whether every event gives the same text."""
        return all(isinstance(part, str) for part in self._parts)

    @property
    def _attribute(self) -> int | None:
        """Position of the attribute that is the whole template, or None."""
        parts = [part for part in self._parts if part != ""]
        return parts[0].position if len(parts) == 1 and isinstance(parts[0], _Attribute) else None

    def render_or_none(self, event: EventLike) -> str | None:
        """The text for one event; None where the template is one attribute and that is null."""
        at = self._attribute
        return None if at is not None and event.data[at] is None else self.render(event)

    def render_each(self, batch: RowBatch) -> list[str | None]:
        """The text for each event, as `render_or_none`."""
        at = self._attribute
        if at is None:
            return [self.render(event) for event in batch]
        encode = self._encode
        return [None if value is None else encode(value) for value in batch.columns[self._names[at]]]

    def render(self, event: EventLike) -> str:
        """The text for one event."""
        data = event.data
        encode = self._encode
        return "".join(
            part
            if isinstance(part, str)
            else encode(data[part.position])
            if isinstance(part, _Attribute)
            else encode(event.timestamp if isinstance(part, _EventTime) else self._now())
            for part in self._parts
        )


def has_placeholder(text: str) -> bool:
    """Whether the text is a template."""
    return _PLACEHOLDER.search(text) is not None


def plain_text(value: object) -> str:
    """A value as text without quotes: what ``topic='{{a}}'`` and text templates write; null is ``null``."""
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return value if isinstance(value, str) else str(value)


def _part(name: str, schema: Schema, app_name: str, stream: str, encode: Encode) -> _Part:
    position = schema.position(name)
    if position is not None:
        return _Attribute(position)
    if name in _TIMESTAMP:
        return _EventTime()
    if name == "_now":
        return _Now()
    if name in _STREAM:
        return encode(stream)
    if name == "_app":
        return encode(app_name)
    best = nearest(name, (*schema.names, "_timestamp", "_now", "_stream", "_app"))
    raise ConfigError(
        f"template names {name!r}, which is no attribute of stream {stream!r}",
        key="template",
        hint=f"did you mean {best!r}?" if best is not None else f"{stream} has: {schema}",
    )
