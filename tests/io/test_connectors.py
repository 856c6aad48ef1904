import io
import logging
import os
import threading
import time

import pytest

from eventflux.extension.kinds.source import SourceContext
from eventflux.extension.options import parse_options
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.io.sinks.stdout import StdoutSink
from eventflux.io.sources.stdin import StdinSource
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError
from eventflux.types.schema import Schema

INT, LONG, STRING = AttributeType.INT, AttributeType.LONG, AttributeType.STRING
PAIR = Schema.of(k=STRING, n=INT)


def test_events_meet_in_a_topic_with_their_time(app):
    sink = app(PAIR, {"type": "sink", "extension": "inMemory", "inMemory.topic": "t"})
    source = app(PAIR, {"type": "source", "extension": "inMemory", "inMemory.topic": "t"})
    source.source.start()
    sink.sink.start()
    sink.publish(("a", 1), ("b", 2), timestamp=7)
    assert source.rows.rows == [("a", 1), ("b", 2)]
    assert source.rows.timestamps == [7, 8]
    assert source.rows.calls == [1, 1]


def test_each_event_may_name_its_topic(app):
    sink = app(PAIR, {"type": "sink", "extension": "inmemory", "inmemory.topic": "to-{{k}}"})
    sink.sink.start()
    seen = []
    InMemoryBroker.subscribe("to-a", lambda payload: seen.append(("a", payload.data)))
    InMemoryBroker.subscribe("to-b", lambda payload: seen.append(("b", payload.data)))
    sink.publish(("a", 1), ("b", 2), ("a", 3))
    assert seen == [("a", ("a", 1)), ("a", ("a", 3)), ("b", ("b", 2))]


def test_a_stopped_source_hears_nothing(app):
    made = app(PAIR, {"type": "source", "extension": "inMemory", "inMemory.topic": "t"})
    made.source.start()
    made.source.stop()
    assert InMemoryBroker.publish("t", ("a", 1)) == 0


def test_publishers_wait_while_a_source_is_paused(app):
    made = app(PAIR, {"type": "source", "extension": "inMemory", "inMemory.topic": "t"})
    made.source.start()
    made.source.pause()
    publisher = threading.Thread(target=lambda: InMemoryBroker.publish("t", ("a", 1)))
    publisher.start()
    time.sleep(0.05)
    assert made.rows.rows == []
    made.source.resume()
    publisher.join(5)
    assert made.rows.rows == [("a", 1)]


def test_subscribers_are_called_in_order_and_can_leave():
    seen = []
    first, second = (lambda payload: seen.append((1, payload))), (lambda payload: seen.append((2, payload)))
    InMemoryBroker.subscribe("x", first)
    InMemoryBroker.subscribe("x", second)
    assert InMemoryBroker.publish("x", "p") == 2
    assert InMemoryBroker.unsubscribe("x", first)
    assert not InMemoryBroker.unsubscribe("x", first)
    assert InMemoryBroker.publish("x", "q") == 1
    InMemoryBroker.reset()
    assert InMemoryBroker.publish("x", "r") == 0
    assert seen == [(1, "p"), (2, "p"), (2, "q")]


def test_the_log_sink_writes_events(app, caplog):
    made = app(PAIR, {"type": "sink", "extension": "log"})
    made.sink.start()
    with caplog.at_level(logging.INFO, "eventflux.sink.log"):
        made.publish(("a", None), timestamp=5)
    assert caplog.messages == ["App : S : Event{timestamp=5, data=[a, null], isExpired=false}"]


def test_the_log_sink_has_a_prefix_a_level_and_formats(app, caplog):
    properties = {"type": "sink", "extension": "log", "log.prefix": "{{k}}!", "log.level": "warn", "format": "json"}
    made = app(PAIR, properties)
    made.sink.start()
    made.publish(("a", 1), ("b", 2))
    assert caplog.messages == ['a! : {"k":"a","n":1}', 'b! : {"k":"b","n":2}']
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    caplog.clear()
    silent = app(PAIR, {"type": "sink", "extension": "log", "log.priority": "OFF"})
    silent.sink.start()
    silent.publish(("a", 1))
    assert not caplog.messages


def test_a_timer_keeps_its_grid(app):
    made = app(
        Schema.of(n=LONG, triggered_time=LONG),
        {"type": "source", "extension": "timer", "timer.interval": "20", "timer.count": "5"},
    )
    started = time.monotonic()
    made.run_to_end()
    assert 0.09 < time.monotonic() - started < 5
    assert [row[0] for row in made.rows.rows] == [1, 2, 3, 4, 5]
    assert abs(made.rows.rows[-1][1] - time.time() * 1000) < 5000


def test_a_timer_ticks_into_one_text(app):
    made = app(Schema.of(t=STRING), {"type": "source", "extension": "timer", "timer.interval": "1", "timer.count": "2"})
    assert made.run_to_end() == [("tick",), ("tick",)]
    with pytest.raises(ConfigError, match="can't fill other INT"):
        app(Schema.of(other=INT), {"type": "source", "extension": "timer"})


class Lines:
    """A source's callback that keeps lines."""

    header_payloads = 0

    def __init__(self):
        self.lines = []
        self.ended = threading.Event()

    def block(self, block, _delimiter, origin, _accepted=None):
        self.lines += [(origin.first + index, line) for index, line in enumerate(block.split(b"\n")[:-1])]

    def start_of_input(self):
        pass

    def failed(self, error, origin):
        self.lines.append((origin.first, error.message))

    def lost(self, error):
        assert error is None
        self.ended.set()


def test_stdin_delivers_lines_and_ends(registry, environment):
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stream:
        made = StdinSource(stream)
        options, _ = parse_options(registry.get("source", "stdin"), {"max.line.bytes": "10"})
        context = SourceContext(app_name="A", stream="S", schema=PAIR, options=options, environment=environment)
        made.configure(context)
        seen = Lines()
        made.connect(seen)
        os.write(write, b"one\ntw")
        time.sleep(0.05)
        os.write(write, b"o\n" + b"x" * 30 + b"\nlast")
        os.close(write)
        assert seen.ended.wait(10)
        made.disconnect()
    lines = sorted((number, line) for number, line in seen.lines if line)
    assert lines == [(1, b"one"), (2, b"two"), (3, "a line is longer than 10 bytes"), (4, b"last")]


def test_stdout_writes_lines(events):
    stream = io.BytesIO()
    sink = StdoutSink(stream)
    sink.publish([b"a", "b", events(("x", 1))[0]], {})
    assert sink.publish_block(b"c\nd\n", 2, b"\n")
    assert not sink.publish_block(b"c\0", 1, b"\0")
    assert stream.getvalue() == b"a\nb\nEvent{timestamp=1000, data=[x, 1], isExpired=false}\nc\nd\n"


def test_a_mapper_that_breaks_costs_the_payload_not_the_source(app, monkeypatch):
    made = app(PAIR, {"type": "source", "extension": "inMemory", "inMemory.topic": "t", "format": "json"})
    general = made.source.feed._mapper.map

    def breaks(payload, properties):
        if payload == "7":
            raise RuntimeError("no")
        return general(payload, properties)

    monkeypatch.setattr(made.source.feed._mapper, "map", breaks)
    made.source.start()
    InMemoryBroker.publish("t", "7")
    InMemoryBroker.publish("t", '{"k": "a", "n": 1}')
    assert made.rows.rows == [("a", 1)]
    assert made.source.feed.failures.counts.by_action == {"drop": 1}
