"""What a source has delivered is secured by the sinks' acknowledgement, or by a checkpoint: never before."""

import json
import threading
import time
from array import array
from types import ModuleType

import pytest

from eventflux import EventFluxManager, InMemoryPersistenceStore, StateError
from eventflux.extension import Extension, ExtensionKind, MessageBatch, Parameter, PublishError, Sink, Source
from eventflux.types.errors import ConnectionUnavailableError


class Mail(Source):
    """A transport of messages that knows how far it has come."""

    made = None

    def configure(self, ctx):
        Mail.made = self
        self.position = 0
        self.secured = []

    def connect(self, on_data):
        self.on_data = on_data

    def disconnect(self):
        pass

    def save(self):
        return str(self.position).encode()

    def load(self, state):
        self.position = int(state)

    def committed(self, state):
        self.secured.append(int(state))

    def deliver(self, *payloads, **more):
        def accepted():
            self.position += len(payloads)

        self.on_data.messages(MessageBatch(payloads=payloads, name="mail", **more), accepted)


class Post(Sink):
    """A client that delivers later: what it has taken is on the way until `flush`."""

    made = None
    takes_each = True

    def configure(self, ctx):
        Post.made = self
        self.ctx = ctx
        self.on_the_way = []
        self.arrived = []
        self.refused = {}
        self.is_down = False
        self.steps = []

    def connect(self):
        pass

    def publish(self, payloads, dynamic):
        raise AssertionError("it takes each")

    def publish_each(self, payloads, dynamic):
        receipt = self.ctx.deliveries.receipt()
        for index, payload in enumerate(payloads):
            key = dynamic["key"][index] if dynamic else None
            self.on_the_way.append((receipt, payload, key))

    def flush(self):
        self.steps.append("flush")
        if self.is_down:
            raise PublishError("nobody answers")
        waiting, self.on_the_way = self.on_the_way, []
        for receipt, payload, key in waiting:
            errors = self.refused.get(payload, [])
            if errors:
                self.ctx.deliveries.failed(receipt, payload, errors.pop(0))
            else:
                self.arrived.append((payload, key))

    def disconnect(self):
        pass

    def prepare(self, revision):
        self.steps.append("prepare")

    def commit(self, revision):
        self.steps.append("commit")

    def abort(self, revision):
        self.steps.append("abort")


POST = Extension(
    name="post",
    kind=ExtensionKind.SINK,
    factory=Post,
    parameters=(Parameter("key", ("STRING",), dynamic=True, optional=True),),
)
APP = """
    @source(type='mail', @map(type='json')) define stream S (id long, name string);
    @sink(type='post', {options} @map(type='json')) define stream Out (id long, name string);
    from S[id >= 0] select * insert into Out;
"""


@pytest.fixture
def manager():
    with EventFluxManager() as made:
        letters = ModuleType("letters")
        letters.register_sinks = lambda registry: registry.register(POST)
        made.set_extension("letters", letters)
        made.add_source("mail", Mail)
        yield made


@pytest.fixture
def start(manager):
    def begin(app=APP, options=""):
        runtime = manager.create_eventflux_app_runtime(app.format(options=options), name="post office")
        runtime.start()
        return runtime, Mail.made, Post.made

    return begin


def line(number, name="n"):
    return json.dumps({"id": number, "name": name}, separators=(",", ":")).encode()


def test_a_position_is_secured_when_the_sinks_have_acknowledged(start):
    _, mail, post = start()
    mail.deliver(line(1), line(2))
    assert mail.on_data.is_checkpointed is False
    assert mail.on_data.secure() is True
    assert mail.secured == [2]
    assert [payload for payload, _ in post.arrived] == [line(1), line(2)]


def test_rows_that_wait_in_a_buffer_are_run_before_their_position_is_secured(start):
    app = APP.replace("define stream S", "@async(buffer.size='1024') define stream S").replace("{options}", "")
    _, mail, post = start(app)
    mail.deliver(*[line(number) for number in range(500)])
    assert mail.on_data.secure() is True
    assert [payload for payload, _ in post.arrived] == [line(number) for number in range(500)]
    assert mail.secured == [500]


def test_a_checkpoint_waits_for_rows_in_a_buffer(manager, start):
    manager.set_persistence_store(InMemoryPersistenceStore())
    app = APP.replace("define stream S", "@async(buffer.size='1024') define stream S").replace("{options}", "")
    runtime, mail, post = start(app)
    mail.deliver(*[line(number) for number in range(500)])
    runtime.persist()
    assert len(post.arrived) == 500
    assert mail.secured == [500]


def test_a_position_is_not_secured_while_a_sink_does_not_acknowledge(start):
    _, mail, post = start()
    mail.deliver(line(1))
    post.is_down = True
    assert mail.on_data.secure() is False
    assert mail.secured == []
    post.is_down = False
    assert mail.on_data.secure() is True
    assert mail.secured == [1]


