"""Nanoseconds a row of the kernels of expression programs, beside the same loop written in C.

    python -m benchmarks.expressions            # needs the testing module: build_ffi.py --inplace --testing

Each program is measured over one row (what a single `send` pays) and over a slice of 4,096. "over bare" is what the
machine around the loop costs: its time divided by that of a bare loop over the same columns.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.native.expression_harness import BOOL, DOUBLE, INT, LONG, STRING, Program, lib

SLICE = 4096
REPEATS = 5
Build = Callable[[Program], int]
Columns = Callable[[int], list[list[Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    name: str
    types: Sequence[int]
    columns: Columns
    build: Build
    select: bool = False
    bare: int | None = None


def _numbers(rows: int, make: Callable[[random.Random], Any]) -> list[list[Any]]:
    chance = random.Random(rows)
    return [[make(chance) for _ in range(rows)] for _ in range(2)]


def doubles(rows: int) -> list[list[Any]]:
    return _numbers(rows, random.Random.random)


def some_nulls(rows: int) -> list[list[Any]]:
    return _numbers(rows, lambda chance: None if chance.random() < 0.1 else chance.random())


def integers(rows: int) -> list[list[Any]]:
    return _numbers(rows, lambda chance: chance.randrange(1, 1000))


def symbols(rows: int) -> list[list[Any]]:
    chance = random.Random(rows)
    return [[chance.choice(["IBM", "MSFT", "GOOG", "a longer symbol name"]) for _ in range(rows)]]


def two(operation: str) -> Build:
    return lambda p: p.call(operation, p.column(0), p.column(1))


def text(operation: str, *constants: str) -> Build:
    return lambda p: p.call(operation, p.column(0), *(p.constant(each, STRING) for each in constants))


def above(p: Program) -> int:
    return p.call("greater_double", p.column(0), p.constant(0.5, DOUBLE))


PAIR = (DOUBLE, DOUBLE)
CASES = (
    Case(name="a column as it is", types=PAIR, columns=doubles, build=lambda p: p.column(0)),
    Case(name="x + y (DOUBLE)", types=PAIR, columns=doubles, build=two("add_double"), bare=0),
    Case(name="x + y, a tenth null", types=PAIR, columns=some_nulls, build=two("add_double")),
    Case(name="x / y (DOUBLE)", types=PAIR, columns=doubles, build=two("divide_double")),
    Case(name="x + y (LONG)", types=(LONG, LONG), columns=integers, build=two("add_long")),
    Case(name="x / y (LONG)", types=(LONG, LONG), columns=integers, build=two("divide_long")),
    Case(name="x % y (INT)", types=(INT, INT), columns=integers, build=two("modulo_int")),
    Case(name="x < y (DOUBLE)", types=PAIR, columns=doubles, build=two("less_double")),
    Case(name="x < y, a tenth null", types=PAIR, columns=some_nulls, build=two("less_double")),
    Case(name="if x > 0.5 then x else y", types=PAIR, columns=doubles,
         build=lambda p: p.call("if_double", above(p), p.column(0), p.column(1))),
    Case(name="x * 2 + y", types=PAIR, columns=doubles,
         build=lambda p: p.call(
             "add_double", p.call("multiply_double", p.column(0), p.constant(2.0, DOUBLE)), p.column(1))),
    Case(name="rows with x > 0.5", types=PAIR, columns=doubles, build=above, select=True, bare=1),
    Case(name="rows with x > 0.5 and y < 0.9", types=PAIR, columns=doubles, select=True,
         build=lambda p: p.call(
             "and", above(p), p.call("less_double", p.column(1), p.constant(0.9, DOUBLE)))),
    Case(name="rows with s = 'IBM'", types=(STRING,), columns=symbols, build=text("equal_string", "IBM"), select=True),
    Case(name="rows with s in 3", types=(STRING,), columns=symbols,
         build=text("in_string", "IBM", "ORCL", "SAP"), select=True),
    Case(name="rows with s like '%sym%'", types=(STRING,), columns=symbols, build=text("like", "%sym%"), select=True),
    Case(name="rows with s regexp '^[A-Z]+$'", types=(STRING,), columns=symbols,
         build=text("regexp", "^[A-Z]+$"), select=True),
    Case(name="upper(s)", types=(STRING,), columns=symbols, build=text("upper")),
    Case(name="DOUBLE as text", types=PAIR, columns=doubles,
         build=lambda p: p.call("convert_double_string", p.column(0))),
    Case(name="not b", types=(BOOL,), columns=lambda rows: [[row % 3 == 0 for row in range(rows)]],
         build=lambda p: p.call("not", p.column(0))),
)  # fmt: skip


def nanoseconds(case: Case, rows: int) -> tuple[float, float | None]:
    """Of one run: the program's, and the bare loop's where there is one."""
    runs = 200_000 if rows == 1 else 1_000
    with Program(case.types) as program:
        program.output(case.build(program))
        program.fill(case.columns(rows))
        best = min(lib.expr_test_nanoseconds(program.handle, runs, case.select) for _ in range(REPEATS))
        if case.bare is None or rows == 1:
            return best, None
        return best, min(lib.expr_test_bare_loop(program.handle, case.bare, runs) for _ in range(REPEATS))


def main() -> None:
    print(f"{'program':32}{'one row, ns':>14}{'slice, ns a row':>18}{'bare loop':>12}{'over bare':>12}")
    for case in CASES:
        single, _ = nanoseconds(case, 1)
        many, bare = nanoseconds(case, SLICE)
        shown = "" if bare is None else f"{bare / SLICE:12.2f}{many / bare:12.2f}"
        print(f"{case.name:32}{single:14.1f}{many / SLICE:18.2f}{shown}")


if __name__ == "__main__":
    main()
