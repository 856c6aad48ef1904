"""How values lie in Redis: as they are, or compressed behind a mark.

A value that begins with the mark by chance is stored behind a mark too, so that what is read is what was written.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Final

from eventflux.extension import ConfigError
from eventflux_redis.config import Compression

_MARK: Final = b"EFXC"
_PLAIN: Final = b"0"
_ZLIB: Final = b"1"
_ZSTD: Final = b"2"
_LZ4: Final = b"3"
_SNAPPY: Final = b"4"
_LIBRARIES: Final = {"zstd": "zstandard", "lz4": "lz4.frame", "snappy": "cramjam"}


class DamagedValueError(ValueError):
    """Bytes that `encoded` never wrote."""


def check_codec(compression: Compression) -> None:
    """Find out whether values can be written so.

    Raises:
        ConfigError: What it needs is not installed.
    """
    if compression in _LIBRARIES:
        _library(compression)


def encoded(value: bytes, compression: Compression) -> bytes:
    """A value as it is stored."""
    match compression:
        case "zlib":
            return _MARK + _ZLIB + zlib.compress(value)
        case "zstd":
            return _MARK + _ZSTD + bytes(_library("zstd").ZstdCompressor().compress(value))
        case "lz4":
            return _MARK + _LZ4 + bytes(_library("lz4").compress(value))
        case "snappy":
            return _MARK + _SNAPPY + bytes(_library("snappy").snappy.compress_raw(value))
        case _:
            return _MARK + _PLAIN + value if value.startswith(_MARK) else value


def decoded(stored: bytes) -> bytes:
    """The value that was stored.

    Raises:
        DamagedValueError: It was not stored by us, or is damaged.
    """
    if not stored.startswith(_MARK):
        return stored
    codec, body = stored[len(_MARK) : len(_MARK) + 1], stored[len(_MARK) + 1 :]
    try:
        match codec:
            case b"0":
                return body
            case b"1":
                return zlib.decompress(body)
            case b"2":
                frame = _library("zstd").ZstdDecompressor().decompressobj()
                return _whole(bytes(frame.decompress(body)), is_whole=frame.eof)
            case b"3":
                member = _library("lz4").LZ4FrameDecompressor()
                return _whole(bytes(member.decompress(body)), is_whole=member.eof)
            case b"4":
                return bytes(_library("snappy").snappy.decompress_raw(body))
    except (ConfigError, DamagedValueError):
        raise
    except Exception as error:  # each library has errors of its own, some of them no subclasses of anything
        raise DamagedValueError(str(error)) from error
    raise DamagedValueError(f"unknown codec {codec!r}")


def _whole(value: bytes, *, is_whole: bool) -> bytes:
    if not is_whole:
        raise DamagedValueError("the compressed value is cut short")
    return value


def _library(compression: str) -> Any:
    name = _LIBRARIES[compression]
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"compression {compression!r} needs {name.partition('.')[0]}",
            key="compression",
            hint="pip install 'eventflux-redis[compression]'",
        ) from error
