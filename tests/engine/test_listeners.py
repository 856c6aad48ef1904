"""Who is called with what, when, on which thread; what a listener may do."""

from __future__ import annotations

import logging
import threading

import pytest
from tests.engine.graphs import TRADE

from eventflux.engine.builder import EngineBuilder
from eventflux.engine.engine import Engine
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import EventFluxError
from eventflux.types.schema import Schema

NUMBER = Schema.of(n=AttributeType.INT)
LIMIT_S = 20


def test_listeners_are_called_in_the_order_of_registration(make):
    graph = make(NUMBER, collect=False)
    calls = []
    for name in "abc":
        graph.listen(lambda batch, name=name: calls.append((name, batch[0]["n"])))
    graph.input.send_many([(1,), (2,)], timestamps=1)
    graph.input.send((3,), timestamp=1)
    assert calls == [(name, number) for number in (1, 3) for name in "abc"]


def test_a_listener_that_is_removed_is_called_no_more(make):
    graph = make(NUMBER, collect=False)
    first, second = [], []
    graph.listen(first.append)
    graph.listen(second.append)
    graph.input.send((1,), timestamp=1)
    assert graph.engine.unlisten(graph.target, first.append)
    graph.input.send((2,), timestamp=1)
    assert (len(first), len(second)) == (1, 2)
    assert not graph.engine.unlisten(graph.target, first.append)
    assert graph.engine.unlisten(graph.target, second.append)
    graph.input.send((3,), timestamp=1)
    assert (len(first), len(second)) == (1, 2)


def test_a_listener_may_remove_itself(make):
    graph = make(NUMBER, collect=False)
    calls = []

    def once(batch):
        calls.append(batch[0]["n"])
        graph.engine.unlisten(graph.target, once)

    graph.listen(once)
    graph.listen(lambda batch: calls.append(-batch[0]["n"]))
    graph.input.send((1,), timestamp=1)
    graph.input.send((2,), timestamp=1)
    assert calls == [1, -1, -2]


def test_an_exception_harms_neither_others_nor_the_sender(make, caplog):
    graph = make(NUMBER, collect=False)
    heard = []

    def broken(batch):
        raise ValueError("no luck")

    graph.listen(broken)
    graph.listen(heard.append)
    with caplog.at_level(logging.ERROR):
        graph.input.send((1,), timestamp=1)
    assert len(heard) == 1
    assert "no luck" in caplog.text
    told = []
    graph.engine.on_exception(lambda callback, batch, error: told.append((callback, batch.rows(), str(error))))
    graph.input.send((2,), timestamp=1)
    assert told == [(broken, [(2,)], "no luck")]
    assert len(heard) == 2


def test_keyboard_interrupt_goes_through_and_nothing_is_lost(make):
    graph = make(NUMBER, collect=False)
    heard = []

    def interrupted(batch):
        raise KeyboardInterrupt

    graph.listen(interrupted)
    graph.listen(lambda batch: heard.append(batch.rows()))
    with pytest.raises(KeyboardInterrupt):
        graph.input.send((1,), timestamp=1)
    assert heard == [[(1,)]]
    assert graph.engine.is_delivering is False


def test_what_a_listener_sends_is_delivered_before_its_send_returns(make):
    graph = make(NUMBER, collect=False)
    log = []

    def echo(batch):
        number = batch[0]["n"]
        log.append(("enter", number))
        if number < 3:
            graph.input.send((number + 1,), timestamp=1)
        log.append(("leave", number))

    graph.listen(echo)
    graph.input.send((1,), timestamp=1)
    assert log == [("enter", 1), ("enter", 2), ("enter", 3), ("leave", 3), ("leave", 2), ("leave", 1)]


def test_what_a_listener_sends_comes_to_the_others_later(make):
    graph = make(NUMBER, collect=False)
    log = []

    def echo(batch):
        if batch[0]["n"] == 1:
            graph.input.send((2,), timestamp=1)

    graph.listen(echo)
    graph.listen(lambda batch: log.append(("second", batch[0]["n"])))
    graph.listen(lambda batch: log.append(("third", batch[0]["n"])))
    graph.input.send((1,), timestamp=1)
    assert log == [("second", 1), ("third", 1), ("second", 2), ("third", 2)]


