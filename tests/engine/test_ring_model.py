"""The ring against a deque: random sends and drains under every strategy that does not wait."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eventflux.engine.async_stream import Backpressure, RingOptions
from eventflux.engine.builder import EngineBuilder
from eventflux.engine.engine import Engine
from eventflux.engine.ingest import send_columns
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import BackpressureError
from eventflux.types.schema import Schema

ROW = Schema.of(n=AttributeType.LONG, text=AttributeType.STRING)
STRATEGIES = (Backpressure.DROP_NEWEST, Backpressure.DROP_OLDEST, Backpressure.FAIL)


class RingMachine(RuleBasedStateMachine):
    """`model` holds what the ring should hold, `run` what should have reached the stream."""

    @initialize(strategy=st.sampled_from(STRATEGIES), size=st.integers(1, 9), most=st.integers(1, 5))
    def build(self, strategy, size, most):
        self.engine = Engine(playback=True)
        builder = EngineBuilder(self.engine)
        self.stream = builder.stream("In", ROW.types)
        builder.seal()
        layout = self.engine.layout("In", ROW)
        self.seen = []
        self.engine.listen(self.stream, layout, lambda batch: self.seen.extend(batch.rows()))
        options = RingOptions(buffer_size=size, batch_size_max=most, backpressure=strategy)
        self.input = self.engine.async_input(self.stream, layout, options)
        self.capacity = 2
        while self.capacity < size:
            self.capacity *= 2
        self.strategy = strategy
        self.model = deque()
        self.run = []
        self.next = 0
        self.lost = 0

    def rows(self, count):
        made = []
        for _ in range(count):
            text = None if self.next % 5 == 0 else f"row {self.next}" * (self.next % 4)
            made.append((self.next, text))
            self.next += 1
        return made

    def accept(self, rows):
        """What the strategy makes of the rows: how many entered, or None for a refusal."""
        room = self.capacity - len(self.model)
        if self.strategy is Backpressure.FAIL:
            if len(rows) > room:
                return None
            self.model.extend(rows)
            return len(rows)
        if self.strategy is Backpressure.DROP_NEWEST:
            self.model.extend(rows[:room])
            self.lost += max(0, len(rows) - room)
            return min(len(rows), room)
        for row in rows:
            if len(self.model) == self.capacity:
                self.model.popleft()
                self.lost += 1
            self.model.append(row)
        return len(rows)

    @rule(count=st.integers(0, 12), how=st.sampled_from(["many", "batch", "columns"]))
    def send(self, count, how):
        rows = self.rows(count)
        wanted = self.accept(rows)
        try:
            match how:
                case "many":
                    accepted = self.input.send_many(rows, timestamps=1)
                case "batch":
                    accepted = self.input.send_batch(rows, timestamps=1)
                case _:
                    columns = {"n": [row[0] for row in rows], "text": [row[1] for row in rows]}
                    accepted = send_columns(self.engine, self.input, columns, 1)
        except BackpressureError:
            accepted = None
        assert accepted == wanted

    @rule()
    def send_one(self):
        row = self.rows(1)[0]
        wanted = self.accept([row])
        try:
            accepted = self.input.send(row, timestamp=1)
        except BackpressureError:
            accepted = None
        assert accepted == wanted

    @precondition(lambda self: self.model)
    @rule()
    def drain(self):
        self.engine.drain()
        self.run.extend(self.model)
        self.model.clear()

    @invariant()
    def agrees(self):
        if hasattr(self, "engine"):
            assert self.seen == self.run
            assert self.engine.pending(self.stream) == len(self.model)
            assert self.engine.async_metrics(self.stream).events_dropped == self.lost

    def teardown(self):
        if hasattr(self, "engine"):
            self.engine.close()


RingMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestRing = pytest.mark.filterwarnings("ignore")(RingMachine.TestCase)
