"""A primary that dies: Sentinel, or the cluster, names another, and it is used without a restart."""

import shutil
import subprocess
import time
from contextlib import ExitStack

import pytest
import redis
from tests.redis.apps import started
from tests.redis.server import RedisServer, require

from eventflux_redis import RedisBackend, RedisConfig, RedisPersistenceStore

pytestmark = [pytest.mark.service, pytest.mark.slow]

FIRST, SECOND = "0000000000001_App", "0000000000002_App"


def _wait(condition, what, seconds=40):
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Sentinel(RedisServer):
    def __init__(self, folder, primary):
        super().__init__(folder)
        self._configuration = folder / "sentinel.conf"
        self._configuration.write_text(
            f"sentinel monitor primary 127.0.0.1 {primary.port} 1\n"
            "sentinel down-after-milliseconds primary 300\n"
            "sentinel failover-timeout primary 2000\n"
        )

    def start(self):
        command = [require(), str(self._configuration), "--sentinel", "--port", str(self.port), "--bind", "127.0.0.1"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        _wait(lambda: self.client().ping(), "the sentinel did not start")


@pytest.fixture
def running():
    """What is stopped at the end, however far the making of a fixture came."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def sentinel(tmp_path, running):
    """A primary, a replica, and a sentinel that moves on within a second."""
    primary = RedisServer(tmp_path / "primary", "--repl-diskless-sync-delay", "0")
    servers = [primary, RedisServer(tmp_path / "replica", "--replicaof", "127.0.0.1", str(primary.port))]
    for each in servers:
        running.callback(each.stop)
        each.start()
    _wait(lambda: servers[1].client().info("replication")["master_link_status"] == "up", "no replication")
    servers.append(Sentinel(tmp_path / "sentinel", primary))
    running.callback(servers[2].stop)
    servers[2].start()
    _wait(lambda: servers[2].client().execute_command("SENTINEL", "REPLICAS", "primary"), "no replica seen")
    return servers


def test_a_new_primary_is_used_without_a_restart(sentinel):
    primary, replica, watcher = sentinel
    url = f"redis+sentinel://127.0.0.1:{watcher.port}/primary"
    config = RedisConfig(url=url, retry_attempts=20, retry_initial_ms=100, retry_max_ms=1000)
    with RedisPersistenceStore(config) as store:
        store.save("App", FIRST, b"one")
        _wait(lambda: replica.client().exists(f"eventflux:App:{FIRST}"), "nothing was replicated")
        primary.kill()
        store.save("App", SECOND, b"two")
        assert store.revisions("App") == [FIRST, SECOND]
        assert replica.client().get(f"eventflux:App:{SECOND}") == b"two"


@pytest.fixture
def cluster(tmp_path, running):
    """Three primaries with a replica each."""
    program = shutil.which("redis-cli")
    if program is None:
        require()
        pytest.fail("redis-cli is not installed beside redis-server")
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "800", "--repl-diskless-sync-delay", "0")
    nodes = [RedisServer(tmp_path / f"node{number}", *options) for number in range(6)]
    for node in nodes:
        running.callback(node.stop)
        node.start()
    addresses = [f"127.0.0.1:{node.port}" for node in nodes]
    subprocess.run(
        [program, "--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes"],
        check=True,
        capture_output=True,
    )
    for node in nodes:
        _wait(lambda node=node: node.client().cluster("info")["cluster_state"] == "ok", "the cluster is not ready")
    return nodes


class RedisStreams:
    """A stream in and out of a cluster."""

    def __init__(self, url):
        self._url = url

    def check(self):
        manager, runtime = started(f"""
            @source(type='redis-stream', url='{self._url}', stream='both', start='0', @map(type='json'))
            define stream In (n long);
            @sink(type='redis-stream', url='{self._url}', stream='both', @map(type='json'))
            define stream Out (n long);
        """)
        seen = []
        with manager:
            runtime.add_callback("In", lambda events: seen.extend(event.data[0] for event in events))
            runtime.input_handler("Out").send_many([(n,) for n in range(3000)])
            _wait(lambda: len(seen) == 3000, "not all came")
        assert seen == list(range(3000))


def _holder(nodes, key):
    """The primary that has a key."""
    for node in nodes:
        try:
            client = node.client()
            if client.info("replication")["role"] == "master" and key.encode() in client.keys("*"):
                return node
        except redis.RedisError:
            continue
    raise AssertionError(f"nobody has {key}")


@pytest.mark.timeout(120)
def test_a_cluster_keeps_an_app_on_one_node_and_survives_its_death(cluster):
    url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in cluster[:3])
    config = RedisConfig(url=url, retry_attempts=30, retry_initial_ms=100, retry_max_ms=1000)
    with RedisPersistenceStore(config) as store:
        store.save("App", FIRST, b"one")
        key = f"eventflux:{{App}}:{FIRST}"
        holder = _holder(cluster, key)
        assert b"eventflux:{App}:revisions" in holder.client().keys("*")
        _wait(lambda: sum(key.encode() in node.client().keys("*") for node in cluster) == 2, "nothing was replicated")
        holder.kill()
        store.save("App", SECOND, b"two")
        assert store.revisions("App") == [FIRST, SECOND]
        assert store.load("App", FIRST) == b"one"

    streams = RedisStreams(url)
    streams.check()

    backend = RedisBackend(config)
    backend.initialize()
    for number in range(20):
        backend.set(f"key{number}", b"old")
    backend.checkpoint("c")
    backend.set("key3", b"new")
    backend.restore("c")
    assert backend.get("key3") == b"old"
    assert len(list(backend.keys())) == 20
    backend.shutdown()
