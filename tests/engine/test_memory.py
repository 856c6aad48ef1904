"""Memory: limits, and every allocation of a call failing once."""

from __future__ import annotations

import pytest
from tests.engine.graphs import TRADE, passing

from eventflux.engine._native import ffi
from eventflux.engine.async_stream import RingOptions
from eventflux.engine.builder import EngineBuilder
from eventflux.engine.engine import Engine
from eventflux.engine.ingest import send_columns
from eventflux.types.attribute_type import AttributeType
from eventflux.types.error_codes import ErrorCode
from eventflux.types.errors import EventFluxError
from eventflux.types.schema import Schema

ROW = ("a symbol that is long", 1.5, 1)


def test_a_call_beyond_the_limit_is_refused_and_the_engine_goes_on():
    graph = passing(TRADE, memory_limit=2 * 1024 * 1024)
    with graph.engine:
        with pytest.raises(EventFluxError) as caught:
            graph.input.send_many([ROW] * 200_000, timestamps=1)
        assert caught.value.code is ErrorCode.OUT_OF_MEMORY
        assert graph.rows == []
        graph.input.send(ROW, timestamp=1)
        assert graph.rows == [ROW]


def test_memory_comes_back_when_batches_are_let_go():
    graph = passing(TRADE)
    with graph.engine:
        graph.input.send_many([ROW] * 10_000, timestamps=1)
        graph.clear()
        before = graph.engine.memory_bytes
        for _ in range(5):
            graph.input.send_many([ROW] * 10_000, timestamps=1)
        assert graph.engine.memory_bytes > before
        graph.clear()
        assert graph.engine.memory_bytes <= before + 1024


class Ring:
    def __init__(self):
        self.engine = Engine(playback=True)
        builder = EngineBuilder(self.engine)
        stream = builder.stream("In", TRADE.types)
        builder.seal()
        layout = self.engine.layout("In", TRADE)
        self.rows = []
        self.engine.listen(stream, layout, lambda batch: self.rows.extend(batch.rows()))
        self.input = self.engine.async_input(stream, layout, RingOptions(buffer_size=256))


def _fails(engine, native):
    return native.lib.ef_test_fails_left(native.ffi.cast("ef_engine *", int(ffi.cast("uintptr_t", engine.handle))))


def _fail_after(engine, native, allocations):
    pointer = native.ffi.cast("ef_engine *", int(ffi.cast("uintptr_t", engine.handle)))
    native.lib.ef_test_fail_after(pointer, allocations)


def _export(graph):
    pyarrow = pytest.importorskip("pyarrow")
    batch = graph.batches[0]
    return pyarrow.table(batch[::2]).num_rows


CALLS = {
    "send": lambda graph: graph.input.send(ROW, timestamp=1),
    "send_many": lambda graph: graph.input.send_many([ROW, (None, None, None)] * 50, timestamps=1),
    "send_batch": lambda graph: graph.input.send_batch([ROW] * 100),
    "columns": lambda graph: send_columns(
        graph.engine, graph.input, {"symbol": [ROW[0]] * 100, "price": [None] * 100, "volume": range(100)}, 1
    ),
    "save": lambda graph: graph.engine.save(),
    "measure": lambda graph: graph.engine.measure(on=True),
}


@pytest.mark.parametrize("call", list(CALLS))
def test_each_allocation_of_a_call_may_fail(call):
    native = pytest.importorskip("eventflux.engine._native_testing")
    run = CALLS[call]
    failures = 0
    for allocations in range(200):
        graph = passing(TRADE)
        with graph.engine:
            told = []
            graph.engine.on_failure(lambda *failure, told=told: told.append(failure))
            _fail_after(graph.engine, native, allocations)
            error = None
            try:
                run(graph)
            except EventFluxError as raised:
                error = raised
            assert error is None or error.code is ErrorCode.OUT_OF_MEMORY
            has_failed = _fails(graph.engine, native) == 0 and (error is not None or bool(told))
            _fail_after(graph.engine, native, -1)
            failures += has_failed
            graph.clear()
            graph.input.send(ROW, timestamp=1)
            assert graph.rows == [ROW]
            if not has_failed and error is None:
                run(graph)
                break
    else:
        pytest.fail("the call never came through")
    assert failures > 0


@pytest.mark.parametrize("allocations", range(12))
def test_a_ring_without_memory_refuses_and_goes_on(allocations):
    native = pytest.importorskip("eventflux.engine._native_testing")
    ring = Ring()
    with ring.engine:
        _fail_after(ring.engine, native, allocations)
        accepted, code = 0, ErrorCode.OUT_OF_MEMORY
        try:
            accepted = ring.input.send_many([ROW] * 100, timestamps=1)
        except EventFluxError as error:
            code = error.code
        assert code is ErrorCode.OUT_OF_MEMORY
        _fail_after(ring.engine, native, -1)
        assert ring.engine.pending(0) == accepted
        assert ring.input.send(ROW, timestamp=1) == 1
        ring.engine.drain()
        assert len(ring.rows) == accepted + 1


def test_arrow_data_cannot_be_exported_without_memory():
    native = pytest.importorskip("eventflux.engine._native_testing")
    for allocations in range(100):
        graph = passing(Schema.of(s=AttributeType.STRING, b=AttributeType.BOOL, n=AttributeType.LONG))
        with graph.engine:
            graph.input.send_many([("x", True, 1), (None, None, None)] * 10, timestamps=1)
            _fail_after(graph.engine, native, allocations)
            try:
                rows = _export(graph)
            except (EventFluxError, MemoryError):  # ours, or what the reader makes of it
                continue
            finally:
                _fail_after(graph.engine, native, -1)
            assert rows == 10
            assert allocations > 5
            return
    pytest.fail("the export never came through")
