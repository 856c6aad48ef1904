import shutil
import subprocess
import sys
from importlib.util import find_spec

from tests.needs import lacking

from eventflux.extension import PluginManager


def test_package_and_server_are_there():
    missing = [name for name in ("eventflux_redis", "redis") if find_spec(name) is None]
    missing += ["redis-server"] if shutil.which("redis-server") is None else []
    if missing:
        lacking(
            "Redis",
            f"{', '.join(missing)} not found: apt-get install redis-server, python -m pip install ./eventflux-redis",
        )


def test_the_plug_in_registers_what_it_says():
    if find_spec("eventflux_redis") is None:
        lacking("eventflux-redis", "python -m pip install ./eventflux-redis")
    manager = PluginManager(plugins=False)
    manager.set_extension("redis", "eventflux_redis.plugin")
    names = {(info.kind.value, info.name) for info in manager.registry.infos()}
    assert {("persistence_store", "redis"), ("state_backend", "redis")} <= names
    assert {(role, name) for role in ("source", "sink") for name in ("redis-stream", "redis-pubsub")} <= names


def test_the_client_is_imported_when_it_is_wanted():
    """Whoever has the package installed, and an app that does not use it, pays nothing for it."""
    if find_spec("eventflux_redis") is None:
        lacking("eventflux-redis", "python -m pip install ./eventflux-redis")
    code = "import sys, eventflux_redis.plugin; print([name for name in ('redis', 'hiredis') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"
