"""Queues in, exchanges out: what is acknowledged when, and what becomes of messages when somebody dies."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import amqp
import pytest
from tests.rabbitmq.server import RabbitServer

from eventflux import ConnectionUnavailableError, EventFluxManager, InMemoryPersistenceStore
from eventflux.extension import SinkHandler

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(240)]

COPY = """
    @source(type='rabbitmq', host='127.0.0.1', port='{port}', queue='{q}-in', @map(type='json'))
    define stream In (n long);
    @sink(type='rabbitmq', host='127.0.0.1', port='{port}', exchange='', routing.key='{q}-out', on.error='{on_error}',
        @map(type='json'))
    define stream Out (n long, total long);
    from In select n, sum(n) as total insert into Out;
"""


def wait(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Queues:
    """Two queues of one test."""

    def __init__(self, server, name):
        self._server = server
        self.name = name
        self._connection = server.connection()
        self.channel = self._connection.channel()
        for suffix in ("in", "out"):
            self.channel.queue_declare(f"{name}-{suffix}", durable=True, auto_delete=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError, amqp.exceptions.AMQPError):
            self._connection.close()
        self._connection.collect()

    def again(self):
        self.__exit__()
        self._connection = self._server.connection()
        self.channel = self._connection.channel()

    def put(self, numbers, **properties):
        self.channel.confirm_select()
        for n in numbers:
            body = n if isinstance(n, bytes) else json.dumps({"n": n}).encode()
            message = amqp.Message(body, delivery_mode=2, **properties)
            self.channel.basic_publish_confirm(message, exchange="", routing_key=f"{self.name}-in")

    def waiting(self, suffix="in"):
        return self.channel.queue_declare(f"{self.name}-{suffix}", passive=True).message_count

    def taken(self):
        found = []
        while (message := self.channel.basic_get(f"{self.name}-out", no_ack=True)) is not None:
            found.append(message)
        return found

    def rows(self):
        return [json.loads(message.body) for message in self.taken()]


@pytest.fixture
def queues(server, request):
    with Queues(server, request.node.name[:40]) as made:
        yield made


def _started(text, store=None):
    manager = EventFluxManager(plugins=False)
    if store is not None:
        manager.set_persistence_store(store)
    runtime = manager.create_eventflux_app_runtime(text, name="App")
    runtime.start()
    return manager, runtime


def _copy(server, queues, on_error="LOG"):
    return COPY.format(port=server.port, q=queues.name, on_error=on_error)


def test_messages_pass_in_order_and_are_acknowledged(server, queues):
    queues.put(range(700))
    manager, runtime = _started(_copy(server, queues))
    with manager:
        wait(lambda: queues.waiting("out") == 700, "not all came out")
        counts = runtime.metrics().connectors
        assert counts["source/In/rabbitmq/0"].events == 700
        assert counts["sink/Out/rabbitmq/0"].events == 700
        wait(lambda: runtime.metrics().connectors["source/In/rabbitmq/0"].figures[0].value == 0, "not acknowledged")
    assert queues.waiting() == 0, "what was not acknowledged would be back in the queue"
    taken = queues.taken()
    assert [json.loads(message.body)["n"] for message in taken] == list(range(700))
    assert taken[0].properties["delivery_mode"] == 2
    assert taken[0].properties["content_type"] == "application/json"


def test_properties_and_headers_in_and_out(server, queues):
    manager, _ = _started(f"""
        @source(type='rabbitmq', host='127.0.0.1', port='{server.port}', queue='{queues.name}-in',
            @map(type='json', @attributes(n='n', key='trp:routing_key', colour='trp:header.colour',
                id='trp:message_id')))
        define stream In (n long, key string, colour string, id string);
        @sink(type='rabbitmq', host='127.0.0.1', port='{server.port}', exchange='{queues.name}',
            declare.exchange='true',
            exchange.type='topic', routing.key='n.{{{{n}}}}', headers.Colour='{{{{colour}}}}', headers.Fixed='yes',
            persistent='false', @map(type='text', @payload('{{{{key}}}} {{{{id}}}}')))
        define stream Out (n long, key string, colour string, id string);
        from In select * insert into Out;
    """)
    with manager:
        queues.channel.queue_bind(f"{queues.name}-out", queues.name, "n.*")
        queues.put([7], application_headers={"colour": "red"}, message_id="m1")
        queues.put([8])
        wait(lambda: queues.waiting("out") == 2, "not all came out")
    first, second = queues.taken()
    assert (first.body, second.body) == (f"{queues.name}-in m1".encode(), f"{queues.name}-in null".encode())
    assert first.properties["application_headers"] == {"Colour": "red", "Fixed": "yes"}
    assert first.delivery_info["routing_key"] == "n.7"
    assert "delivery_mode" not in first.properties
    assert second.properties["application_headers"] == {"Fixed": "yes"}


class Traced(SinkHandler):
    def on_batch(self, batch, next):
        next(batch)

    def headers(self):
        return {"traceparent": "00-1-2-01"}


def test_a_handler_adds_headers(server, queues):
    with EventFluxManager(plugins=False) as manager:
        manager.set_sink_handler_factory(lambda _context: Traced())
        runtime = manager.create_eventflux_app_runtime(_copy(server, queues), name="App")
        runtime.start()
        runtime.input_handler("Out").send((1, 2))
        wait(lambda: queues.waiting("out") == 1, "it did not come out")
    [message] = queues.taken()
    assert message.properties["application_headers"] == {"traceparent": "00-1-2-01"}


def test_what_cannot_be_mapped_goes_its_own_way_and_is_acknowledged(server, queues):
    manager, runtime = _started(f"""
        CREATE STREAM Dead (originalEvent STRING, errorMessage STRING, errorType STRING, timestamp BIGINT,
            attemptCount INT, streamName STRING);
        CREATE STREAM In (n BIGINT) WITH ('type' = 'source', 'extension' = 'rabbitmq', 'rabbitmq.host' = '127.0.0.1',
            'rabbitmq.port' = '{server.port}', 'rabbitmq.queue' = '{queues.name}-in', 'format' = 'json',
            'error.strategy' = 'dlq', 'error.dlq.stream' = 'Dead');
    """)
    seen, dead = [], []
    with manager:
        runtime.add_callback("In", lambda events: seen.extend(event.data[0] for event in events))
        runtime.add_callback("Dead", lambda events: dead.extend(event.data[0] for event in events))
        queues.put([1, b"no json", 2])
        wait(lambda: seen == [1, 2] and dead == ["no json"], (seen, dead))
    assert queues.waiting() == 0


def test_a_message_that_no_queue_takes_fails_alone(server, queues):
    manager, runtime = _started(f"""
        CREATE STREAM Out (k STRING, n BIGINT) WITH ('type' = 'sink', 'extension' = 'rabbitmq',
            'rabbitmq.host' = '127.0.0.1', 'rabbitmq.port' = '{server.port}', 'rabbitmq.exchange' = '',
            'rabbitmq.mandatory' = 'true', 'rabbitmq.routing.key' = '{queues.name}-{{{{k}}}}', 'format' = 'json');
    """)
    with manager:
        runtime.input_handler("Out").send_many([("out", 1), ("nowhere", 2), ("out", 3)])
        counts = runtime.metrics().connectors["sink/Out/rabbitmq/0"]
        assert (counts.events, counts.failed) == (2, 1)
    assert [row["n"] for row in queues.rows()] == [1, 3]


def test_a_checkpoint_acknowledges(server, queues):
    store = InMemoryPersistenceStore()
    queues.put(range(600))  # more than the bound without checkpoints
    manager, runtime = _started(_copy(server, queues), store)
    with manager:
        wait(lambda: queues.waiting("out") == 600, "not all came out")
        time.sleep(0.5)
        figure = lambda: runtime.metrics().connectors["source/In/rabbitmq/0"].figures[0].value  # noqa: E731
        assert figure() == 600, "nothing is secured yet"
        runtime.persist()
        wait(lambda: figure() == 0, "not acknowledged")
        queues.put([1000])
        wait(lambda: queues.waiting("out") == 601, "the last one did not come out")
    # The shutdown saved the last one, and has acknowledged it.
    assert queues.waiting() == 0
    queues.taken()
    manager, runtime = _started(_copy(server, queues), store)
    with manager:
        queues.put([1])
        wait(lambda: queues.waiting("out") == 1, "it did not come out")
    assert queues.rows() == [{"n": 1, "total": sum(range(600)) + 1001}]


def test_a_process_that_is_killed_loses_nothing(server, queues):
    program = f"""
