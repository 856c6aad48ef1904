"""CRC-32C of bytes, computed natively."""

from __future__ import annotations

from eventflux.engine._native import ffi, lib


def crc32c(data: bytes | bytearray | memoryview, value: int = 0) -> int:
    """The CRC-32C of the bytes, going on from `value`. Source: RFC 3720, appendix B.4."""
    buffer = ffi.from_buffer("char[]", data)
    return int(lib.ef_crc32c(value, buffer, len(buffer)))
