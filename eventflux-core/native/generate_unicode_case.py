"""Writes `src/base/unicode_case.inc`, the tables behind UPPER, LOWER and ILIKE.

They are the Unicode data of the Python that runs this: `python eventflux-core/native/generate_unicode_case.py`.
"""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

Range = tuple[int, int, int, int]


def mappings(method: str) -> tuple[dict[int, int], dict[int, tuple[int, ...]]]:
    """Code points that change: to one code point, and to several."""
    single: dict[int, int] = {}
    several: dict[int, tuple[int, ...]] = {}
    for point in range(0x80, 0x110000):
        if 0xD800 <= point < 0xE000:
            continue
        changed = tuple(map(ord, getattr(chr(point), method)()))
        if len(changed) > 1:
            several[point] = changed
        elif changed[0] != point:
            single[point] = changed[0]
    return single, several


def ranges(single: dict[int, int]) -> list[Range]:
    """Runs (first, last, step, difference) of code points that change by the same difference."""
    found: list[Range] = []
    for point, changed in sorted(single.items()):
        difference = changed - point
        if found:
            first, last, step, known = found[-1]
            gap = point - last
            if known == difference and gap in (1, 2) and (first == last or gap == step):
                found[-1] = (first, point, gap, known)
                continue
        found.append((point, point, 1, difference))
    return found


def main() -> int:
    lines = [
        f"/* Case mappings of Unicode {unicodedata.unidata_version}, made by generate_unicode_case.py:",
        " * {first, last, step, difference}, sorted; {code point, up to three code points}, sorted. */",
    ]
    for method in ("upper", "lower"):
        single, several = mappings(method)
        name = method.upper()
        lines.append(f"static const case_range {name}_RANGES[] = {{")
        lines += [f"    {{0x{a:X}, 0x{b:X}, {step}, {difference}}}," for a, b, step, difference in ranges(single)]
        lines += ["};", f"static const case_expansion {name}_EXPANSIONS[] = {{"]
        for point, changed in sorted(several.items()):
            padded = (*changed, 0, 0)[:3]
            lines.append(f"    {{0x{point:X}, {{{', '.join(f'0x{each:X}' for each in padded)}}}}},")
        lines.append("};")
    target = Path(__file__).resolve().parent / "src" / "base" / "unicode_case.inc"
    target.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
