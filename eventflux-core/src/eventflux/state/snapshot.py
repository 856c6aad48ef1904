"""The snapshot container: what `persist` writes and `restore` reads.

    magic "EFXS" | format u16 | header: u32 length, msgpack
    a section for each component: meta: u32 length, msgpack; data
    index: msgpack [[component, offset], ...]
    index offset u64 | CRC-32C of all before u32 | magic "SXFE"

Little-endian. Each section has a checksum of its own, so that a damaged component can be named. Nothing in it is
executed on reading: msgpack and raw bytes only. Described in docs/development/state-format.md.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

import msgpack

from eventflux.engine.checksum import crc32c
from eventflux.types.errors import CorruptStateError, IncompatibleStateError
from eventflux.types.record import record

FORMAT_VERSION = 1
_MAGIC = b"EFXS"
_END = b"SXFE"
_PREFIX = struct.Struct("<4sH")
_LENGTH = struct.Struct("<I")
_TRAILER = struct.Struct("<QI4s")

Codec = Literal["none", "zlib"]


@record(frozen=True, slots=True, kw_only=True)
class SnapshotHeader:
    """What a snapshot says of itself.

    Attributes:
        app: Name of the app.
        revision: Its revision, or empty for a snapshot that no store keeps.
        created: Wall clock in milliseconds when it was taken.
        clock: The app's clock in milliseconds.
        parent: Revision that an incremental snapshot builds on, or None.
        log_position: Position in the write-ahead log that the state has reached, or None without a log.
        writer: Version of the package that wrote it.
    """

    app: str
    revision: str
    created: int
    clock: int
    parent: str | None = None
    log_position: int | None = None
    writer: str = ""


@record(frozen=True, slots=True, kw_only=True)
class Section:
    """The state of one component.

    Attributes:
        component: Stable identity within the app: ``query/kind/n``.
        kind: What it is: ``window``, ``select``, ``source``...
        version: (major, minor, patch) of the layout of `data`.
        fingerprint: Kind, parameters and schema as text; state of another fingerprint is not for this component.
        data: The state.
    """

    component: str
    kind: str
    version: tuple[int, int, int]
    fingerprint: str
    data: bytes = field(repr=False)


def is_readable(saved: tuple[int, int, int], current: tuple[int, int, int]) -> bool:
    """Whether code at version `current` reads state written at version `saved`."""
    return current[0] == saved[0] and current[1] >= saved[1]


def write_snapshot(header: SnapshotHeader, sections: Sequence[Section], *, codec: Codec = "none") -> bytes:
    """The container's bytes."""
    out = bytearray(_PREFIX.pack(_MAGIC, FORMAT_VERSION))
    _put(out, _header_fields(header))
    index: list[tuple[str, int]] = []
    for section in sections:
        index.append((section.component, len(out)))
        stored = zlib.compress(section.data, 1) if codec == "zlib" else section.data
        meta = [
            section.component,
            section.kind,
            list(section.version),
            section.fingerprint,
            codec,
            len(section.data),
            len(stored),
            crc32c(stored),
        ]
        _put(out, meta)
        out += stored
    index_offset = len(out)
    out += msgpack.packb(index)
    out += _TRAILER.pack(index_offset, crc32c(_TRAILER.pack(index_offset, 0, _END)[:8], crc32c(out)), _END)
    return bytes(out)


@record(frozen=True, slots=True)
class Snapshot:
    """A read and checked snapshot."""

    header: SnapshotHeader
    sections: Mapping[str, Section]