def test_with_a_store_only_a_checkpoint_secures(manager, start):
    manager.set_persistence_store(InMemoryPersistenceStore())
    runtime, mail, post = start()
    mail.deliver(line(1))
    assert mail.on_data.is_checkpointed is True
    assert mail.on_data.secure() is False
    assert mail.secured == []
    post.steps.clear()
    runtime.persist()
    assert mail.secured == [1]
    assert post.steps == ["flush", "prepare", "commit"]
    assert post.arrived == [(line(1), None)]


def test_no_checkpoint_is_saved_that_a_sink_has_not_acknowledged(manager, start):
    store = InMemoryPersistenceStore()
    manager.set_persistence_store(store)
    runtime, mail, post = start()
    mail.deliver(line(1))
    post.is_down = True
    with pytest.raises(StateError, match="a sink has not acknowledged: nobody answers"):
        runtime.persist()
    assert mail.secured == []
    assert store.revisions("post office") == []
    assert post.steps[-1] == "abort"
    post.is_down = False


def test_a_checkpoint_from_a_callback_does_not_wait_for_a_source_that_waits_for_the_callback(manager, start):
    manager.set_persistence_store(InMemoryPersistenceStore())
    runtime, mail, _ = start(APP + "define stream T (id long);")
    inside, release = threading.Event(), threading.Event()

    def persist_when_told(_events):
        inside.set()
        assert release.wait(20)
        runtime.persist()

    runtime.add_callback("T", persist_when_told)
    sender = threading.Thread(target=runtime.input_handler("T").send, args=((1,),))
    sender.start()
    assert inside.wait(20)
    source = threading.Thread(target=mail.deliver, args=(line(1),))
    source.start()  # holds the barrier and waits until the callback's thread has delivered its rows
    time.sleep(0.05)
    release.set()
    sender.join(20)
    source.join(20)
    assert not sender.is_alive()
    assert not source.is_alive()
    assert mail.secured in ([0], [1])


def test_dynamic_options_come_for_each_payload_in_order(start):
    _, mail, post = start(options="key='{{name}}',")
    mail.deliver(line(1, "a"), line(2, "b"), line(3, "a"), b'{"id":4}')
    mail.on_data.secure()
    assert [key for _, key in post.arrived] == ["a", "b", "a", None]


def test_a_payload_that_fails_late_goes_the_way_of_the_policy_with_its_event(manager, start):
    runtime, mail, post = start(
        """
        @source(type='mail', @map(type='json')) define stream S (id long, name string);
        @sink(type='post', on.error='LOG', @map(type='json')) define stream Out (id long, name string);
        from S select * insert into Out;
        """
    )
    post.refused[line(2)] = [PublishError("too large")]
    mail.deliver(line(1), line(2), line(3))
    assert mail.on_data.secure() is True
    counts = runtime.metrics().connectors["sink/Out/post/0"]
    assert (counts.events, counts.failed) == (2, 1)
    assert [payload for payload, _ in post.arrived] == [line(1), line(3)]


def test_a_sink_that_waits_sends_again_what_its_connection_lost(start):
    _, mail, post = start(options="on.error='WAIT',")
    gone = ConnectionUnavailableError("timed out")
    post.refused[line(1)] = [gone, gone, gone]
    mail.deliver(line(1), line(2))
    assert mail.on_data.secure() is True
    assert sorted(payload for payload, _ in post.arrived) == [line(1), line(2)]
    assert mail.secured == [2]


def test_what_a_sink_that_waits_gives_up_at_the_end_is_not_secured(start):
    runtime, mail, post = start(options="on.error='WAIT',")
    post.refused[line(1)] = [ConnectionUnavailableError("timed out") for _ in range(10)]
    runtime.sinks[0]._stopping.set()
    mail.deliver(line(1))
    assert mail.on_data.secure() is False
    assert mail.secured == []


def test_a_sink_whose_connection_is_interrupted_is_not_flushed_for_ever(start):
    _, mail, post = start(options="on.error='WAIT',")
    post.refused[line(1)] = [ConnectionUnavailableError("timed out")]
    mail.deliver(line(1))
    post.ctx.deliveries.interrupted(ConnectionUnavailableError("all brokers are down"))
    assert mail.on_data.secure() is False
    post.ctx.deliveries.restored()
    assert mail.on_data.secure() is True
    assert [payload for payload, _ in post.arrived] == [line(1)]


