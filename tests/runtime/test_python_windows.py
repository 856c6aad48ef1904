"""Windows written in Python, from registration to rows."""

from __future__ import annotations

import json

import pytest

from eventflux import EventFluxManager
from eventflux.extension import Parameter, Window, extension
from eventflux.types.errors import ValidationError


@extension(
    name="latest",
    namespace="test",
    kind="window",
    description="The newest event of each value of an attribute, for some time.",
    parameters=[
        Parameter("attribute", ("STRING", "LONG"), "The attribute.", dynamic=True),
        Parameter("keep", ("LONG",), "How long, in milliseconds.", default=1000),
    ],
)
class Latest(Window):
    def init(self, params, schema, ctx):
        self.place = schema.names.index(params[0].value)
        self.keep = params[1].value
        self.ctx = ctx
        self.element = ctx.element
        self.held = {}

    def process(self, batch, out):
        for row, timestamp in zip(batch.rows(), batch.timestamps, strict=True):
            former = self.held.pop(row[self.place], None)
            if former is not None:
                out.expired([former[1]])
            self.held[row[self.place]] = (timestamp, row)
            out.current([row], [timestamp])
        assert self.ctx.current_time() >= batch.timestamps[-1]
        self.ask()

    def ask(self):
        if self.held:
            self.ctx.schedule(min(timestamp for timestamp, _ in self.held.values()) + self.keep)

    def on_timer(self, now, out):
        for key, (timestamp, row) in tuple(self.held.items()):
            if timestamp + self.keep <= now:
                del self.held[key]
                out.expired([row])
        self.ask()

    def serialize(self):
        return json.dumps(list(self.held.values())).encode()

    def deserialize(self, data):
        self.held = {row[self.place]: (timestamp, tuple(row)) for timestamp, row in json.loads(data)}


APP = """
@app:name('windows') @app:playback
define stream Trade (symbol string, price long, account long);
@info(name = 'q')
from Trade#window.test:latest(symbol) select symbol, sum(price) as total, count() as n
insert all events into Out;
"""


@pytest.fixture
def manager():
    with EventFluxManager() as made:
        made.add_window("latest", Latest, namespace="test")
        yield made


def collect(runtime, name="q"):
    calls = []
    runtime.add_query_callback(
        name,
        lambda timestamp, current, expired: calls.append(
            (timestamp, [event.data for event in current or ()], [event.data for event in expired or ()])
        ),
    )
    return calls


def test_a_window_takes_part_in_aggregates_and_fires_its_timers(manager):
    runtime = manager.create_eventflux_app_runtime(APP)
    calls = collect(runtime)
    with runtime:
        handler = runtime.input_handler("Trade")
        handler.send(("A", 1, 0), timestamp=1000)
        handler.send(("B", 2, 0), timestamp=1100)
        handler.send(("A", 5, 0), timestamp=1200)
        runtime.advance_time(2150)
        runtime.advance_time(2200)
    assert calls == [
        (1000, [("A", 1, 1)], []),
        (1100, [("B", 3, 2)], []),
        (1200, [("A", 7, 2)], [("A", 2, 1)]),
        (2150, [], [("B", 5, 1)]),
        (2200, [], [("A", None, 0)]),
    ]


def test_explain_names_the_window(manager):
    runtime = manager.create_eventflux_app_runtime(APP)
    assert "test:latest(attribute='symbol', keep=1000) in Python" in runtime.explain()


def test_state_survives_a_snapshot(manager):
    rows = [("A", 1, 0), ("B", 2, 0)]
    runtime = manager.create_eventflux_app_runtime(APP)
    with runtime:
        runtime.input_handler("Trade").send_many(rows, timestamps=[1000, 1100])
        snapshot = runtime.snapshot()
    with EventFluxManager() as other:
        other.add_window("latest", Latest, namespace="test")
        restored = other.create_eventflux_app_runtime(APP)
        calls = collect(restored)
        with restored:
            restored.restore(snapshot)
            restored.input_handler("Trade").send(("A", 7, 0), timestamp=1200)
            restored.advance_time(2150)
    assert calls == [(1200, [("A", 9, 2)], [("A", 2, 1)]), (2150, [], [("B", 7, 1)])]


def test_all_attributes_reach_the_window_whatever_the_query_reads(manager):
    seen = []

    class Looking(Latest):
        def process(self, batch, out):
            seen.append((batch.names, batch.schema.names, self.element))

    manager.add_window("looking", Looking, namespace="test")
    runtime = manager.create_eventflux_app_runtime(APP.replace("test:latest", "test:looking"))
    with runtime:
        runtime.input_handler("Trade").send(("A", 1, 0), timestamp=1000)
    assert seen == [(("symbol", "price", "account"), ("symbol", "price", "account"), "query q")]


def test_a_window_that_cannot_be_made_is_refused_with_its_place(manager):
    class Broken(Latest):
        def init(self, params, schema, ctx):
            raise ValueError("no licence")

    manager.add_window("broken", Broken, namespace="test")
    with pytest.raises(ValidationError, match="ValueError: no licence") as caught:
        manager.create_eventflux_app_runtime(APP.replace("test:latest", "test:broken"))
    assert caught.value.line == 5


def test_arguments_are_checked_against_the_declaration(manager):
    with pytest.raises(ValidationError):
        manager.create_eventflux_app_runtime(APP.replace("latest(symbol)", "latest()"))
