"""Writes `src/base/powers_of_ten.inc`, the table behind reading and printing floating-point numbers.

`python eventflux-core/native/generate_powers_of_ten.py`
"""

from __future__ import annotations

import sys
from pathlib import Path

FIRST, LAST = -292, 324


def significand(exponent: int) -> int:
    """The first 128 bits of 10 to that power, rounded up."""
    numerator, denominator = (10**exponent, 1) if exponent >= 0 else (1, 10**-exponent)
    shift = 127 - (numerator.bit_length() - denominator.bit_length())
    for each in (shift, shift + 1):
        scaled = numerator << each if each >= 0 else numerator
        divisor = denominator if each >= 0 else denominator << -each
        rounded = -(-scaled // divisor)
        if scaled // divisor >> 127:
            assert rounded >> 128 == 0
            return rounded
    raise AssertionError(exponent)


def main() -> int:
    lines = [
        "/* 10^k for k from EF_POWER_FIRST to EF_POWER_LAST, made by generate_powers_of_ten.py: the first 128 bits,",
        " * rounded up (exact for k from 0 to 55), high half first. */",
        f"#define EF_POWER_FIRST ({FIRST})",
        f"#define EF_POWER_LAST {LAST}",
        "static const uint64_t POWERS_OF_TEN[][2] = {",
    ]
    for exponent in range(FIRST, LAST + 1):
        bits = significand(exponent)
        lines.append(f"    {{0x{bits >> 64:016X}, 0x{bits & (2**64 - 1):016X}}},")
    lines.append("};")
    target = Path(__file__).resolve().parent / "src" / "base" / "powers_of_ten.inc"
    target.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