import time
from eventflux import EventFluxManager
with EventFluxManager(plugins=False) as manager:
    manager.create_eventflux_app_runtime({_copy(server, queues)!r}, name="App").start()
    time.sleep(600)
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(Path.cwd())])}
    seen = set()
    for start in range(0, 900, 300):
        process = subprocess.Popen([sys.executable, "-c", program], env=environment)
        try:
            queues.put(range(start, start + 300))
            wait(lambda: queues.waiting("out") > 0, "nothing came out")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        seen.update(row["n"] for row in queues.rows())
    manager, _ = _started(_copy(server, queues))
    with manager:
        wait(lambda: seen.update(row["n"] for row in queues.rows()) or len(seen) == 900, len(seen))
    assert seen == set(range(900))


def test_a_server_that_is_killed_and_comes_back(own_server, caplog):
    caplog.set_level(logging.INFO)
    queues = Queues(own_server, "killed")
    manager, runtime = _started(_copy(own_server, queues, "WAIT"))
    with queues, manager:
        seen = set()
        for round_ in range(2):
            queues.put(range(round_ * 100, round_ * 100 + 100))
            wait(lambda: seen.update(row["n"] for row in queues.rows()) or len(seen) >= round_ * 100 + 50, "stuck")  # noqa: B023
            own_server.kill()
            wait(lambda: runtime.metrics().connectors["source/In/rabbitmq/0"].state == "retrying", "nobody noticed")
            own_server.start()
            queues.again()
        wait(lambda: seen.update(row["n"] for row in queues.rows()) or len(seen) == 200, seen, 90)
        wait(lambda: runtime.metrics().connectors["source/In/rabbitmq/0"].reconnects == 2, "a reconnect is not seen")
    assert "source rabbitmq of stream In" in caplog.text


