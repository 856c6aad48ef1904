"""Requests that an app answers with events."""

import json
import threading
import time

import pytest

from eventflux.types.errors import ConfigError

APP = """
    @source(type='http-request', source.id='{id}', host='127.0.0.1', port='0'{source},
            @map(type='json', @attributes(id='trp:messageId', a='$.a', b='$.b')))
    define stream Asked (id string, a int, b int);
    @sink(type='http-response', source.id='{id}', message.id='{{{{id}}}}', status.code='{{{{status}}}}',
          headers.X-Sum='{{{{total}}}}', @map(type='json', @payload('{{"total": {{{{total}}}}}}')))
    define stream Answers (id string, status int, total int);
    from Asked[a > 0] select id, ifThenElse(b > 100, 422, 200) as status, a + b as total insert into Answers;
"""


@pytest.fixture
def app(manager):
    def make(source_id, source=""):
        runtime = manager.create_eventflux_app_runtime(APP.format(id=source_id, source=source), name=source_id)
        runtime.start()
        return runtime, runtime.sources[0].source.port

    return make


def test_an_event_is_the_answer(app, client):
    _, port = app("sums")
    caller = client(port)
    status, body, headers = caller.post({"a": 1, "b": 2})
    assert (status, json.loads(body), headers["x-sum"]) == (200, {"total": 3}, "3")
    assert headers["content-type"] == "application/json"
    assert caller.post({"a": 1, "b": 200})[0] == 422


def test_many_requests_get_their_own_answers(app, client):
    _, port = app("many")
    answers = {}

    def ask(number):
        answers[number] = json.loads(client(port).post({"a": number, "b": 1})[1])["total"]

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(1, 21)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(20)
    assert answers == {number: number + 1 for number in range(1, 21)}


def test_a_request_without_an_answer_gets_504(app, client):
    _, port = app("silent", ", connection.timeout.ms='100'")
    assert client(port).post({"a": 0, "b": 2})[0] == 504


def test_a_request_that_waits_while_the_app_stops_gets_503(app, client):
    runtime, port = app("stopping")
    statuses = []
    asker = threading.Thread(target=lambda: statuses.append(client(port).post({"a": 0, "b": 2})[0]))
    asker.start()
    time.sleep(0.2)
    runtime.shutdown()
    asker.join(20)
    assert statuses == [503]


def test_an_answer_that_nobody_waits_for_is_a_failure(app):
    runtime, _ = app("nobody")
    runtime.input_handler("Answers").send_many([("unknown", 200, 1), ("unknown", 99, 1)])
    assert runtime.metrics().connectors["sink/Answers/http-response/0"].failed == 2


def test_what_the_source_refuses_is_answered_at_once(app, client):
    _, port = app("refusing", ", max.body.bytes='5'")
    assert client(port).post({"a": 1, "b": 2})[0] == 413


@pytest.mark.parametrize(
    ("options", "message"),
    [("message.id='fixed'", "must name the attribute"), ("message.id='{{id}}', status.code='99'", "from 200 to 599")],
)
def test_options_that_cannot_work_are_refused(manager, options, message):
    text = f"@sink(type='http-response', source.id='x', {options}, @map(type='json')) define stream A (id string);"
    with pytest.raises(ConfigError, match=message):
        manager.create_eventflux_app_runtime(text)
