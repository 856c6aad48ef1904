"""TLS and passwords: what fits is let in, everything else is refused with the reason."""

import datetime
import time

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from tests.kafka.messages import consume, ids, produce, rows

from eventflux import ConfigError, ConnectionUnavailableError

pytestmark = pytest.mark.service

APP = """
    @source(type='kafka', brokers='{address}', topic='{incoming}', auto.offset.reset='earliest', {options}
            @map(type='json'))
    define stream S (id long);
    @sink(type='kafka', brokers='{address}', topic='{outgoing}', {options} @map(type='json'))
    define stream Out (id long);
    from S select * insert into Out;
"""


class Certificates:
    """Two authorities and what they have signed, as files."""

    def __init__(self, folder):
        self.folder = folder
        self.authority, self.other_authority = trustme.CA(), trustme.CA()
        self.ca = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))
        self.other_ca = folder / "other-ca.pem"
        self.other_authority.cert_pem.write_to_path(str(self.other_ca))

    def broker(self, name, host="localhost", **more):
        """Key and certificates in one file, the key as PKCS 8, as the broker wants them."""
        leaf = self.authority.issue_cert(host, **more)
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        path = self.folder / f"{name}.pem"
        parts = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())]
        parts += [blob.bytes() for blob in leaf.cert_chain_pems]
        path.write_bytes(b"".join(parts))
        return path

    def client(self, name, authority):
        """Certificate and key in two files."""
        leaf = authority.issue_cert("client.example")
        cert, key = self.folder / f"{name}.cert", self.folder / f"{name}.key"
        cert.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(key))
        return f"security.cert='{cert}', security.key='{key}',"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secure_broker(tmp_path_factory, certificates):
    from eventflux_kafka.pytest_plugin import unavailable
    from eventflux_kafka.testing import KafkaBroker, KafkaUnavailableError, TlsFiles

    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    broker = KafkaBroker(
        folder=tmp_path_factory.mktemp("secure-broker"),
        tls={
            "GOOD": TlsFiles(identity=certificates.broker("good")),
            "EXPIRED": TlsFiles(identity=certificates.broker("expired", not_after=yesterday)),
            "MISNAMED": TlsFiles(identity=certificates.broker("misnamed", "other.example")),
            "MUTUAL": TlsFiles(identity=certificates.broker("mutual"), client_ca=certificates.ca),
        },
        users={"alice": "wonderland"},
    )
    try:
        broker.start()
    except KafkaUnavailableError as error:
        unavailable(str(error))
    broker.create_topic("in")
    produce(broker.address, "in", rows(range(10)))
    yield broker
    broker.stop()


@pytest.fixture
def run(manager, secure_broker):
    """Starts an app between two topics of the broker, at one of its addresses."""
    made = []

    def start(address, options):
        outgoing = f"out{time.monotonic_ns()}"
        secure_broker.create_topic(outgoing)
        text = APP.format(address=address, incoming="in", outgoing=outgoing, options=options)
        runtime = manager.create_eventflux_app_runtime(text, name=outgoing)
        made.append(runtime)
        runtime.start()
        return ids(consume(secure_broker.address, outgoing, 10))

    yield start
    for each in made:
        each.close()


def refused(run, address, options, reason):
    began = time.monotonic()
    with pytest.raises(ConnectionUnavailableError, match=reason) as caught:
        run(address, options)
    assert time.monotonic() - began < 10
    assert f"(brokers: {address})" in str(caught.value)


def test_a_broker_with_the_right_certificate_is_talked_to(run, secure_broker, certificates):
    options = f"security.protocol='SSL', security.ca='{certificates.ca}',"
    assert run(secure_broker.tls_address("GOOD"), options) == list(range(10))


def test_a_broker_of_a_foreign_authority_is_refused(run, secure_broker, certificates):
    options = f"security.protocol='ssl', security.ca='{certificates.other_ca}',"
    refused(run, secure_broker.tls_address("GOOD"), options, "certificate verify failed")


def test_a_broker_whose_certificate_has_expired_is_refused(run, secure_broker, certificates):
    options = f"security.protocol='ssl', security.ca='{certificates.ca}',"
    refused(run, secure_broker.tls_address("EXPIRED"), options, "certificate has expired|certificate verify failed")


def test_a_broker_of_another_name_is_refused(run, secure_broker, certificates):
    options = f"security.protocol='ssl', security.ca='{certificates.ca}',"
    refused(run, secure_broker.tls_address("MISNAMED"), options, "certificate verify failed|hostname")


def test_a_certificate_of_ours_lets_us_in_where_one_is_wanted(run, secure_broker, certificates):
    own = certificates.client("ours", certificates.authority)
    options = f"security.protocol='ssl', security.ca='{certificates.ca}', {own}"
    assert run(secure_broker.tls_address("MUTUAL"), options) == list(range(10))


def test_without_a_certificate_of_ours_we_are_refused_where_one_is_wanted(run, secure_broker, certificates):
    options = f"security.protocol='ssl', security.ca='{certificates.ca}',"
    refused(run, secure_broker.tls_address("MUTUAL"), options, "SSL")


def test_a_certificate_of_ours_of_a_foreign_authority_is_refused(run, secure_broker, certificates):
    own = certificates.client("foreign", certificates.other_authority)
    options = f"security.protocol='ssl', security.ca='{certificates.ca}', {own}"
    refused(run, secure_broker.tls_address("MUTUAL"), options, "SSL")


def test_talking_without_tls_to_a_listener_with_tls_is_no_connection(run, secure_broker, monkeypatch):
    from eventflux_kafka import client

    monkeypatch.setattr(client, "CHECK_SECONDS", 2.0)
    refused(run, secure_broker.tls_address("GOOD"), "", "no broker answers within 2 s")


def test_a_file_that_is_missing_is_said(run, secure_broker):
    with pytest.raises(ConfigError, match=r"security\.ca: the file '/nowhere\.pem' does not exist"):
        run(secure_broker.tls_address("GOOD"), "security.protocol='ssl', security.ca='/nowhere.pem',")


def test_a_password_lets_us_in(run, secure_broker):
    options = "security.protocol='sasl_plaintext', security.username='alice', security.password='wonderland',"
    assert run(secure_broker.sasl_address, options) == list(range(10))


def test_a_wrong_password_is_refused(run, secure_broker):
    options = "security.protocol='sasl_plaintext', sasl.username='alice', sasl.password='guess',"
    refused(run, secure_broker.sasl_address, options, "(?i)authentication failed")
