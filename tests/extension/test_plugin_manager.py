import sys
import types
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from eventflux.builtin import plugin as builtin_plugin
from eventflux.extension import Extension, ExtensionKind, PluginManager, hookimpl
from eventflux.types.errors import ExtensionError


def window(name, **more):
    return Extension(name=name, kind=ExtensionKind.WINDOW, native="x", **more)


def module(name, **members):
    made = types.ModuleType(name)
    vars(made).update(members)
    return made


def registering(*declarations):
    return lambda registry: registry.register(*declarations)


class FakeDistribution(metadata.Distribution):
    """An installed distribution with entry points of the group."""

    def __init__(self, name, **entry_points):
        self._name = name
        lines = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
        self._texts = {"METADATA": f"Name: {name}\nVersion: 1\n", "entry_points.txt": f"[eventflux]\n{lines}"}

    def read_text(self, filename):
        return self._texts.get(filename)

    def locate_file(self, path):
        return path


@pytest.fixture
def installed(monkeypatch):
    """Makes modules importable and distributions installed."""

    def install(*distributions, **modules):
        for name, made in modules.items():
            monkeypatch.setitem(sys.modules, name, made)
        monkeypatch.setattr("eventflux.extension.plugin_manager.distributions", lambda **_options: list(distributions))

    return install


def test_built_ins_come_through_the_same_hooks():
    manager = PluginManager((builtin_plugin,), plugins=False)
    assert manager.registry.get("window", "length").distribution == "eventflux-core"
    assert manager.plugins == ("eventflux.builtin.plugin",)


def test_entry_points_are_found_and_attributed(installed):
    plugin = module("stats_plugin", eventflux_register_windows=registering(window("top")))
    installed(FakeDistribution("eventflux-stats", stats="stats_plugin"), stats_plugin=plugin)
    manager = PluginManager()
    assert manager.registry.get("window", "top").distribution == "eventflux-stats"
    assert not manager.failures
    assert PluginManager(plugins=False).registry.find("window", "top") is None
    assert PluginManager(denied=["stats"]).registry.find("window", "top") is None
    assert PluginManager(denied=["eventflux-stats"]).registry.find("window", "top") is None


def test_a_marked_hook_is_called_once(installed):
    calls = []

    @hookimpl
    def eventflux_register_windows(registry):
        calls.append(registry)

    installed(
        FakeDistribution("d", p="marked_plugin"),
        marked_plugin=module("marked_plugin", eventflux_register_windows=eventflux_register_windows),
    )
    PluginManager()
    assert len(calls) == 1


def test_a_broken_plug_in_is_named_and_stops_no_other(installed, caplog):
    def half(registry):
        registry.register(window("half"))
        raise RuntimeError("no more")

    installed(
        FakeDistribution("d-one", one="one_plugin"),
        FakeDistribution("d-two", two="two_plugin"),
        FakeDistribution("d-three", three="no_such_module_anywhere"),
        one_plugin=module("one_plugin", eventflux_register_windows=half),
        two_plugin=module("two_plugin", eventflux_register_windows=registering(window("fine"))),
    )
    manager = PluginManager()
    assert manager.registry.find("window", "fine") is not None
    assert manager.registry.find("window", "half") is None
    assert {failure.distribution for failure in manager.failures} == {"d-one", "d-three"}
    assert "RuntimeError: no more" in caplog.text
    assert "d-one" in manager.failure_hint(ExtensionKind.WINDOW)
    assert PluginManager(plugins=False).failure_hint(ExtensionKind.WINDOW) is None


def test_two_claims_of_one_name_name_both_distributions(installed):
    installed(
        FakeDistribution("d-a", a="a_plugin"),
        FakeDistribution("d-b", b="b_plugin"),
        a_plugin=module("a_plugin", eventflux_register_windows=registering(window("same"))),
        b_plugin=module("b_plugin", eventflux_register_windows=registering(window("same", description="other"))),
    )
    manager = PluginManager()
    assert "'same' of d-b is already registered by d-a" in manager.failures[0].reason


def test_a_built_in_can_be_shadowed_only_where_that_is_allowed(installed):
    other = module("other_plugin", eventflux_register_windows=registering(window("length", description="mine")))
    installed(FakeDistribution("d", o="other_plugin"), other_plugin=other)
    assert PluginManager((builtin_plugin,)).registry.get("window", "length").description != "mine"
    allowed = PluginManager((builtin_plugin,), replaceable=["length"])
    assert allowed.registry.get("window", "length").description == "mine"


@pytest.mark.parametrize(
    ("version", "message"),
    [((2, 0), "needs the extension interface 2.0, this is 1.0"), ("1", "must be a pair of numbers")],
)
def test_another_interface_is_refused(version, message):
    plugin = module("newer", EVENTFLUX_API=version, eventflux_register_windows=registering(window("top")))
    with pytest.raises(ExtensionError, match=message):
        PluginManager(plugins=False).set_extension("newer", plugin)


