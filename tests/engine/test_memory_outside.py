"""Every allocation of what tables outside and fault streams do fails once; the engine goes on."""

from __future__ import annotations

import contextlib

import pytest
from tests.engine.test_memory import _fail_after, _fails

from eventflux import EventFluxManager, InMemoryTable, MemoryErrorStore, Schema
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError

LONG_TEXT = "a text that is longer than twelve bytes"
APP = """
@OnError(action='STREAM') define stream S (k string, o object, v long);
define stream B (k string, ts long, v long);
from S insert into T;
from S join T on T.k == S.k and str:length(T.k) > 0 select S.k as k, T.v as v insert into O;
from S select k, v update T set T.v = T.v + v on T.k == k and str:length(T.k) > v;
from S[(T.k == k and T.v >= v) in T] select sizeOfSet(o) as n insert into P;
from !S select k insert into E;
@store(type='rows') define aggregation G from B select k, sum(v) as total, distinctCount(v) as d
    group by k aggregate by ts every sec ... year;
"""
CALLS = {
    "rows": lambda runtime: runtime.input_handler("S").send_batch(
        [(LONG_TEXT, "no set", 1), ("b", None, 2), (LONG_TEXT, None, 3)], [1, 2, 3]
    ),
    "buckets": lambda runtime: runtime.input_handler("B").send_batch(
        [(LONG_TEXT, 1000, 1), ("b", 90_000_000, 2), (LONG_TEXT, 1500, 3)], [1, 2, 3]
    ),
}


class Rows(InMemoryTable):
    """Rows in Python."""

    def __init__(self):
        super().__init__()


def started(manager):
    manager.set_error_store(MemoryErrorStore())
    manager.add_table_factory("rows", Rows)
    schema = Schema.of(k=AttributeType.STRING, o=AttributeType.OBJECT, v=AttributeType.LONG)
    manager.add_table("T", InMemoryTable(schema))
    runtime = manager.create_eventflux_app_runtime(APP, playback=True)
    runtime.on_exception(lambda failure: None)
    runtime.start()
    return runtime


@pytest.mark.parametrize("call", list(CALLS))
def test_each_allocation_may_fail(call):
    native = pytest.importorskip("eventflux.engine._native_testing")
    failures = 0
    for allocations in range(400):
        with EventFluxManager(plugins=False) as manager:
            runtime = started(manager)
            CALLS[call](runtime)
            _fail_after(runtime._engine, native, allocations)
            with contextlib.suppress(EventFluxError):
                CALLS[call](runtime)
            has_failed = _fails(runtime._engine, native) == 0
            _fail_after(runtime._engine, native, -1)
            failures += has_failed
            CALLS[call](runtime)
            assert len(runtime.query("from T select k")) >= (6 if call == "rows" else 0)
            if not has_failed:
                break
    else:
        pytest.fail("the call never came through")
    assert failures > 0
