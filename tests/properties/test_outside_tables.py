"""Tables outside against the table in memory: random definitions, conditions and events, in any driver."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.test_tables import CONDITIONS, EVENT, SETS, _play

STORES = (
    "@store(type='sqlite', path=':memory:')",
    "@store(type='sqlite', path=':memory:') @cache(size='3', cache.policy='LRU')",
    "@store(type='sqlite', path=':memory:') @cache(size='500')",
    "@store(type='cache', max_size='1000')",
)
# Primary keys that a database and the engine mean alike: without nulls, and no reals.
KEYS: dict[str, tuple[int, ...]] = {
    "": (),
    "@Index('k')": (),
    "@PrimaryKey('k')": (1,),
    "@PrimaryKey('s')": (2,),
    "@PrimaryKey('s', 'k')": (1, 2),
}
NAMES = st.sampled_from(list(CONDITIONS))


def _answers(played: tuple[list[Any], list[Any], int]) -> tuple[list[Any], list[Any], int]:
    """Without the order of rows, which is the store's, and the sign of zero, which SQLite does not keep."""
    contents, heard, failures = played
    unsigned = [tuple(0.0 if value == 0.0 and isinstance(value, float) else value for value in row) for row in contents]
    return sorted(unsigned, key=repr), heard, failures


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(STORES),
    st.sampled_from(list(KEYS)),
    st.tuples(NAMES, NAMES, NAMES, NAMES),
    st.tuples(st.sampled_from(list(SETS)), st.sampled_from(list(SETS))),
    st.lists(EVENT, min_size=1, max_size=40),
    st.sampled_from([1, 3, 60]),
    st.sampled_from([{}, {"depth_first": True}, {"slice_rows": 2}, {"slice_rows": 7}]),
)
def test_a_table_outside_answers_as_one_in_memory(
    store: str,
    key: str,
    conditions: tuple[str, str, str, str],
    sets: tuple[str, str],
    events: list[Any],
    chunk: int,
    engine: Any,
) -> None:
    kept = [event for event in events if all(event[place] is not None for place in KEYS[key])]
    if not kept:
        return
    outside = _answers(_play(f"{store} {key}", conditions, sets, kept, chunk, engine))
    assert outside == _answers(_play(key, conditions, sets, kept, chunk, engine))