def test_what_fails_late_is_tried_as_often_as_the_policy_says(manager, start):
    app = """
        CREATE STREAM S (id BIGINT, name STRING) WITH ('type' = 'source', 'extension' = 'mail', 'format' = 'json');
        CREATE STREAM Out (id BIGINT, name STRING) WITH ('type' = 'sink', 'extension' = 'post', 'format' = 'json',
            'error.strategy' = 'retry', 'error.retry.max-attempts' = '2', 'error.retry.initial-delay' = '1ms');
        INSERT INTO Out SELECT * FROM S;
    """
    runtime, mail, post = start(app)
    refusals = [PublishError(f"no {number}") for number in range(5)]
    post.refused[line(1)] = refusals
    mail.deliver(line(1))
    assert mail.on_data.secure() is True
    assert len(refusals) == 2, "the first attempt and two more"
    assert runtime.metrics().connectors["sink/Out/post/0"].failed == 1


def test_a_failure_that_stops_the_app_secures_nothing(manager, start):
    app = """
        CREATE STREAM S (id BIGINT, name STRING) WITH ('type' = 'source', 'extension' = 'mail', 'format' = 'json');
        CREATE STREAM Out (id BIGINT, name STRING) WITH ('type' = 'sink', 'extension' = 'post', 'format' = 'json',
            'error.strategy' = 'fail');
        INSERT INTO Out SELECT * FROM S;
    """
    runtime, mail, post = start(app)
    runtime.on_exception(lambda _failure: None)
    post.refused[line(1)] = [PublishError("no")]
    mail.deliver(line(1))
    assert mail.on_data.secure() is False
    assert runtime.state == "failed"
    assert mail.secured == []


def test_interruptions_show_in_state_and_metrics(start, caplog):
    runtime, mail, post = start()
    caplog.set_level("INFO", "eventflux.io")
    name = "source/S/mail/0"
    mail.on_data.interrupted(ConnectionUnavailableError("all brokers are down"))
    post.ctx.deliveries.interrupted(ConnectionUnavailableError("all brokers are down"))
    assert runtime.metrics().connectors[name].state == "retrying"
    assert runtime.metrics().connectors["sink/Out/post/0"].state == "retrying"
    mail.deliver(line(1))
    mail.on_data.restored()
    mail.on_data.restored()
    found = runtime.metrics().connectors[name]
    assert (found.state, found.reconnects, found.events) == ("connected", 1, 1)
    assert "lost its connection and is reconnecting: all brokers are down" in caplog.text
    assert "is connected again after" in caplog.text


MAPPED = """
    @app:playback
    @source(type='mail', @map(type='json', {mapper} @attributes({attributes})))
    define stream S (id long, name string);
"""


def delivered(start, app, *payloads, **more):
    runtime, mail, _ = start(app)
    seen = []
    runtime.add_callback("S", lambda events: seen.extend((event.timestamp, event.data) for event in events))
    mail.deliver(*payloads, **more)
    return seen


PLAIN = MAPPED.replace("{mapper}", "").replace("{attributes}", "id='id', name='name'")


def test_rows_have_the_times_of_their_messages(start):
    payloads = [line(1), b'{"id": "no"}', line(2), b"", line(3, "a\nb"), b'[{"id":4,"name":"x"},{"id":5,"name":"y"}]']
    seen = delivered(start, PLAIN, *payloads, timestamps=array("q", [10, 20, 30, 40, 50, 60]))
    assert seen == [(10, (1, "n")), (30, (2, "n")), (50, (3, "a\nb")), (60, (4, "x")), (60, (5, "y"))]


def test_decoded_runs_have_the_times_of_their_messages_around_those_that_are_left_out(start):
    payloads = [line(number) if number % 5 else b'{ "id": 2.0, "name": "other" }' for number in range(1, 40)]
    seen = delivered(start, PLAIN, *payloads, timestamps=array("q", range(101, 140)))
    assert [time for time, _ in seen] == list(range(101, 140))
    assert [row[0] for _, row in seen] == [number if number % 5 else 2 for number in range(1, 40)]


def test_an_attribute_may_hold_the_time(start):
    payloads = [line(7), line(8), b'{"name":"none"}', line(9)]
    seen = delivered(start, PLAIN, *payloads, timestamp_attribute=0)
    assert [time for time, _ in seen][:2] == [7, 8]
    assert seen[3] == (9, (9, "n"))


def test_a_mapping_may_take_attributes_from_the_transport(start):
    app = MAPPED.replace("{mapper}", "").replace("{attributes}", "id='$.id', name='trp:key'")
    seen = delivered(start, app, line(1), line(2), properties=lambda index: {"key": f"k{index}"})
    assert [row for _, row in seen] == [(1, "k0"), (2, "k1")]


def test_a_tombstone_gives_a_row_where_the_mapping_wants_it(start):
    app = MAPPED.replace("{mapper}", "tombstone='row',").replace("{attributes}", "id='$.id', name='trp:key'")
    seen = delivered(start, app, None, properties=lambda index: {"key": "gone"}, timestamps=array("q", [5]))
    assert seen == [(5, (None, "gone"))]
    assert Mail.made.on_data.maps_tombstones is True
    assert Mail.made.on_data.uses_properties is True