def test_a_listener_of_a_query_gets_current_and_expired_rows_apart():
    with Engine(playback=True) as engine:
        builder = EngineBuilder(engine)
        source = builder.stream("In", NUMBER.types)
        builder.query("q")
        from eventflux.engine.builder import Argument

        window = builder.window(source, "length", [Argument(type=AttributeType.INT, value=2)], wants_expired=True)
        builder.seal()
        calls = []
        engine.listen_query(
            window,
            engine.layout("q", NUMBER),
            lambda timestamp, current, expired: calls.append(
                (timestamp, current and current.rows(), expired and [(e.data, e.is_expired) for e in expired])
            ),
        )
        rows = engine.input(source, engine.layout("In", NUMBER))
        for number in range(1, 4):
            rows.send((number,), timestamp=1000 + number)
        rows.send_many([(number,) for number in range(4, 8)], timestamps=[2000 + n for n in range(4)])
    assert calls[:3] == [
        (1001, [(1,)], None),
        (1002, [(2,)], None),
        (1003, [(3,)], [((1,), True)]),
    ]
    timestamp, current, expired = calls[3]
    assert timestamp == 2003
    assert current == [(4,), (5,), (6,), (7,)]
    assert expired == [((number,), True) for number in (2, 3, 4, 5)]


def test_a_function_may_not_send(make):
    errors = []
    graph = None

    def sends(value):
        try:
            graph.input.send((value,), timestamp=1)
        except EventFluxError as error:
            errors.append(str(error))
        return value > 0

    def condition(program):
        function = program._engine.add_function(sends, "sends")
        return program.host_call(function, AttributeType.BOOL, program.column(0))

    graph = make(NUMBER, condition=condition)
    graph.input.send((1,), timestamp=1)
    graph.input.send_many([(number,) for number in range(200)], timestamps=1)
    assert len(errors) == 201
    assert set(errors) == {"a function that the engine calls cannot use the engine"}
    assert len(graph.rows) == 200


def test_many_threads_deliver_in_one_order_one_at_a_time(make):
    graph = make(TRADE, collect=False)
    inside = threading.Lock()
    seen = []
    orders = [[], []]

    def first(batch):
        assert inside.acquire(blocking=False)
        seen.extend(batch.rows())
        orders[0].extend(batch.rows())
        inside.release()

    graph.listen(first)
    graph.listen(lambda batch: orders[1].extend(batch.rows()))

    def send(name):
        for number in range(300):
            if number % 10 == 0:
                graph.input.send_many([(name, 1.0, number)] * 3, timestamps=1)
            else:
                graph.input.send((name, 1.0, number), timestamp=1)
            assert (name, 1.0, number) in seen[-60:]

    threads = [threading.Thread(target=send, args=(f"thread {index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    assert orders[0] == orders[1]
    assert len(seen) == 4 * (270 + 90)
    for index in range(4):
        mine = [row[2] for row in seen if row[0] == f"thread {index}"]
        assert mine == sorted(mine)


def test_two_apps_that_send_into_each_other_do_not_wait_for_one_another(make):
    left, right = make(NUMBER, collect=False), make(NUMBER, collect=False)
    heard = []

    def pass_on(to, batch):
        number = batch[0]["n"]
        heard.append(number)
        if number % 20 != 0:
            to.input.send((number + 1,), timestamp=1)

    left.listen(lambda batch: pass_on(right, batch))
    right.listen(lambda batch: pass_on(left, batch))

    def send(to):
        for _ in range(50):
            to.input.send((1,), timestamp=1)

    threads = [threading.Thread(target=send, args=(side,)) for side in (left, right, left, right)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()
    assert len(heard) == 4 * 50 * 20


def test_a_slow_listener_does_not_hold_the_engine(make):
    graph = make(NUMBER, collect=False)
    entered, go_on = threading.Event(), threading.Event()

    def slow(batch):
        entered.set()
        assert go_on.wait(LIMIT_S)

    graph.listen(slow)
    thread = threading.Thread(target=graph.input.send, args=((1,), 1))
    thread.start()
    assert entered.wait(LIMIT_S)
    # The other thread is in its listener: the engine is free, only delivery is not.
    assert graph.engine.now == 1
    go_on.set()
    thread.join(LIMIT_S)
    assert not thread.is_alive()


def test_closing_while_others_use_the_engine(make):
    graph = make(NUMBER, collect=False)
    entered, go_on = threading.Event(), threading.Event()

    def slow(batch):
        entered.set()
        assert go_on.wait(LIMIT_S)

    graph.listen(slow)
    thread = threading.Thread(target=graph.input.send, args=((1,), 1))
    thread.start()
    assert entered.wait(LIMIT_S)
    graph.engine.close()
    assert graph.engine.is_closed
    go_on.set()
    thread.join(LIMIT_S)
    assert not thread.is_alive()
