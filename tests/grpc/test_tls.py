"""TLS and mTLS of source and sink, and of the transport: who is refused, and why."""

import logging
import os
import shutil
import time

import pytest
from tests.grpc.apps import Client, Server, wait
from tests.transport.certificates import Certificates

from eventflux import ConfigError, ConnectionUnavailableError, TransportError
from eventflux.extension import Message, TlsConfig
from eventflux_grpc import GrpcTransport, GrpcTransportConfig


@pytest.fixture
def ours(tmp_path):
    return Certificates(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    return Certificates(tmp_path / "theirs")


def _server(pair, authorities=None):
    options = f", tls.cert='{pair[0]}', tls.key='{pair[1]}'"
    if authorities is not None:
        options += f", tls.ca='{authorities.ca}', tls.client.auth='required'"
    return Server(options=options)


def _client(server, authorities, pair=None, more=""):
    options = f", tls.ca='{authorities.ca}', connect.timeout.ms='3000'{more}"
    if pair is not None:
        options += f", tls.cert='{pair[0]}', tls.key='{pair[1]}'"
    return Client(server.url.replace("127.0.0.1", "localhost"), options=options)


def test_a_server_that_is_known(ours):
    with _server(ours.issue()) as server, _client(server, ours) as client:
        client.send([(1,)])
        wait(lambda: server.rows == [(1,)])


def test_both_sides_that_are_known(ours, theirs):
    with _server(ours.issue(), theirs) as server, _client(server, ours, theirs.issue("client")) as client:
        client.send([(1,)])
        wait(lambda: server.rows == [(1,)])


def test_another_name_that_is_expected(ours):
    more = ", tls.server.name='prices.example.org'"
    with _server(ours.issue("prices.example.org")) as server, _client(server, ours, more=more) as client:
        client.send([(1,)])
        wait(lambda: server.rows == [(1,)])


def test_a_server_of_another_authority_is_refused(ours, theirs):
    with (
        _server(theirs.issue()) as server,
        pytest.raises(ConnectionUnavailableError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        _client(server, ours)


def test_a_server_whose_certificate_has_expired_is_refused(ours):
    with (
        _server(ours.issue(expired=True)) as server,
        pytest.raises(ConnectionUnavailableError, match="certificate has expired"),
    ):
        _client(server, ours)


def test_a_server_of_another_name_is_refused(ours):
    with (
        _server(ours.issue("other.example.org")) as server,
        pytest.raises(ConnectionUnavailableError, match="localhost"),
    ):
        _client(server, ours)


def test_a_client_without_a_certificate_is_refused(ours):
    with _server(ours.issue(), ours) as server, pytest.raises(ConnectionUnavailableError, match="UNAVAILABLE"):
        _client(server, ours)


def test_a_client_of_another_authority_is_refused(ours, theirs):
    with _server(ours.issue(), ours) as server, pytest.raises(ConnectionUnavailableError, match="UNAVAILABLE"):
        _client(server, ours, theirs.issue("client"))


def test_a_client_without_tls_is_refused(ours):
    with _server(ours.issue()) as server, pytest.raises(ConnectionUnavailableError, match="UNAVAILABLE"):
        Client(server.url)


def test_a_new_certificate_is_taken_without_a_restart(ours, caplog):
    caplog.set_level(logging.INFO)
    chain, key = ours.issue(expired=True)
    with _server((chain, key)) as server:
        with pytest.raises(ConnectionUnavailableError, match="expired"):
            _client(server, ours)
        for new, old in zip(ours.issue(), (chain, key), strict=True):
            shutil.copy(new, old)
            os.utime(old, ns=(time.time_ns(), time.time_ns() + 1_000_000))
        with _client(server, ours) as client:
            client.send([(1,)])
            wait(lambda: server.rows == [(1,)])


def test_the_transport(ours, theirs):
    chain, key = ours.issue()
    tls = TlsConfig(enabled=True, cert_file=chain, key_file=key, ca_file=theirs.ca, client_auth="required")
    with GrpcTransport(GrpcTransportConfig(tls=tls)) as listening:
        address = listening.listen("grpc://localhost:0", lambda message: message.answer(b"ok")).address
        chain, key = theirs.issue("client")
        known = TlsConfig(enabled=True, cert_file=chain, key_file=key, ca_file=ours.ca)
        with GrpcTransport(GrpcTransportConfig(tls=known)) as transport:
            assert transport.request(address, Message.event(b"")).payload == b"ok"
        unknown = TlsConfig(enabled=True, ca_file=ours.ca)
        with GrpcTransport(GrpcTransportConfig(tls=unknown)) as transport, pytest.raises(TransportError):
            transport.request(address, Message.event(b""))
        wrong = TlsConfig(enabled=True, cert_file=chain, key_file=key, ca_file=theirs.ca)
        with (
            GrpcTransport(GrpcTransportConfig(tls=wrong)) as transport,
            pytest.raises(TransportError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            transport.request(address, Message.event(b""))


def test_what_the_library_does_not_do(ours):
    with pytest.raises(ConfigError, match="always checks"):
        GrpcTransport(GrpcTransportConfig(tls=TlsConfig(enabled=True, insecure_skip_verify=True)))
    chain, key = ours.issue()
    tls = TlsConfig(enabled=True, cert_file=chain, key_file=key, ca_file=ours.ca, client_auth="optional")
    with GrpcTransport(GrpcTransportConfig(tls=tls)) as transport, pytest.raises(ConfigError, match="always or never"):
        transport.listen("grpc://localhost:0", lambda message: None)