def test_an_extension_is_set_by_hand_and_taken_away():
    manager = PluginManager(plugins=False)
    plugin = module("by_hand", register_windows=registering(window("top")))
    infos = manager.set_extension("mine", plugin)
    assert [(info.kind, info.name, info.distribution) for info in infos] == [(ExtensionKind.WINDOW, "top", "by_hand")]
    assert manager.set_extension("mine", plugin) == infos
    with pytest.raises(ExtensionError, match="already loaded from 'by_hand'"):
        manager.set_extension("mine", module("another", register_windows=registering(window("x"))))
    assert manager.remove_extension("mine")
    assert not manager.remove_extension("mine")
    assert manager.registry.find("window", "top") is None
    assert manager.set_extension("mine", plugin)


def test_an_extension_may_be_a_file_or_a_package(tmp_path):
    source = (
        "from eventflux.extension import scalar_function\n\n\n"
        "@scalar_function('twice', namespace='my', returns='LONG')\n"
        "def twice(value):\n    return value * 2\n\n\n"
        "def eventflux_register_functions(registry):\n    registry.register(twice)\n"
    )
    (tmp_path / "twice.py").write_text(source)
    manager = PluginManager(plugins=False)
    manager.set_extension("file_twice", tmp_path / "twice.py")
    assert manager.registry.get("function", "my:twice").factory(4) == 8
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text(source.replace("'twice'", "'thrice'").replace("* 2", "* 3"))
    manager.set_extension("pack", str(tmp_path / "pack"))
    assert manager.registry.get("function", "my:thrice").factory(4) == 12


def test_a_pure_wheel_is_loaded_without_being_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    wheel = tmp_path / "ef_wheel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(
            "ef_wheel_plugin.py",
            "from eventflux.extension import Extension\n"
            "def eventflux_register_windows(registry):\n"
            "    registry.register(Extension(name='wheeled', kind='window', native='x'))\n",
        )
        archive.writestr("ef_wheel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: ef-wheel\nVersion: 1.0\n")
        archive.writestr("ef_wheel-1.0.dist-info/entry_points.txt", "[eventflux]\nwheel = ef_wheel_plugin\n")
    manager = PluginManager(plugins=False)
    [info] = manager.set_extension("w", wheel)
    assert (info.name, info.distribution) == ("wheeled", "ef-wheel")


def test_a_wheel_with_compiled_parts_is_unpacked_into_a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    wheel = tmp_path / "ef_so-1.0-cp311-linux.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("ef_so_library.so", b"no library")
        archive.writestr(
            "ef_so_plugin.py",
            "from pathlib import Path\nEVENTFLUX_LIBRARIES = (Path(__file__).with_name('ef_so_library.so'),)\n",
        )
        archive.writestr("ef_so-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: ef-so\nVersion: 1.0\n")
        archive.writestr("ef_so-1.0.dist-info/entry_points.txt", "[eventflux]\nso = ef_so_plugin\n")
    opened: list[Path] = []

    def load(path: Path) -> list[Extension]:
        opened.append(path)
        return [Extension(name="native", kind=ExtensionKind.WINDOW, native="x")]

    for _ in range(2):
        manager = PluginManager(plugins=False, native_loader=load)
        [info] = manager.set_extension("c", wheel)
        assert (info.name, info.distribution) == ("native", "ef-so")
    assert opened[0] == opened[1]
    assert opened[0].is_relative_to(tmp_path / "cache" / "eventflux" / "wheels")
    with pytest.raises(ExtensionError, match="shared libraries cannot be loaded here"):
        PluginManager(plugins=False).set_extension("c", wheel)


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        ("no_such_module_anywhere", "can't be imported"),
        ("/nowhere/plugin.py", "does not exist"),
        ("/nowhere/x.whl", "does not exist"),
        ("/nowhere/x.zip", "is no module, package folder"),
        (module("empty"), r"exports no register_\* callback"),
        (module("bad", register_functions=lambda _registry: 1 / 0), "failed: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_loaded_leaves_nothing(extension, message):
    manager = PluginManager(plugins=False)
    with pytest.raises(ExtensionError, match=message):
        manager.set_extension("x", extension)
    assert len(manager.registry) == 0


def test_a_file_that_fails_is_named(tmp_path):
    (tmp_path / "broken.py").write_text("raise RuntimeError('oh no')\n")
    with pytest.raises(ExtensionError, match=r"broken\.py' failed: RuntimeError: oh no"):
        PluginManager(plugins=False).set_extension("b", tmp_path / "broken.py")
    assert "eventflux_ext_b" not in sys.modules


def test_what_was_found_by_its_entry_point_may_be_named_again() -> None:
    plugin = module("found", eventflux_register_windows=registering(window("found")))
    manager = PluginManager(plugins=False)
    manager.set_extension("first", plugin)
    assert manager.set_extension("second", plugin) == manager.registry.infos()
    assert [info.name for info in manager.registry.infos()] == ["found"]
