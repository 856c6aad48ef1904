"""Windows and stream processors written in Python."""

from __future__ import annotations

import json
from collections import deque

import pytest

from eventflux.engine.builder import AggregateSpec, Argument, EngineBuilder, SelectSpec
from eventflux.engine.callbacks import ProcessorOperator, Schedule, WindowOperator
from eventflux.engine.engine import Engine
from eventflux.types.attribute_type import AttributeType
from eventflux.types.schema import Schema

ROW = Schema.of(name=AttributeType.STRING, n=AttributeType.LONG)


class LengthWindow:
    """The last `length` rows."""

    def __init__(self, length):
        self.length = length
        self.rows = deque()

    def process(self, batch, out):
        for event in batch:
            if len(self.rows) == self.length:
                out.expired([self.rows.popleft()])
            self.rows.append(event.data)
            out.current([event.data], [event.timestamp])

    def on_timer(self, now, out):
        raise AssertionError("nobody asked for it")

    def find(self):
        return list(self.rows)

    @property
    def size(self):
        return len(self.rows)

    def serialize(self):
        return json.dumps(list(self.rows)).encode()

    def deserialize(self, data):
        self.rows = deque(tuple(row) for row in json.loads(data))


class TimeWindow(LengthWindow):
    """The rows of the last `length` milliseconds."""

    def __init__(self, length, schedule):
        super().__init__(length)
        self.schedule = schedule

    def process(self, batch, out):
        for event in batch:
            self.rows.append((event.timestamp, event.data))
            out.current([event.data], [event.timestamp])
        self.ask()

    def ask(self):
        if self.rows:
            self.schedule.at(self.rows[0][0] + self.length)

    def on_timer(self, now, out):
        while self.rows and self.rows[0][0] + self.length <= now:
            out.expired([self.rows.popleft()[1]])
        self.ask()

    def deserialize(self, data):
        self.rows = deque((timestamp, tuple(row)) for timestamp, row in json.loads(data))


class BatchWindow(LengthWindow):
    """Each `length` rows as a batch."""

    def process(self, batch, out):
        for event in batch:
            self.rows.append(event.data)
            if len(self.rows) == self.length:
                out.reset()
                out.current(self.rows)
                self.rows.clear()


class App:
    """`from In#window select name, n, sum(n), count() insert all events into Out`, or without aggregates."""

    def __init__(self, make=None, native=None, *, aggregates=True, is_batch=False, target=ROW, source=ROW, **options):
        self.engine = engine = Engine(playback=True, **options)
        builder = EngineBuilder(engine)
        self.stream = builder.stream("In", source.types)
        builder.query("q")
        layout = engine.layout("In", source)
        if native is not None:
            node = builder.window(self.stream, native[0], native[1], wants_expired=True)
        else:
            node = builder.host_operator(self.stream, make, layout, engine.layout("window", target), is_batch=is_batch)
        out = target
        if aggregates:
            arguments = builder.program(target.types)
            arguments.output(arguments.column(1))
            outputs = builder.program([*target.types, AttributeType.LONG, AttributeType.LONG])
            for column in range(4):
                outputs.output(outputs.column(column))
            spec = SelectSpec(
                arguments=arguments,
                aggregates=(
                    AggregateSpec(name="sum_long", argument_type=AttributeType.LONG, argument_output=0),
                    AggregateSpec(name="count"),
                ),
                outputs=outputs,
                visible=4,
                expired=True,
            )
            node = builder.select(node, spec)
            out = Schema.of(
                name=AttributeType.STRING, n=AttributeType.LONG, total=AttributeType.LONG, count=AttributeType.LONG
            )
        builder.seal()
        self.calls = []
        self.failures = []
        engine.listen_query(node, engine.layout("q", out), self.hear)
        engine.on_failure(
            lambda node, stream, batch, status, message: self.failures.append((batch and batch.rows(), message))
        )
        self.input = engine.input(self.stream, layout)

    def hear(self, timestamp, current, expired):
        for batch, mark in ((expired, "-"), (current, "+")):
            self.calls += [(mark, event.timestamp, *event.data) for event in batch or ()]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.engine.close()


