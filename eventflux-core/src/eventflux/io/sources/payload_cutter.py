r"""Cuts a stream of bytes into blocks of whole payloads.

    read:   ....\\n......\\n...  | ..\\n.........
    blocks: [....\\n......\\n]     [.....\\n]  held: .........

Bounded: it holds at most one unfinished payload, of at most ``max_payload`` bytes. A longer one is given up: it is
reported once, and everything up to the next delimiter is passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class PayloadCutter:
    """The state between two reads.

    Attributes:
        delimiter: What ends a payload.
        max_payload: Most bytes of one.
        too_long: Called with the beginning of a payload that is longer, and its number.
        offset: Bytes taken from the beginning of the input: all before this are in blocks given out, or passed over.
        number: Number of the next payload, from 1.
    """

    delimiter: bytes
    max_payload: int
    too_long: Callable[[bytes, int], None]
    offset: int = 0
    number: int = 1
    _held: bytes = b""
    _skipping: bool = False

    @property
    def held(self) -> int:
        """Bytes of the unfinished payload."""
        return len(self._held)

    def cut(self, data: bytes) -> tuple[bytes, int, int]:
        """Add what was read.

        Returns:
            The block of whole payloads, the number of its first payload, and the offset behind the block.
        """
        if self._skipping:
            data = self._skip(data)
        whole = self._held + data if self._held else data
        end = whole.rfind(self.delimiter)
        first = self.number
        if end < 0:
            block, self._held = b"", whole
        else:
            end += len(self.delimiter)
            block, self._held = whole[:end], whole[end:]
            self.offset += end
            self.number += block.count(self.delimiter)
            if end > self.max_payload:
                block = self._without_long(block, first)
        if len(self._held) > self.max_payload:
            self.too_long(self._held[: self.max_payload], self.number)
            self.offset += len(self._held)
            self._held = b""
            self._skipping = True
        return block, first, self.offset

    def finish(self) -> tuple[bytes, int, int]:
        """The input has ended: the unfinished payload, with a delimiter behind it, as `cut` gives a block."""
        held, self._held = self._held, b""
        self._skipping = False
        first = self.number
        self.offset += len(held)
        if not held:
            return b"", first, self.offset
        self.number += 1
        return held + self.delimiter, first, self.offset

    def _without_long(self, block: bytes, number: int) -> bytes:
        """The block with an empty payload in the place of each one over the limit."""
        payloads = block.split(self.delimiter)
        for index, payload in enumerate(payloads):
            if len(payload) > self.max_payload:
                self.too_long(payload[: self.max_payload], number + index)
                payloads[index] = b""
        return self.delimiter.join(payloads)

    def _skip(self, data: bytes) -> bytes:
        end = data.find(self.delimiter)
        if end < 0:
            self.offset += len(data)
            return b""
        end += len(self.delimiter)
        self.offset += end
        self.number += 1
        self._skipping = False
        return data[end:]
