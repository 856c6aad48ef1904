"""Row patterns and timeouts: any allocation of a push may fail, damaged state is refused or read, memory comes back."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from eventflux.builtin import plugin
from eventflux.engine._native import ffi
from eventflux.engine.builder import EngineBuilder
from eventflux.engine.engine import Engine
from eventflux.extension import PluginManager
from eventflux.language import parse
from eventflux.planner import plan
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import CorruptStateError, EventFluxError

REGISTRY = PluginManager([plugin], plugins=False).registry
LONG_KEY = "a key that is longer than twelve bytes"
MATCHES = """
CREATE STREAM S (k STRING, v INT);
INSERT INTO O SELECT * FROM S MATCH_RECOGNIZE (
  PARTITION BY k MEASURES FIRST(A.k) AS first, CLASSIFIER() AS label, SUM(B.v * 2) AS total, COUNT(*) AS n
  ALL ROWS PER MATCH AFTER MATCH SKIP {skip}
  PATTERN (A B* C) WITHIN 100 MILLISECONDS ON TIMEOUT INSERT INTO M
  DEFINE A AS v > 0, B AS v > PREV(v) OR SUM(B.v) + COUNT(*) < 2, C AS v < A.v);
"""
TIMEOUTS = """
CREATE STREAM S (k STRING, v INT);
INSERT INTO O SELECT e1[0].k AS k, e1[last].v AS v, e2.v AS w
FROM PATTERN (EVERY e1=S[v > 0]{1,3} -> e2=S[v < 0 AND k = e1[0].k]) WITHIN 100 MILLISECONDS ON TIMEOUT INSERT INTO M;
"""
TEXTS = {
    "past last row": MATCHES.format(skip="PAST LAST ROW"),
    "to next row": MATCHES.format(skip="TO NEXT ROW"),
    "pattern": TIMEOUTS,
}
ROWS = [
    (LONG_KEY, 3),
    ("b", 2),
    (None, 4),
    (LONG_KEY, 5),
    (LONG_KEY, 6),
    ("b", 1),
    (LONG_KEY, 1),
    (None, 5),
    (None, -1),
]


class App:
    """An engine that runs a text."""

    def __init__(self, text: str) -> None:
        self.engine = Engine(playback=True)
        builder = EngineBuilder(self.engine)
        emitted = plan(parse(text), REGISTRY, playback=True).emit(builder)
        builder.seal()
        self.rows: list[tuple[Any, ...]] = []
        nodes = emitted.streams
        layouts = {name: self.engine.layout(name, emitted.schemas[nodes[name]]) for name in "SOM"}
        for name in "OM":
            self.engine.listen(nodes[name], layouts[name], lambda batch: self.rows.extend(batch.rows()))
        self.input = self.engine.input(nodes["S"], layouts["S"])

    def push(self, timestamp: int) -> list[tuple[Any, ...]]:
        """Rows in bulk, then time for what is left to run out; gives what comes out."""
        self.rows.clear()
        self.input.send_many(ROWS, timestamps=timestamp)
        self.engine.advance(timestamp + 200)
        return list(self.rows)


def _native_engine(app: App, native: Any) -> Any:
    return native.ffi.cast("ef_engine *", int(ffi.cast("uintptr_t", app.engine.handle)))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_each_allocation_of_a_push_may_fail(text: str) -> None:
    native = pytest.importorskip("eventflux.engine._native_testing")
    with (plain := App(text)).engine:
        wanted = plain.push(1)
    assert wanted
    for allocations in range(400):
        app = App(text)
        with app.engine:
            app.engine.on_failure(lambda *failure: None)
            native.lib.ef_test_fail_after(_native_engine(app, native), allocations)
            error: EventFluxError | None = None
            try:
                app.push(1)
            except EventFluxError as raised:
                error = raised
            is_through = native.lib.ef_test_fails_left(_native_engine(app, native)) > 0
            native.lib.ef_test_fail_after(_native_engine(app, native), -1)
            assert error is None or error.code is ErrorCode.OUT_OF_MEMORY
            # What was lost is lost; the engine goes on, and what it saves can be loaded.
            app.engine.advance(1000)
            saved = app.engine.save()
            with (fresh := App(text)).engine:
                fresh.engine.load(saved)
                assert fresh.push(2000) == app.push(2000)
            if is_through:
                break
    else:
        pytest.fail("the push never came through")
    assert allocations > 20


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_damaged_state_is_refused_or_read(text: str) -> None:
    rng = random.Random(7)
    app = App(text)
    with app.engine:
        app.input.send_many(ROWS[:6], timestamps=1)
        parts = app.engine.save()
        places = [number for number, part in enumerate(parts) if part.operator in {"match_recognize", "pattern"}]
        refused = 0
        for round in range(900):
            at = places[round % len(places)]
            data = bytearray(parts[at].data)
            if round % 3 == 0:
                del data[rng.randrange(len(data)) :]
            for _ in range(rng.randint(1, 3)):
                if data:
                    data[rng.randrange(min(len(data), 400))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
            try:
                app.engine.load([*parts[:at], replace(parts[at], data=bytes(data)), *parts[at + 1 :]])
            except CorruptStateError:
                refused += 1
            app.input.send_many(ROWS, timestamps=1)
        assert refused > 200
        app.engine.load(parts)
        with (fresh := App(text)).engine:
            fresh.engine.load(parts)
            assert fresh.push(10) == app.push(10)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_memory_stays_level(text: str) -> None:
    app = App(text)
    with app.engine:
        rng = random.Random(3)
        levels: list[int] = []
        for second in range(30):
            keys = [(f"key {rng.randrange(50)}, which is long", rng.randrange(-2, 9)) for _ in range(2000)]
            app.input.send_many(keys, timestamps=[second * 1000 + n // 4 for n in range(2000)])
            app.engine.advance(second * 1000 + 900)
            app.rows.clear()
            held = sum(part.rows_held for part in app.engine.metrics() if part.operator == "match_recognize")
            assert held <= 50 * 2  # a row before, for PREV, in each of two operators
            levels.append(app.engine.memory_bytes)
        assert levels[-1] <= levels[5] * 1.1