def length(window_length=2, window=LengthWindow):
    return lambda: WindowOperator(window(window_length), Schedule(), 2)


def time(length=100):
    def make():
        schedule = Schedule()
        return WindowOperator(TimeWindow(length, schedule), schedule, 2)

    return make


ROWS = [(f"row number {number}", number) for number in range(50)]
NATIVE_LENGTH = ("length", [Argument(type=AttributeType.INT, value=2)])
NATIVE_TIME = ("time", [Argument(type=AttributeType.LONG, value=100)])


def play(app, rows=ROWS, step=7):
    """Rows one by one, then many at once."""
    for index, row in enumerate(rows[:20]):
        app.input.send(row, timestamp=1000 + index * step)
    app.input.send_many(rows[20:], timestamps=[1000 + index * step for index in range(20, len(rows))])
    app.engine.advance(5000)
    return sorted(app.calls, key=lambda call: call[1])


@pytest.mark.parametrize("options", [{}, {"slice_rows": 8}, {"depth_first": True}], ids=["slices", "small", "stepping"])
def test_a_length_window_in_python_does_what_the_native_one_does(options):
    with App(length(), **options) as ours, App(native=NATIVE_LENGTH, **options) as native:
        assert play(ours) == play(native)
        assert ours.failures == []


@pytest.mark.parametrize("options", [{}, {"slice_rows": 8}, {"depth_first": True}], ids=["slices", "small", "stepping"])
def test_a_time_window_in_python_fires_when_the_native_one_fires(options):
    with App(time(), **options) as ours, App(native=NATIVE_TIME, **options) as native:
        assert play(ours) == play(native)
        assert ours.engine.next_due == 2**63 - 1


def test_a_batch_window_resets_aggregates():
    with App(length(3, BatchWindow), is_batch=True) as app:
        app.input.send_many([("a", number) for number in range(7)], timestamps=1)
        assert app.calls == [("+", 1, "a", 2, 3, 3), ("+", 1, "a", 5, 12, 3)]


def test_state_is_saved_and_restored():
    with App(time()) as first, App(time()) as second, App(native=NATIVE_TIME) as native:
        for app in (first, native):
            for index, row in enumerate(ROWS[:10]):
                app.input.send(row, timestamp=1000 + index * 20)
        saved = first.engine.save()
        second.engine.load(saved)
        assert second.engine.next_due == first.engine.next_due == 1200
        native.calls.clear()
        for app in (second, native):
            app.input.send(ROWS[10], timestamp=1250)
            app.engine.advance(5000)
        assert second.calls == native.calls


def test_reset_makes_fresh_instances():
    with App(length()) as app:
        app.input.send(("a", 1), timestamp=1)
        app.engine.reset()
        app.input.send(("b", 2), timestamp=2)
        assert app.calls[-1] == ("+", 2, "b", 2, 2, 1)


def test_rows_held_are_a_figure():
    with App(length(5)) as app:
        app.input.send_many([("a", number) for number in range(3)], timestamps=1)
        held = {metrics.operator: metrics.rows_held for metrics in app.engine.metrics()}
        assert held["python"] == 3


class Picky(LengthWindow):
    def process(self, batch, out):
        if any(event["n"] == 3 for event in batch):
            raise ValueError("three is not welcome")
        super().process(batch, out)


def test_what_raises_costs_its_delivery_only():
    with App(length(5, Picky), aggregates=False) as app:
        app.input.send_many([("a", number) for number in range(5)], timestamps=1)
        assert [call[3] for call in app.calls] == [0, 1, 2, 4]
        assert app.failures == [([("a", 3)], "ValueError: three is not welcome")]


