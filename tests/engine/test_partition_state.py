"""Partitions: every allocation of a push may fail, damaged keys are refused, what was purged costs nothing."""

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
STREAMS = ("S", "U", "W")
APP = """
define stream S (k string, v long);
define stream U (k string, v long);
define stream W (k string, v long);
{purge}
partition with (k of S, v > 2 as 'more than two, which is long' or v > 4 as 'more' of U) begin
    from S#window.length(3) select k, sum(v) as t insert into #M;
    from U#window.lengthBatch(2) select k, sum(v) as t insert into #M;
    from #M select k, t insert into O;
    from W select k, sum(v) as t insert into O;
end;
"""
ROWS = [(LONG_KEY, 1), ("b", 3), (None, 4), (LONG_KEY, 5), ("c", 0)]


class App:
    """An engine that runs APP."""

    def __init__(self, purge: str = "") -> None:
        self.engine = Engine(playback=True)
        builder = EngineBuilder(self.engine)
        made = plan(parse(APP.format(purge=purge)), REGISTRY, playback=True)
        emitted = made.emit(builder)
        builder.seal()
        self.rows: list[tuple[Any, ...]] = []
        nodes = emitted.streams
        layouts = {name: self.engine.layout(name, emitted.schemas[nodes[name]]) for name in (*STREAMS, "O")}
        self.engine.listen(nodes["O"], layouts["O"], lambda batch: self.rows.extend(batch.rows()))
        self.inputs = {name: self.engine.input(nodes[name], layouts[name]) for name in STREAMS}

    def push(self, timestamp: int = 1) -> None:
        for name in STREAMS:
            self.inputs[name].send_many(ROWS, timestamps=timestamp)


def _native_engine(app: App, native: Any) -> Any:
    return native.ffi.cast("ef_engine *", int(ffi.cast("uintptr_t", app.engine.handle)))


def test_each_allocation_of_a_push_may_fail() -> None:
    native = pytest.importorskip("eventflux.engine._native_testing")
    for allocations in range(400):
        app = App()
        with app.engine:
            app.engine.on_failure(lambda *failure: None)
            native.lib.ef_test_fail_after(_native_engine(app, native), allocations)
            error: EventFluxError | None = None
            try:
                app.push()
            except EventFluxError as raised:
                error = raised
            is_through = native.lib.ef_test_fails_left(_native_engine(app, native)) > 0
            native.lib.ef_test_fail_after(_native_engine(app, native), -1)
            assert error is None or error.code is ErrorCode.OUT_OF_MEMORY
            app.rows.clear()
            app.inputs["S"].send(("new", 7), timestamp=1)
            assert app.rows == [("new", 7)]
            saved = app.engine.save()
            fresh = App()
            with fresh.engine:
                fresh.engine.load(saved)
                for each in (app, fresh):
                    each.rows.clear()
                    each.push(2)
                assert fresh.rows == app.rows
            if is_through:
                break
    else:
        pytest.fail("the push never came through")
    assert allocations > 20


def test_damaged_keys_are_refused_or_read() -> None:
    rng = random.Random(1)
    app = App("@purge(enable='true', interval='1 sec', idle.period='1 sec')")
    with app.engine:
        app.push()
        app.inputs["S"].send(("later", 7), timestamp=2500)
        parts = app.engine.save()
        at = next(number for number, part in enumerate(parts) if part.operator == "partition")
        whole = parts[at].data
        refused = 0
        for round in range(600):
            data = bytearray(whole)
            if round % 3 == 0:
                del data[rng.randrange(len(data)) :]
            for _ in range(rng.randint(1, 3)):
                if data:
                    data[rng.randrange(len(data))] = rng.choice((0, 1, 0x7F, 0xFF, rng.randrange(256)))
            try:
                app.engine.load([*parts[:at], replace(parts[at], data=bytes(data)), *parts[at + 1 :]])
            except CorruptStateError:
                refused += 1
            app.push(2500)
        assert refused > 200
        app.engine.load(parts)
        app.rows.clear()
        app.inputs["S"].send(("later", 1), timestamp=2600)
        assert app.rows == [("later", 8)]


def test_slots_of_forgotten_keys_are_given_again() -> None:
    app = App("@purge(enable='true', interval='1 sec', idle.period='1 sec')")
    with app.engine:
        highest = 0
        for second in range(0, 40, 4):
            keys = [(f"key {second} {number}, which is long", 1) for number in range(500)]
            app.inputs["S"].send_many(keys, timestamps=second * 1000)
            held = sum(part.rows_held for part in app.engine.metrics() if part.operator == "partition")
            assert held == 500
            highest = highest or app.engine.memory_bytes
            app.rows.clear()
        assert app.engine.memory_bytes < highest * 1.2
