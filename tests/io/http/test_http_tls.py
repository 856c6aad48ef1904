"""HTTPS between the sink and the webhook, with certificates made here."""

import ssl

import pytest
import trustme

from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError, ConnectionUnavailableError
from eventflux.types.schema import Schema

PAIR = Schema.of(k=AttributeType.STRING, n=AttributeType.INT)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """PEM files: the authority, another one, and a certificate for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    other.cert_pem.write_to_path(folder / "other.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    authority.issue_cert("elsewhere.example").private_key_and_cert_chain_pem.write_to_path(folder / "elsewhere.pem")
    return folder


@pytest.fixture
def webhook(app, files):
    def make(certificate="server.pem"):
        made = app(
            PAIR,
            {
                "type": "source",
                "extension": "http",
                "http.mode": "webhook",
                "http.port": "0",
                "http.host": "127.0.0.1",
                "http.tls.cert": str(files / certificate),
                "format": "json",
            },
        )
        made.source.start()
        return made, f"https://127.0.0.1:{made.source.source.port}/"

    return make


def _sink(app, url, authority):
    options = {"type": "sink", "extension": "http", "http.url": url, "http.tls.ca": str(authority), "format": "json"}
    return app(PAIR, options)


def test_events_travel_encrypted(app, webhook, files):
    received, url = webhook()
    made = _sink(app, url, files / "ca.pem")
    made.sink.validate()
    made.sink.start()
    made.publish(("a", 1), ("b", 2))
    assert received.rows.rows == [("a", 1), ("b", 2)]


@pytest.mark.parametrize(
    ("certificate", "authority", "reason"),
    [("server.pem", "other.pem", "certificate verify failed"), ("elsewhere.pem", "ca.pem", "IP address mismatch")],
)
def test_a_server_that_cannot_be_trusted_is_refused_with_the_reason(
    app, webhook, files, certificate, authority, reason
):
    received, url = webhook(certificate)
    made = _sink(app, url, files / authority)
    with pytest.raises(ConnectionUnavailableError, match=reason):
        made.sink.validate()
    assert received.rows.rows == []


def test_a_certificate_that_cannot_be_used_is_named(app, webhook, files):
    with pytest.raises(ConfigError, match=r"certificate '.*ca\.pem' can't be used"):
        webhook("ca.pem")


def test_old_versions_are_refused(webhook):
    import socket

    _, url = webhook()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = int(url.rsplit(":", 1)[1].strip("/"))
    with context.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        assert connection.version() in {"TLSv1.2", "TLSv1.3"}
