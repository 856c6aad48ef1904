"""Compression of payloads by the numbers of the wire; gRPC's own is something else. lz4 and snappy are an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from eventflux.extension import Compression, ConfigError, MappingError

_LIBRARIES: Final = {Compression.LZ4: "lz4.frame", Compression.SNAPPY: "cramjam", Compression.ZSTD: "zstandard"}


def codec_named(name: str) -> Compression:
    """The compression of that name, its library imported.

    Raises:
        ConfigError: There is none of that name, or its library is not installed.
    """
    try:
        codec = Compression[name.upper()]
    except KeyError as error:
        known = ", ".join(each.name.lower() for each in Compression)
        raise ConfigError(f"there is no compression {name!r}", key="compression", hint=f"one of {known}") from error
    _library(codec)
    return codec


def compress(codec: Compression, payload: bytes) -> bytes:
    """The payload as it travels."""
    library = _library(codec)
    match codec:
        case Compression.LZ4:
            return bytes(library.compress(payload))
        case Compression.SNAPPY:
            return bytes(library.snappy.compress_raw(payload))
        case Compression.ZSTD:
            return bytes(library.ZstdCompressor().compress(payload))
        case _:
            return payload


def decompress(number: int, data: bytes, limit: int) -> bytes:
    """The payload that travelled.

    Args:
        number: Of the compression, as the message says.
        data: What travelled.
        limit: Most bytes of the payload: a small message must not become a huge one.

    Raises:
        MappingError: It is damaged, too long, or of an unknown compression.
    """
    try:
        codec = Compression(number)
    except ValueError as error:
        raise MappingError(f"unknown compression {number}") from error
    if codec is Compression.NONE:
        return data
    library = _library(codec)
    try:
        plain = _plain(codec, library, data, limit)
    except MappingError:
        raise
    except Exception as error:  # each library has errors of its own, some of them no subclasses of anything
        raise MappingError(f"the payload is not {codec.name.lower()}: {error}") from error
    if len(plain) > limit:
        raise MappingError(f"the payload has more than {limit} bytes")
    return plain


def _plain(codec: Compression, library: Any, data: bytes, limit: int) -> bytes:
    match codec:
        case Compression.LZ4:
            member = library.LZ4FrameDecompressor()
            plain = bytes(member.decompress(data, max_length=limit + 1))
            if len(plain) <= limit and not member.eof:
                raise MappingError("the payload is cut short")
            return plain
        case Compression.SNAPPY:
            if library.snappy.decompress_raw_len(data) > limit:
                raise MappingError(f"the payload has more than {limit} bytes")
            return bytes(library.snappy.decompress_raw(data))
        case _:
            if library.frame_content_size(data) > limit:
                raise MappingError(f"the payload has more than {limit} bytes")
            return bytes(library.ZstdDecompressor().decompress(data, max_output_size=limit))


def _library(codec: Compression) -> Any:
    if codec is Compression.NONE:
        return None
    try:
        return import_module(_LIBRARIES[codec])
    except ImportError as error:
        raise ConfigError(
            f"compression {codec.name.lower()!r} needs {_LIBRARIES[codec].partition('.')[0]}",
            key="compression",
            hint="pip install 'eventflux-grpc[compression]'",
        ) from error
