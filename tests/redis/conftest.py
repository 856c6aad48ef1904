"""Servers of their own for tests of eventflux-redis. Where the package is not installed, only that is reported."""

from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("eventflux_redis") is None or find_spec("redis") is None:
    collect_ignore = [file.name for file in Path(__file__).parent.glob("test_*.py") if file.stem != "test_installed"]


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    from tests.redis.server import RedisServer

    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server):
    """A server that is empty, and stays up."""
    with shared_server.client() as client:
        client.flushall()
    return shared_server


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may kill."""
    from tests.redis.server import RedisServer

    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client