class Timeless(TimeWindow):
    def on_timer(self, now, out):
        raise ValueError("no time")


def test_a_timer_that_raises_is_reported_and_does_not_fire_for_ever():
    def make():
        schedule = Schedule()
        return WindowOperator(Timeless(10, schedule), schedule, 2)

    with App(make, aggregates=False) as app:
        app.input.send(("a", 1), timestamp=1)
        app.input.send(("b", 2), timestamp=100)
        assert [call[3] for call in app.calls] == [1, 2]
        assert app.failures[0] == (None, "ValueError: no time")


@pytest.mark.parametrize(
    "answer",
    [5, ([("a", 1)], [1], b""), ([("a",)], [1], b"\0"), ([("a", "x")], [1], b"\0"), ([("a", 1)], [1], b"\7")],
    ids=repr,
)
def test_an_answer_that_breaks_the_contract_fails_the_rows(answer):
    class Broken:
        next_due = None
        size = 0

        def process(self, batch, now):
            return answer

    with App(Broken, aggregates=False) as app:
        app.input.send(("a", 1), timestamp=1)
        assert app.calls == []
        assert app.failures[0][0] == [("a", 1)]


def test_an_operator_that_cannot_be_made_is_refused_at_once():
    def make():
        raise ValueError("no licence")

    with pytest.raises(Exception, match="ValueError: no licence"):
        App(make)


def test_keyboard_interrupt_goes_through_the_sender():
    class Interrupted(LengthWindow):
        def process(self, batch, out):
            raise KeyboardInterrupt

    with App(length(2, Interrupted)) as app, pytest.raises(KeyboardInterrupt):
        app.input.send(("a", 1), timestamp=1)


class Repeater:
    """A stream processor: each row `times` times, with a number; the last again a second later."""

    def __init__(self, schedule):
        self.schedule = schedule
        self.last = None

    def process(self, batch, arguments, out):
        (times,) = arguments
        assert batch.names == ("name", "n")
        for at, count in enumerate(times):
            for number in range(count):
                out.emit(at, (number,))
            self.last = batch[at].data
        self.schedule.at(batch[-1].timestamp + 1000)

    def on_timer(self, now, out):
        return [(*self.last, -1)]

    def serialize(self):
        return json.dumps(self.last).encode()

    def deserialize(self, data):
        self.last = tuple(json.loads(data))


def test_a_stream_processor_emits_rows_with_more_attributes():
    source = Schema.of(name=AttributeType.STRING, n=AttributeType.LONG, times=AttributeType.INT)
    target = Schema.of(name=AttributeType.STRING, n=AttributeType.LONG, number=AttributeType.INT)
    holder = {}

    def make():
        schedule = Schedule()
        return ProcessorOperator(Repeater(schedule), schedule, holder["attributes"], 3)

    engine_layout = Engine(playback=True)
    holder["attributes"] = engine_layout.layout("In", ROW)
    with App(make, aggregates=False, source=source, target=target) as app:
        app.input.send_many([("a", 1, 2), ("b", 2, 0), ("c", 3, 1)], timestamps=[10, 20, 30])
        app.engine.advance(2000)
        assert app.calls == [
            ("+", 10, "a", 1, 0),
            ("+", 10, "a", 1, 1),
            ("+", 30, "c", 3, 0),
            ("+", 2000, "c", 3, -1),
        ]
        saved = app.engine.save()
        app.input.send(("d", 4, 0), timestamp=3000)
        app.engine.load(saved)
        app.engine.advance(9000)
        assert app.calls[4:] == []
    engine_layout.close()


def test_the_window_is_given_the_schema_of_its_rows():
    seen = []

    class Looking(LengthWindow):
        def process(self, batch, out):
            seen.append((batch.schema, batch.names, batch.stream))

    with App(length(2, Looking)) as app:
        app.input.send(("a", 1), timestamp=1)
    assert seen == [(ROW, ("name", "n"), "In")]