def test_who_is_refused_is_told_why(server, queues):
    manager = EventFluxManager(plugins=False)
    text = _copy(server, queues).replace("queue=", "password='wrong', queue=")
    with manager, pytest.raises(ConnectionUnavailableError, match=r"refused: ACCESS_REFUSED"):
        manager.create_eventflux_app_runtime(text).start()


def test_tls_checks_who_the_server_is(tmp_path):
    trustme = pytest.importorskip("trustme")
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    for name, made in (("ca", authority), ("other", other)):
        made.cert_pem.write_to_path(tmp_path / f"{name}.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    server = RabbitServer(
        tmp_path / "node",
        "listeners.ssl.1 = 127.0.0.1:TLS_PORT\n"
        f"ssl_options.certfile = {tmp_path / 'cert.pem'}\nssl_options.keyfile = {tmp_path / 'key.pem'}\n"
        f"ssl_options.cacertfile = {tmp_path / 'ca.pem'}\n",
    )
    server.start()
    try:
        with Queues(server, "tls") as queues:

            def text(host, ca):
                return (
                    _copy(server, queues)
                    .replace("host='127.0.0.1'", f"host='{host}', tls.ca='{tmp_path / ca}.pem'")
                    .replace(f"port='{server.port}'", f"port='{server.tls_port}'")
                )

            for host, ca, reason in (("localhost", "other", "certificate"), ("127.0.0.1", "ca", "certificate|match")):
                with (
                    EventFluxManager(plugins=False) as manager,
                    pytest.raises(ConnectionUnavailableError, match=reason),
                ):
                    manager.create_eventflux_app_runtime(text(host, ca)).start()
            manager, _ = _started(text("localhost", "ca"))
            with manager:
                queues.put([1])
                wait(lambda: queues.waiting("out") == 1, "it did not come out")
    finally:
        server.stop()


def test_the_example_routes_what_is_hot(server):
    example = Path(__file__).resolve().parents[2] / "examples" / "rabbitmq" / "app.sql"
    variables = {"RABBITMQ_HOST": "127.0.0.1", "RABBITMQ_PORT": str(server.port)}
    with Queues(server, "example") as queues, EventFluxManager(plugins=False) as manager:
        manager.create_eventflux_app_runtime(example, variables=variables).start()
        queues.channel.queue_bind("example-out", "alerts", "hot.#")
        for place, celsius in (("cellar", 12.0), ("roof", 91.5)):
            body = json.dumps({"place": place, "celsius": celsius})
            queues.channel.basic_publish(amqp.Message(body), exchange="", routing_key="readings")
        wait(lambda: queues.waiting("out") == 1, "nothing came out")
        [message] = queues.taken()
    assert json.loads(message.body) == {"place": "roof", "celsius": 91.5}
    assert message.delivery_info["routing_key"] == "hot.roof"
