"""The compiled module belongs to the distribution that is installed."""

from importlib import metadata

from eventflux.engine import _native


def test_native_module_reports_the_version_of_its_distribution() -> None:
    assert _native.ffi.string(_native.lib.ef_version()).decode() == metadata.version("eventflux-core")


def test_native_module_is_built_for_the_stable_abi_where_there_is_one() -> None:
    import sysconfig

    stable = not sysconfig.get_config_var("Py_GIL_DISABLED")
    assert _native.__file__.endswith(".abi3.so") == stable
