"""gzip and zstd, streaming. zstd needs the extra ``zstd``."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

from eventflux.types.errors import ConfigError, MappingError

_GZIP: Final = 31  # zlib's window bits for gzip with the largest window
_MAX_STEP: Final = 1 << 20


class Decompressor(Protocol):
    """Turns what was read into what it stands for; bounded steps."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of at most a mebibyte or so."""
        ...

    def finish(self) -> None:
        """There is no more data; `MappingError` if there should be."""
        ...


class Compressor(Protocol):
    """Turns what is written into what stands for it."""

    def compress(self, data: bytes) -> bytes:
        """Add data."""
        ...

    def finish(self) -> bytes:
        """The rest."""
        ...


class PlainDecompressor:
    """No compression."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield data

    def finish(self) -> None:
        """Every end is good."""


class GzipDecompressor:
    """gzip, any number of members one after the other."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        try:
            while data:
                if self._member.eof:
                    data = data.lstrip(b"\0")
                    if not data:
                        return
                    self._member = zlib.decompressobj(_GZIP)
                piece = self._member.decompress(data, _MAX_STEP)
                if piece:
                    yield piece
                data = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error as error:
            raise MappingError(f"not gzip: {error}") from error

    def finish(self) -> None:
        if self._begun and not self._member.eof:
            raise MappingError("the gzip data ends too early")


class ZstdDecompressor:
    """zstd, any number of frames one after the other."""

    def __init__(self) -> None:
        self._zstd = _zstandard()
        self._frame: Any = self._zstd.ZstdDecompressor().decompressobj()
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._begun = self._begun or bool(data)
        try:
            while data:
                if self._frame.eof:
                    self._frame = self._zstd.ZstdDecompressor().decompressobj()
                piece = self._frame.decompress(data)
                if piece:
                    yield piece
                data = self._frame.unused_data
        except self._zstd.ZstdError as error:
            raise MappingError(f"not zstd: {error}") from error

    def finish(self) -> None:
        if self._begun and not self._frame.eof:
            raise MappingError("the zstd data ends too early")


class GzipCompressor:
    """gzip."""

    def __init__(self, level: int = 6) -> None:
        self._member = zlib.compressobj(level, zlib.DEFLATED, _GZIP)

    def compress(self, data: bytes) -> bytes:
        return self._member.compress(data)

    def finish(self) -> bytes:
        return self._member.flush()


class ZstdCompressor:
    """zstd."""

    def __init__(self, level: int = 3) -> None:
        self._frame: Any = _zstandard().ZstdCompressor(level=level).compressobj()

    def compress(self, data: bytes) -> bytes:
        return bytes(self._frame.compress(data))

    def finish(self) -> bytes:
        return bytes(self._frame.flush())


def decompressor(name: str, path: str) -> Decompressor:
    """The decompressor of a name; ``auto`` goes by the end of the path.

    Raises:
        ConfigError: The library is missing.
    """
    match compression_of(name, path):
        case "gzip":
            return GzipDecompressor()
        case "zstd":
            return ZstdDecompressor()
        case _:
            return PlainDecompressor()


def compressor(name: str) -> Compressor:
    """The compressor of a name: ``gzip`` or ``zstd``."""
    return GzipCompressor() if name == "gzip" else ZstdCompressor()


def compression_of(name: str, path: str) -> str:
    """``none``, ``gzip`` or ``zstd``."""
    if name != "auto":
        return name
    folded = path.casefold()
    if folded.endswith(".gz"):
        return "gzip"
    return "zstd" if folded.endswith((".zst", ".zstd")) else "none"


def check_available(name: str) -> None:
    """Find out whether the library of a compression is there.

    Raises:
        ConfigError: It isn't.
    """
    if name == "zstd":
        _zstandard()


def _zstandard() -> Any:
    try:
        return importlib.import_module("zstandard")
    except ImportError as error:
        raise ConfigError(
            "zstd needs a library that is not installed", key="compression", hint="pip install 'eventflux-core[zstd]'"
        ) from error
