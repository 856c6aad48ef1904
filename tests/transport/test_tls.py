"""TLS and mTLS of the TCP transport: who is refused, and why."""

import logging
import os
import shutil
import time

import pytest
from tests.transport.certificates import Certificates

from eventflux import ConfigError, TransportError
from eventflux.transport import Message, TcpTransport, TcpTransportConfig, TlsConfig


@pytest.fixture
def ours(tmp_path):
    return Certificates(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    return Certificates(tmp_path / "theirs")


def server(pair, **more):
    return TlsConfig(enabled=True, cert_file=pair[0], key_file=pair[1], **more)


def asked(server_tls, client_tls, host="localhost"):
    """What a client gets from a server."""
    with TcpTransport(TcpTransportConfig(tls=server_tls, connection_timeout_ms=3000)) as listening:
        address = listening.listen("tcp://localhost:0", lambda message: message.answer(message.payload)).address
        with TcpTransport(TcpTransportConfig(tls=client_tls, connection_timeout_ms=3000)) as transport:
            return transport.request(address.replace("localhost", host), Message.event(b"secret"), timeout=3).payload


def test_a_server_that_is_known(ours):
    assert asked(server(ours.issue()), TlsConfig(enabled=True, ca_file=ours.ca)) == b"secret"


def test_another_name_that_is_expected(ours):
    tls = TlsConfig(enabled=True, ca_file=ours.ca, server_name="prices.example.org")
    assert asked(server(ours.issue("prices.example.org")), tls) == b"secret"


def test_a_server_of_another_authority_is_refused(ours, theirs):
    with pytest.raises(TransportError, match=r"CERTIFICATE_VERIFY_FAILED.*(self-signed|unable to get local issuer)"):
        asked(server(theirs.issue()), TlsConfig(enabled=True, ca_file=ours.ca))


def test_a_server_whose_certificate_has_expired_is_refused(ours):
    with pytest.raises(TransportError, match="certificate has expired"):
        asked(server(ours.issue(expired=True)), TlsConfig(enabled=True, ca_file=ours.ca))


def test_a_server_of_another_name_is_refused(ours):
    with pytest.raises(TransportError, match=r"[Hh]ostname mismatch"):
        asked(server(ours.issue("other.example.org")), TlsConfig(enabled=True, ca_file=ours.ca))


def test_a_server_without_tls_is_refused(ours):
    with pytest.raises(TransportError, match=r"TLS|no connection in time|closed"):
        asked(None, TlsConfig(enabled=True, ca_file=ours.ca))


def test_a_client_that_is_known(ours):
    tls = server(ours.issue(), ca_file=ours.ca, client_auth="required")
    assert asked(tls, server(ours.issue("client"), ca_file=ours.ca)) == b"secret"


def test_a_client_without_a_certificate_is_refused(ours):
    tls = server(ours.issue(), ca_file=ours.ca, client_auth="required")
    with pytest.raises(TransportError, match=r"CERTIFICATE_REQUIRED|certificate required"):
        asked(tls, TlsConfig(enabled=True, ca_file=ours.ca))


def test_a_client_of_another_authority_is_refused(ours, theirs):
    tls = server(ours.issue(), ca_file=ours.ca, client_auth="required")
    with pytest.raises(TransportError, match=r"UNKNOWN_CA|unknown ca"):
        asked(tls, server(theirs.issue("client"), ca_file=ours.ca))


def test_an_optional_certificate(ours, theirs):
    tls = server(ours.issue(), ca_file=ours.ca, client_auth="optional")
    assert asked(tls, TlsConfig(enabled=True, ca_file=ours.ca)) == b"secret"
    with pytest.raises(TransportError, match=r"UNKNOWN_CA|unknown ca"):
        asked(tls, server(theirs.issue("client"), ca_file=ours.ca))


def test_checks_can_be_left_out_aloud(ours, caplog):
    assert asked(server(ours.issue(expired=True)), TlsConfig(enabled=True, insecure_skip_verify=True)) == b"secret"
    assert any(
        record.levelno == logging.WARNING and "are not checked" in record.getMessage() for record in caplog.records
    )


def test_a_new_certificate_is_taken_without_a_restart(ours):
    chain, key = ours.issue(expired=True)
    client = TlsConfig(enabled=True, ca_file=ours.ca)
    with TcpTransport(TcpTransportConfig(tls=server((chain, key)))) as listening:
        address = listening.listen("tcp://localhost:0", lambda message: message.answer(b"ok")).address
        with TcpTransport(TcpTransportConfig(tls=client)) as transport:
            with pytest.raises(TransportError, match="expired"):
                transport.request(address, Message.event(b""))
            for new, old in zip(ours.issue(), (chain, key), strict=True):
                shutil.copy(new, old)
                os.utime(old, ns=(time.time_ns(), time.time_ns() + 1_000_000))
            assert transport.request(address, Message.event(b"")).payload == b"ok"


def test_files_that_cannot_be_used(tmp_path, ours):
    with pytest.raises(ConfigError, match="can't be used: No such file"):
        TcpTransport(TcpTransportConfig(tls=TlsConfig(enabled=True, ca_file=str(tmp_path / "none"))))
    transport = TcpTransport(TcpTransportConfig(tls=TlsConfig(enabled=True, ca_file=ours.ca)))
    with pytest.raises(ConfigError, match="needs a certificate"):
        transport.listen("tcp://localhost:0", lambda message: None)
