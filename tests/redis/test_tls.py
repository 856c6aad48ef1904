"""TLS towards Redis: who is refused, and why."""

import pytest
from tests.redis.apps import COPY, started, wait
from tests.redis.server import RedisServer
from tests.transport.certificates import Certificates

from eventflux import ConnectionUnavailableError, StateError
from eventflux_redis import RedisBackend, RedisConfig, RedisPersistenceStore

pytestmark = pytest.mark.service


@pytest.fixture
def ours(tmp_path):
    return Certificates(tmp_path / "ours")


@pytest.fixture
def start(tmp_path, ours):
    """Starts a server with a certificate; clients need one of ours, or none."""
    servers = []

    def make(pair, *, asks=False):
        files = ("--tls-cert-file", pair[0], "--tls-key-file", pair[1], "--tls-ca-cert-file", ours.ca)
        server = RedisServer(tmp_path / "redis", *files, "--tls-auth-clients", "yes" if asks else "no", tls=True)
        servers.append(server)
        server.start()
        return server.url.replace("127.0.0.1", "localhost")

    yield make
    for server in servers:
        server.stop()


def _config(url, **files):
    options = "&".join(f"ssl_{name}={path}" for name, path in files.items())
    return RedisConfig(url=f"{url}?{options}", retry_attempts=0)


def test_a_server_that_is_known(start, ours):
    url = start(ours.issue())
    with RedisPersistenceStore(_config(url, ca_certs=ours.ca)) as store:
        store.save("App", "1", b"x")
        assert store.load("App", "1") == b"x"
    manager, runtime = started(COPY.format(url=f"{url}?ssl_ca_certs={ours.ca}"))
    with manager:
        backend = RedisBackend(_config(url, ca_certs=ours.ca))
        backend.initialize()
        backend._link.call("add", lambda client: client.xadd("in", {"data": '{"n": 5}'}))
        wait(lambda: runtime.metrics().connectors["sink/Out/redis-stream/0"].events == 1, "it did not come out")
        backend.shutdown()


def test_a_client_that_is_known(start, ours):
    url = start(ours.issue(), asks=True)
    chain, key = ours.issue("client")
    with RedisPersistenceStore(_config(url, ca_certs=ours.ca, certfile=chain, keyfile=key)) as store:
        assert store.revisions("App") == []
    with pytest.raises(StateError, match="Redis connection failed"):
        RedisPersistenceStore(_config(url, ca_certs=ours.ca))


def test_a_server_of_another_authority_is_refused(start, tmp_path, ours):
    theirs = Certificates(tmp_path / "theirs")
    url = start(theirs.issue())
    with pytest.raises(StateError, match="CERTIFICATE_VERIFY_FAILED"):
        RedisPersistenceStore(_config(url, ca_certs=ours.ca))


def test_a_server_whose_certificate_has_expired_is_refused(start, ours):
    url = start(ours.issue(expired=True))
    with pytest.raises(ConnectionUnavailableError, match="certificate has expired"):
        started(COPY.format(url=f"{url}?ssl_ca_certs={ours.ca}"))


def test_a_server_of_another_name_is_refused(start, ours):
    url = start(ours.issue("other.example.org"))
    with pytest.raises(StateError, match=r"[Hh]ostname mismatch"):
        RedisPersistenceStore(_config(url, ca_certs=ours.ca))
