"""RabbitMQ servers of the tests' own. Where the client is not installed nothing of this folder can run."""

from importlib.util import find_spec

import pytest

if find_spec("amqp") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    from tests.rabbitmq.server import RabbitServer

    server = RabbitServer(tmp_path_factory.mktemp("rabbit") / "node")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def server(shared_server):
    """A server that stays up; names are the test's own."""
    return shared_server


@pytest.fixture
def own_server(tmp_path):
    """A server that the test may kill."""
    from tests.rabbitmq.server import RabbitServer

    server = RabbitServer(tmp_path / "rabbit")
    server.start()
    yield server
    server.stop()
