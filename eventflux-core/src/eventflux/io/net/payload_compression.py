"""Compression of single payloads by the names that options use; lz4, snappy and zstd are libraries of extras."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from eventflux.extension.lazy import missing_extra
from eventflux.types.errors import MappingError
from eventflux.types.record import record

NAMES: Final = ("none", "lz4", "snappy", "zstd")
"""In the order of their numbers on the wire."""

_LIBRARIES: Final = {"lz4": "lz4.frame", "snappy": "cramjam", "zstd": "zstandard"}


@record(frozen=True, slots=True, kw_only=True)
class PayloadCodec:
    """One compression.

    Attributes:
        number: On the wire.
        compress: Makes a payload smaller.
        decompress: Gives it back; it and the most bytes that it may have. Raises `MappingError`.
    """

    number: int
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes, int], bytes]


def payload_codec(name: str) -> PayloadCodec | None:
    """The compression of that name; None for ``none``.

    Raises:
        ConfigError: Its library is not installed; the hint names the extra.
    """
    if name == "none":
        return None
    try:
        library: Any = import_module(_LIBRARIES[name])
    except ModuleNotFoundError as error:
        raise missing_extra(name, error.name or name) from error
    compress, decompress = {"lz4": _lz4, "snappy": _snappy, "zstd": _zstd}[name](library)

    def bounded(data: bytes, limit: int) -> bytes:
        try:
            plain = decompress(data, limit)
        except (ValueError, RuntimeError, EOFError, OSError, MemoryError, library_errors) as error:
            raise MappingError(f"the payload is not {name}: {error}") from error
        if len(plain) > limit:
            raise MappingError(f"the payload is longer than {limit} bytes")
        return plain

    library_errors: Any = getattr(library, "ZstdError", None) or getattr(library, "DecompressionError", ValueError)
    return PayloadCodec(number=NAMES.index(name), compress=compress, decompress=bounded)


_Pair = tuple[Callable[[bytes], bytes], Callable[[bytes, int], bytes]]


def _lz4(library: Any) -> _Pair:
    def decompress(data: bytes, limit: int) -> bytes:
        member = library.LZ4FrameDecompressor()
        plain: bytes = member.decompress(data, max_length=limit + 1)
        if len(plain) <= limit and not member.eof:
            raise ValueError("it ends too early")
        return plain

    return library.compress, decompress


def _snappy(library: Any) -> _Pair:
    def decompress(data: bytes, limit: int) -> bytes:
        size = library.snappy.decompress_raw_len(data)
        if size > limit:
            raise MappingError(f"the payload is longer than {limit} bytes")
        return bytes(library.snappy.decompress_raw(data))

    return lambda data: bytes(library.snappy.compress_raw(data)), decompress


def _zstd(library: Any) -> _Pair:
    def decompress(data: bytes, limit: int) -> bytes:
        if library.frame_content_size(data) > limit:
            raise MappingError(f"the payload is longer than {limit} bytes")
        plain: bytes = library.ZstdDecompressor().decompress(data, max_output_size=limit)
        return plain

    return lambda data: library.ZstdCompressor().compress(data), decompress
