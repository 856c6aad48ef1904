"""INSERT INTO ... VALUES: rows that enter when the app starts."""

from __future__ import annotations

from collections.abc import Callable

from eventflux.planner import Plan
from eventflux.types.diagnostic import Diagnostic


def test_rows_are_converted_and_completed(planned: Callable[..., Plan]) -> None:
    plan = planned(
        """CREATE STREAM S (k STRING, n BIGINT, d DOUBLE DEFAULT 0.5, f FLOAT);
        INSERT INTO S VALUES ('a', 1 + 2, 3, 0.1f), (NULL, -7, 2.5, NULL);
        INSERT INTO S (n, k) VALUES (9, 'b');"""
    )

    assert [seed.rows for seed in plan.seeds] == [
        (("a", 3, 3.0, 0.10000000149011612), (None, -7, 2.5, None)),
        (("b", 9, 0.5, None),),
    ]
    assert [type(value) for value in plan.seeds[0].rows[0]] == [str, int, float, float]


def test_values_must_be_constants(refused: Callable[[str], tuple[Diagnostic, ...]]) -> None:
    found = refused("CREATE STREAM S (k STRING, n INT); INSERT INTO S VALUES (k, 1);")

    assert [str(each.code) for each in found] == ["SQL2003"]
