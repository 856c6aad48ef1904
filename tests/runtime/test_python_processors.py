"""Stream functions and stream processors written in Python, from registration to rows."""

from __future__ import annotations

import json

import pytest

from eventflux import EventFluxManager
from eventflux.extension import Parameter, Returns, StreamFunction, StreamProcessor, extension
from eventflux.types.errors import ValidationError


@extension(
    name="split",
    namespace="test",
    kind="stream_processor",
    description="The first word of a text and the number of the others.",
    parameters=[Parameter("text", ("STRING",), "The text.", dynamic=True)],
    returns=[Returns("head", "STRING"), Returns("others", "INT")],
)
class Split(StreamFunction):
    def output_attributes(self, args):
        return [Returns("head", "STRING"), Returns("others", "INT")]

    def execute(self, text):
        words = text.split()
        return words[0], len(words) - 1


@extension(
    name="again",
    namespace="test",
    kind="stream_processor",
    description="Each row as often as it says, and the last one again some time later.",
    parameters=[
        Parameter("times", ("LONG",), "How often.", dynamic=True),
        Parameter("later", ("LONG",), "How much later, in milliseconds.", dynamic=True),
    ],
    returns=[Returns("number", "LONG")],
)
class Again(StreamProcessor):
    def init(self, args, ctx):
        self.ctx = ctx
        self.last = None
        assert [argument.is_constant for argument in args] == [False, True]

    def output_attributes(self, args):
        return [Returns("number", "LONG")]

    def process(self, batch, arguments, out):
        times, later = arguments
        for at, count in enumerate(times):
            for number in range(count):
                out.emit(at, (number,))
            self.last = batch.rows()[at]
        self.ctx.schedule(self.ctx.current_time() + later[-1])

    def on_timer(self, now, out):
        return [(*self.last, -1)]

    def serialize(self):
        return json.dumps(self.last).encode()

    def deserialize(self, data):
        self.last = tuple(json.loads(data))


APP = """
@app:name('processors') @app:playback
define stream In (text string, n long);
@info(name = 'q')
from In{handlers} select {selected}
insert all events into Out;
"""


@pytest.fixture
def manager():
    with EventFluxManager() as made:
        made.add_stream_function("split", Split, namespace="test")
        made.add_stream_processor("again", Again, namespace="test")
        yield made


def play(manager, handlers, selected, rows, *, one_by_one=True, until=None):
    runtime = manager.create_eventflux_app_runtime(APP.format(handlers=handlers, selected=selected))
    calls = []

    def hear(timestamp, current, expired):
        calls.extend(("-", *event.data) for event in expired or ())
        calls.extend(("+", *event.data) for event in current or ())

    runtime.add_query_callback("q", hear)
    with runtime:
        handler = runtime.input_handler("In")
        if one_by_one:
            for index, row in enumerate(rows):
                handler.send(row, timestamp=1000 + index)
        else:
            handler.send_many(rows, timestamps=[1000 + index for index in range(len(rows))])
        if until is not None:
            runtime.advance_time(until)
    runtime.close()
    return calls


ROWS = [("a b c", 1), ("d", 0), ("e f", 2)]


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "many"])
def test_a_stream_function_appends_attributes(manager, one_by_one):
    calls = play(manager, "#test:split(text)[others > 0]", "head, others, n", ROWS, one_by_one=one_by_one)
    assert calls == [("+", "a", 2, 1), ("+", "e", 1, 2)]


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "many"])
def test_a_stream_processor_makes_more_or_fewer_rows_of_one(manager, one_by_one):
    calls = play(manager, "#test:again(n, 50L)", "n, number", ROWS, one_by_one=one_by_one, until=2000)
    assert calls == [("+", 1, 0), ("+", 2, 0), ("+", 2, 1), ("+", 2, -1)]


def test_rows_that_leave_a_window_pass_as_such(manager):
    calls = play(manager, "#window.length(1)#test:split(text)", "head, count() as c", ROWS)
    assert calls == [("+", "a", 1), ("-", "a", 0), ("+", "d", 1), ("-", "d", 0), ("+", "e", 1)]


@pytest.mark.parametrize("one_by_one", [True, False], ids=["one by one", "many"])
def test_batches_stay_batches(manager, one_by_one):
    rows = [(f"word {number}", number) for number in range(7)]
    calls = play(manager, "#window.lengthBatch(3)#test:split(text)", "sum(n) as s", rows, one_by_one=one_by_one)
    assert [call for call in calls if call[0] == "+"] == [("+", 3), ("+", 12)]


def test_two_in_a_row_and_only_some_attributes_read(manager):
    calls = play(manager, "#test:split(text)#test:again(n + 1, 10L)", "head", ROWS[:1])
    assert calls == [("+", "a"), ("+", "a")]


def test_what_raises_costs_its_row(manager, caplog):
    calls = play(manager, "#test:split(text)", "head", [("a", 1), ("", 2), ("c", 3)])
    assert calls == [("+", "a"), ("+", "c")]
    assert "IndexError" in caplog.text


def test_an_attribute_that_is_there_already_is_refused(manager):
    with pytest.raises(ValidationError, match="appends 'head', which the stream has already"):
        manager.create_eventflux_app_runtime(APP.format(handlers="#test:split(text)#test:split(text)", selected="head"))


def test_explain_names_it(manager):
    runtime = manager.create_eventflux_app_runtime(APP.format(handlers="#test:split(text)", selected="head"))
    assert "test:split in Python -> text, n, head, others" in runtime.explain()


def test_state_and_timers_survive_a_snapshot(manager):
    text = APP.format(handlers="#test:again(n, 500L)", selected="text, number")
    runtime = manager.create_eventflux_app_runtime(text)
    with runtime:
        runtime.input_handler("In").send(("x", 0), timestamp=1000)
        snapshot = runtime.snapshot()
    runtime.close()
    restored = manager.create_eventflux_app_runtime(text)
    rows = []
    restored.add_callback("Out", lambda batch: rows.extend(batch.rows()))
    with restored:
        restored.restore(snapshot)
        restored.advance_time(1499)
        assert rows == []
        restored.advance_time(1500)
    assert rows == [("x", -1)]
