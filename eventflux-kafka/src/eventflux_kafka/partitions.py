"""Topics, partitions and offsets as texts and as bytes of a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgpack

from eventflux.extension import ConfigError, State

_ITEM: Final = re.compile(r"(?P<topic>[A-Za-z0-9._-]+):(?P<first>\d+)(?:-(?P<last>\d+))?(?:@(?P<start>\w+))?")
_FORMAT: Final = 1
EARLIEST: Final = "earliest"
LATEST: Final = "latest"

Partition = tuple[str, int]
Offsets = Mapping[Partition, int]
"""Partition -> the next offset to be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPartition:
    """One partition that is read without a group.

    Attributes:
        partition: Topic and number.
        start: Where reading begins: an offset, `EARLIEST`, `LATEST`; None: at the group's offset.
    """

    partition: Partition
    start: int | str | None = None


def parse_topics(text: str) -> tuple[str, ...]:
    """The topics of a list with commas; one that begins with ``^`` is a regular expression, and may hold commas.

    Raises:
        ConfigError: There is none, or a name that no topic can have.
    """
    if text.strip().startswith("^"):
        pattern = text.strip()
        try:
            re.compile(pattern)
        except re.error as error:
            raise ConfigError(f"topic {pattern!r} is not a regular expression: {error}", key="topic") from error
        return (pattern,)
    topics = tuple(name.strip() for name in text.split(",") if name.strip())
    if not topics:
        raise ConfigError("topic names no topic", key="topic", value=text)
    for topic in topics:
        if re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topic) is None:
            raise ConfigError(
                f"topic {topic!r}: a name has letters, digits, '.', '_' and '-' only", key="topic", value=text
            )
    return topics


def parse_partitions(text: str) -> tuple[FixedPartition, ...]:
    """The partitions of a list as in ``orders:0-3,audit:0@earliest``, each once.

    Raises:
        ConfigError: It is no such list.
    """
    found: dict[Partition, FixedPartition] = {}
    for item in filter(None, (each.strip() for each in text.split(","))):
        match = _ITEM.fullmatch(item)
        start = None if match is None or match["start"] is None else _start(match["start"])
        if match is None or (match["start"] is not None and start is None):
            raise ConfigError(
                f"partitions: {item!r} is not of the form topic:0, topic:0-3 or topic:0-3@offset",
                key="partitions",
                value=text,
                hint="an offset is a number, earliest or latest",
            )
        first = int(match["first"])
        last = first if match["last"] is None else int(match["last"])
        if last < first or last - first > 10_000:
            raise ConfigError(f"partitions: {item!r} is not a range", key="partitions", value=text)
        for number in range(first, last + 1):
            partition = (match["topic"], number)
            if partition in found:
                raise ConfigError(f"partitions: {match['topic']}:{number} is given twice", key="partitions", value=text)
            found[partition] = FixedPartition(partition=partition, start=start)
    if not found:
        raise ConfigError("partitions names no partition", key="partitions", value=text)
    return tuple(found.values())


def _start(text: str) -> int | str | None:
    if text.isdecimal():
        return int(text)
    return text.lower() if text.lower() in {EARLIEST, LATEST} else None


def pack_offsets(offsets: Offsets) -> bytes:
    """The bytes that a checkpoint holds."""
    topics: dict[str, dict[int, int]] = {}
    for (topic, number), offset in sorted(offsets.items()):
        topics.setdefault(topic, {})[number] = offset
    packed: bytes = msgpack.packb({"format": _FORMAT, "offsets": topics})
    return packed


def unpack_offsets(state: State) -> dict[Partition, int]:
    """The offsets of such bytes; none of no bytes.

    Raises:
        ValueError: They are damaged, or of another version.
    """
    if state is None:
        return {}
    try:
        saved = msgpack.unpackb(state, strict_map_key=False)
        if saved["format"] != _FORMAT:
            raise ValueError(f"format {saved['format']!r} instead of {_FORMAT}")
        return {
            (str(topic), int(number)): int(offset)
            for topic, partitions in saved["offsets"].items()
            for number, offset in partitions.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, msgpack.UnpackException) as error:
        raise ValueError(f"these are no offsets: {error}") from error
