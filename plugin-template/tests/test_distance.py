"""The function by itself: it needs no engine."""

import pytest
from eventflux_example.distance import Distance, distance_km


def test_a_quarter_of_the_equator_is_ten_thousand_kilometres() -> None:
    assert distance_km(0, 0, 0, 90) == pytest.approx(10_007.557, abs=0.001)


def test_a_point_is_at_no_distance_from_itself() -> None:
    assert distance_km(40.6413, -73.7781, 40.6413, -73.7781) == 0.0


def test_null_in_gives_null_out_and_leaves_the_other_rows_alone() -> None:
    columns = [[0.0, None], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert list(Distance().execute(columns)) == [0.0, None]
