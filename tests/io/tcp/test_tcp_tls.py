"""TLS between sink and source, one-sided and mutual, with certificates made here."""

import pytest
import trustme

from eventflux.types.errors import ConfigError, ConnectionUnavailableError


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    other.cert_pem.write_to_path(folder / "other.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.issue_cert("app.example").private_key_and_cert_chain_pem.write_to_path(folder / "named.pem")
    authority.issue_cert("sink").private_key_and_cert_chain_pem.write_to_path(folder / "client.pem")
    other.issue_cert("sink").private_key_and_cert_chain_pem.write_to_path(folder / "stranger.pem")
    return folder


@pytest.mark.parametrize("acknowledged", ["false", "true"])
def test_events_travel_encrypted_and_answers_come_back(receiver, sender, files, acknowledged):
    there = receiver(options={"tcp.tls.cert": str(files / "server.pem"), "tcp.ack": acknowledged})
    here = sender(there.port, {"tcp.tls.ca": str(files / "ca.pem"), "tcp.ack": acknowledged})
    for start in range(0, 20_000, 100):
        here.send_many([("x" * 50, start + number) for number in range(100)])
    assert [row[1] for row in there.wait(20_000)] == list(range(20_000))
    here.runtime.shutdown()
    assert here.runtime.metrics().connectors["sink/O/tcp/0"].failed == 0


def test_the_name_of_the_certificate_may_be_given(receiver, sender, files):
    there = receiver(options={"tcp.tls.cert": str(files / "named.pem")})
    options = {"tcp.tls.ca": str(files / "ca.pem")}
    with pytest.raises(ConnectionUnavailableError, match="IP address mismatch"):
        sender(there.port, options)
    here = sender(there.port, {**options, "tcp.tls.server.name": "app.example"})
    here.send(("a", 1))
    assert there.wait(1) == [("a", 1)]


def test_an_unknown_authority_is_refused_with_the_reason(receiver, sender, files):
    there = receiver(options={"tcp.tls.cert": str(files / "server.pem")})
    with pytest.raises(ConnectionUnavailableError, match="certificate verify failed"):
        sender(there.port, {"tcp.tls.ca": str(files / "other.pem")})


def test_a_sink_without_tls_is_refused(receiver, sender, files):
    there = receiver(options={"tcp.tls.cert": str(files / "server.pem")})
    with pytest.raises(ConnectionUnavailableError):
        sender(there.port)


@pytest.mark.parametrize(("certificate", "is_taken"), [("client.pem", True), ("stranger.pem", False), (None, False)])
def test_sinks_may_have_to_show_certificates(receiver, sender, files, certificate, is_taken):
    there = receiver(
        options={
            "tcp.tls.cert": str(files / "server.pem"),
            "tcp.tls.ca": str(files / "ca.pem"),
            "tcp.tls.client.auth": "required",
        }
    )
    options = {"tcp.tls.ca": str(files / "ca.pem")}
    if certificate is not None:
        options["tcp.tls.cert"] = str(files / certificate)
    if is_taken:
        sender(there.port, options).send(("a", 1))
        assert there.wait(1) == [("a", 1)]
    else:
        with pytest.raises(ConnectionUnavailableError):
            sender(there.port, options)


def test_client_certificates_need_an_authority(receiver, files):
    with pytest.raises(ConfigError, match=r"needs tls\.cert and tls\.ca"):
        receiver(options={"tcp.tls.cert": str(files / "server.pem"), "tcp.tls.client.auth": "required"})
