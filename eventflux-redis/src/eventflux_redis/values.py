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


class DamagedValueError(ValueError):
    """Bytes that `encoded` never wrote."""


def check_codec(compression: Compression) -> None:
    """Find out whether values can be written so.

    Raises:
        ConfigError: What it needs is not installed.
    """
    if compression == "zstd":
        _zstandard()


def encoded(value: bytes, compression: Compression) -> bytes:
    """A value as it is stored."""
    match compression:
        case "zlib":
            return _MARK + _ZLIB + zlib.compress(value)
        case "zstd":
            return _MARK + _ZSTD + bytes(_zstandard().ZstdCompressor().compress(value))
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
        if codec == _PLAIN:
            return body
        if codec == _ZLIB:
            return zlib.decompress(body)
        if codec == _ZSTD:
            frame = _zstandard().ZstdDecompressor().decompressobj()
            value = bytes(frame.decompress(body))
            if not frame.eof:
                raise DamagedValueError("the compressed value is cut short")
            return value
    except zlib.error as error:
        raise DamagedValueError(str(error)) from error
    except Exception as error:  # zstandard's own class, which is not there where the package isn't
        if type(error).__name__ != "ZstdError":
            raise
        raise DamagedValueError(str(error)) from error
    raise DamagedValueError(f"unknown codec {codec!r}")


def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError as error:
        raise ConfigError(
            "compression 'zstd' needs the package zstandard", key="compression", hint="pip install zstandard"
        ) from error
