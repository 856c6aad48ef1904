import subprocess
import sys
from importlib.util import find_spec

from tests.needs import lacking

from eventflux.extension import PluginManager


def test_the_package_is_installed_and_registers_what_it_says():
    missing = [name for name in ("eventflux_grpc", "grpc") if find_spec(name) is None]
    if missing:
        lacking("gRPC", f"{', '.join(missing)} not found: python -m pip install ./eventflux-grpc")
    manager = PluginManager(plugins=False)
    manager.set_extension("grpc", "eventflux_grpc.plugin")
    names = {(info.kind.value, info.name) for info in manager.registry.infos()}
    assert {("source", "grpc"), ("sink", "grpc")} <= names


def test_the_client_is_imported_when_it_is_wanted():
    """Whoever has the package installed, and an app that does not use it, pays nothing for it."""
    if find_spec("eventflux_grpc") is None:
        lacking("eventflux-grpc", "python -m pip install ./eventflux-grpc")
    code = (
        "import sys, eventflux_grpc.plugin;print([name for name in ('grpc', 'google.protobuf') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"
