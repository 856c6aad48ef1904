"""Methods of other services, taken and called."""

from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from tests.grpc.apps import Client, Server, wait

from eventflux import ConfigError
from eventflux_grpc.foreign import Method, method_of

PROTO = """
    syntax = "proto3";
    package shop.v1;
    // rpc Hidden(Order) returns (Answer);
    service Other { rpc Put(Order) returns (Answer); }
    service Orders {
      rpc Put(Order) returns (Answer) {}
      rpc PutAll ( stream Order ) returns ( Answer );
      rpc Watch(Order) returns (stream .shop.v1.Answer);
      rpc Talk(stream Order) returns (stream Answer);
    }
"""
METHODS = {"Put": (False, False), "PutAll": (True, False), "Watch": (False, True), "Talk": (True, True)}


@pytest.fixture
def proto(tmp_path):
    file = tmp_path / "orders.proto"
    file.write_text(PROTO)
    return str(file)


@pytest.mark.parametrize("name", METHODS)
def test_the_file_says_what_streams(proto, name):
    takes, gives = METHODS[name]
    expected = Method(service="shop.v1.Orders", name=name, takes_stream=takes, gives_stream=gives)
    assert method_of(f"shop.v1.Orders/{name}", proto) == expected


def test_what_is_not_declared_is_an_error(proto):
    with pytest.raises(ConfigError, match=r"declares no method shop.v1.Orders/Hidden") as caught:
        method_of("/shop.v1.Orders/Hidden", proto)
    assert "shop.v1.Orders/PutAll" in str(caught.value.hint)
    with pytest.raises(ConfigError, match="can't be read"):
        method_of("a.B/C", "/nowhere.proto")


@pytest.mark.parametrize("name", METHODS)
def test_a_source_takes_calls_of_another_service(proto, name):
    takes, gives = METHODS[name]
    with Server(options=f", method='shop.v1.Orders/{name}', proto='{proto}'") as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            kind = f"{'stream' if takes else 'unary'}_{'stream' if gives else 'unary'}"
            call = getattr(channel, kind)(f"/shop.v1.Orders/{name}")
            payloads = [b'{"n": 1}', b'{"n": 2}'] if takes else [b'{"n": 1}']
            answer = call(iter(payloads) if takes else payloads[0], timeout=5)
            answers = list(answer) if gives else [answer]
        assert set(answers) == {b""}
        assert server.rows == [(1,), (2,)][: len(payloads)]


@pytest.mark.parametrize("name", METHODS)
def test_a_sink_calls_another_service(proto, name):
    takes, gives = METHODS[name]
    taken = []

    def handle(request, context):
        taken.extend(request if takes else [request])
        return iter([b"x", b"y"]) if gives else b"x"

    kind = f"{'stream' if takes else 'unary'}_{'stream' if gives else 'unary'}_rpc_method_handler"
    server = grpc.server(ThreadPoolExecutor(4))
    handlers = {name: getattr(grpc, kind)(handle)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("shop.v1.Orders", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with Client(f"grpc://127.0.0.1:{port}", options=f", method='shop.v1.Orders/{name}', proto='{proto}'") as client:
        client.send([(1,), (2,)])
        wait(lambda: len(taken) == 2, taken)
        assert client.counts.failed == 0
    server.stop(0).wait()
    assert taken == [b'{"n":1}', b'{"n":2}']