def read_snapshot(data: bytes) -> Snapshot:
    """Read and check a container.

    Raises:
        CorruptStateError: Magic, a length or a checksum is wrong; it says where.
        IncompatibleStateError: A format that this version does not read.
    """
    if len(data) < _PREFIX.size + _LENGTH.size + _TRAILER.size or data[:4] != _MAGIC:
        raise CorruptStateError("this is not a snapshot", where="magic", expected=_MAGIC, got=data[:4])
    _, version = _PREFIX.unpack_from(data)
    if version != FORMAT_VERSION:
        raise IncompatibleStateError(
            f"the snapshot has format {version}, this version reads {FORMAT_VERSION}",
            saved=version,
            current=FORMAT_VERSION,
        )
    body = memoryview(data)
    index_offset, checksum, end = _TRAILER.unpack_from(data, len(data) - _TRAILER.size)
    if end != _END or index_offset > len(data) - _TRAILER.size:
        raise CorruptStateError("the snapshot is cut short", where="trailer", expected=_END, got=end)
    found = crc32c(body[-_TRAILER.size : -_TRAILER.size + 8], crc32c(body[: -_TRAILER.size]))
    position = _PREFIX.size
    sections: dict[str, Section] = {}
    fields, position = _get(body, position, index_offset, "header")
    header = _header(fields)
    while position < index_offset:
        section, position = _section(body, position, index_offset)
        sections[section.component] = section
    if found != checksum:
        raise CorruptStateError("the snapshot is damaged", where="whole", expected=checksum, got=found)
    return Snapshot(header=header, sections=sections)


def _put(out: bytearray, value: object) -> None:
    packed = msgpack.packb(value)
    out += _LENGTH.pack(len(packed))
    out += packed


def _get(data: memoryview, position: int, end: int, where: str) -> tuple[Any, int]:
    if position + _LENGTH.size > end:
        raise CorruptStateError("the snapshot is cut short", where=where)
    (length,) = _LENGTH.unpack_from(data, position)
    position += _LENGTH.size
    if length > end - position:
        raise CorruptStateError("the snapshot is cut short", where=where, expected=length, got=end - position)
    try:
        value = msgpack.unpackb(data[position : position + length])
    except (ValueError, msgpack.UnpackException) as error:
        raise CorruptStateError("the snapshot is damaged", where=where) from error
    return value, position + length


def _header_fields(header: SnapshotHeader) -> dict[str, object]:
    return {name: getattr(header, name) for name in _HEADER_FIELDS}


_HEADER_FIELDS = ("app", "revision", "created", "clock", "parent", "log_position", "writer")


def _header(fields: Any) -> SnapshotHeader:
    if not isinstance(fields, dict) or not set(_HEADER_FIELDS) <= fields.keys():
        raise CorruptStateError("the snapshot is damaged", where="header")
    return SnapshotHeader(**{name: fields[name] for name in _HEADER_FIELDS})


def _section(data: memoryview, position: int, end: int) -> tuple[Section, int]:
    meta, position = _get(data, position, end, "section")
    match meta:
        case [
            str(component),
            str(kind),
            [int(), int(), int()] as version,
            str(fingerprint),
            str(codec),
            int(raw),
            int(stored),
            int(checksum),
        ]:
            pass
        case _:
            raise CorruptStateError("the snapshot is damaged", where="section")
    if stored < 0 or stored > end - position:
        raise CorruptStateError("the snapshot is cut short", where=component, expected=stored, got=end - position)
    content = data[position : position + stored]
    if crc32c(content) != checksum:
        raise CorruptStateError(
            f"the state of {component!r} is damaged", where=component, expected=checksum, got=crc32c(content)
        )
    section = Section(
        component=component,
        kind=kind,
        version=(version[0], version[1], version[2]),
        fingerprint=fingerprint,
        data=_decoded(content, codec, raw, component),
    )
    return section, position + stored


def _decoded(content: memoryview, codec: str, raw: int, component: str) -> bytes:
    match codec:
        case "none":
            decoded = bytes(content)
        case "zlib":
            inflate = zlib.decompressobj()
            try:
                decoded = inflate.decompress(content, raw + 1)
            except zlib.error as error:
                raise CorruptStateError(f"the state of {component!r} is damaged", where=component) from error
        case _:
            raise IncompatibleStateError(f"the state of {component!r} is stored as {codec!r}", component=component)
    if len(decoded) != raw:
        raise CorruptStateError(
            f"the state of {component!r} is damaged", where=component, expected=raw, got=len(decoded)
        )
    return decoded
