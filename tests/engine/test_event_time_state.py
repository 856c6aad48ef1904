"""Event time: any allocation of a push may fail, damaged state is refused or read, memory stays level."""

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
STREAMS = """
CREATE STREAM S (k STRING, ts BIGINT, v INT, WATERMARK FOR ts AS ts - 20)
WITH ('late.stream' = 'L', 'watermark.idle-timeout' = '50 ms');
CREATE STREAM R (k STRING, ts BIGINT, v INT, WATERMARK FOR ts AS ts - 5) WITH ('watermark.idle-timeout' = '70 ms');
CREATE STREAM L (k STRING, ts BIGINT, v INT);
"""
TEXTS = {
    "merged": """
        INSERT INTO O SELECT a.k AS k, b.v AS v FROM S AS a WINDOW TIME(30) JOIN R AS b WINDOW LENGTH(3) ON a.k = b.k;
        INSERT INTO O SELECT k, v FROM S;
    """,
    "windows": """
        INSERT INTO O SELECT k, CAST(SUM(v) AS INT) AS v FROM HOP(S, ts, 10, 30) GROUP BY k, window_start;
        INSERT INTO O SELECT k, v FROM TABLE(SESSION(TABLE S PARTITION BY k, DESCRIPTOR(ts), 15));
        INSERT INTO P SELECT k, CAST(COUNT(*) AS INT) AS v FROM TUMBLE(L, ts, 10) GROUP BY k, window_end EMIT CHANGES;
    """,
}
ROWS = [
    (LONG_KEY, 100, 1),
    ("b", 90, 2),
    (LONG_KEY, 130, 3),
    (None, 95, 4),
    ("b", 115, 5),
    (LONG_KEY, 160, 6),
    ("b", 161, 7),
]


class App:
    """An engine that runs a text."""

    def __init__(self, text: str) -> None:
        self.engine = Engine(playback=True)
        builder = EngineBuilder(self.engine)
        emitted = plan(parse(STREAMS + text), REGISTRY, playback=True).emit(builder)
        builder.seal()
        self.rows: list[tuple[Any, ...]] = []
        nodes = emitted.streams
        layouts = {name: self.engine.layout(name, emitted.schemas[node]) for name, node in nodes.items()}
        for name in ("O", "P", "L"):
            if name in nodes:
                self.engine.listen(nodes[name], layouts[name], lambda batch: self.rows.extend(batch.rows()))
        self.inputs = {name: self.engine.input(nodes[name], layouts[name]) for name in "SR"}

    def push(self, moment: int) -> list[tuple[Any, ...]]:
        """Rows of both streams, then silence; gives what comes out."""
        self.rows.clear()
        rows = [(key, ts + moment, value) for key, ts, value in ROWS]
        self.inputs["S"].send_many(rows[:4], timestamps=moment)
        self.inputs["R"].send_many(rows, timestamps=moment + 1)
        self.inputs["S"].send_many(rows[4:], timestamps=moment + 2)
        self.engine.advance(moment + 500)
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
        app.engine.on_failure(lambda *failure: None)
        app.inputs["S"].send_many(ROWS[:6], timestamps=1)
        app.inputs["R"].send_many(ROWS[:3], timestamps=1)
        parts = app.engine.save()
        kinds = {"watermark", "window_chunks", "window_rows"}
        places = [number for number, part in enumerate(parts) if part.operator in kinds]
        assert len(places) > 2
        refused = 0
        for round in range(900):
            at = places[round % len(places)]
            data = bytearray(parts[at].data)
            if round % 3 == 0:
                del data[rng.randrange(len(data)) :]
            for _ in range(rng.randint(1, 3)):
                if data:
                    data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
            try:
                app.engine.load([*parts[:at], replace(parts[at], data=bytes(data)), *parts[at + 1 :]])
            except CorruptStateError:
                refused += 1
            app.inputs["S"].send_many(ROWS, timestamps=1)
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
            for stream in "SR":
                rows = [
                    (f"key {rng.randrange(9)}, which is long", second * 1000 + n // 2 - rng.randrange(15), n)
                    for n in range(2000)
                ]
                app.inputs[stream].send_many(rows, timestamps=second * 1000)
            app.rows.clear()
            levels.append(app.engine.memory_bytes)
        assert levels[-1] <= levels[5] * 1.1
