import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import pytest

from eventflux.extension import PluginManager


def test_package_and_server_are_there():
    missing = [name for name in ("eventflux_redis", "redis") if find_spec(name) is None]
    missing += ["redis-server"] if shutil.which("redis-server") is None else []
    if missing and os.environ.get("EVENTFLUX_REQUIRE_SERVICES") != "1":
        pytest.skip(f"Redis not available, skipping test: {', '.join(missing)} not found")
    assert not missing


@pytest.mark.skipif(find_spec("eventflux_redis") is None, reason="eventflux-redis is not installed")
def test_the_plug_in_registers_what_it_says():
    manager = PluginManager(plugins=False)
    manager.set_extension("redis", "eventflux_redis.plugin")
    names = {(info.kind.value, info.name) for info in manager.registry.infos()}
    assert {("persistence_store", "redis"), ("state_backend", "redis")} <= names
    assert {(role, name) for role in ("source", "sink") for name in ("redis-stream", "redis-pubsub")} <= names


@pytest.mark.skipif(find_spec("eventflux_redis") is None, reason="eventflux-redis is not installed")
def test_the_client_is_imported_when_it_is_wanted():
    """Whoever has the package installed, and an app that does not use it, pays nothing for it."""
    code = "import sys, eventflux_redis.plugin; print([name for name in ('redis', 'hiredis') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"
