"""Plug-ins that read configurations: files of another suffix, values behind a scheme."""

import json
from pathlib import Path

import pytest
from tests.cli.processes import eventflux

from eventflux import ConfigError, EventFluxManager, load_config
from eventflux.extension import Extension, ExtensionKind, ExtensionRegistry

PLUGIN = """
from eventflux.extension import Extension, ExtensionKind, hookimpl


class Ini:
    def read(self, text, file):
        import configparser

        parser = configparser.ConfigParser()
        parser.read_string(text)
        return {name: dict(parser[name]) for name in parser.sections()}

    def resolve(self, reference):
        return None


class Vault:
    def read(self, text, file):
        return {}

    def resolve(self, reference):
        if reference == "broken":
            raise OSError("the vault is closed")
        return {"db/password": "hunter2", "empty": ""}.get(reference)


@hookimpl
def eventflux_register_config_readers(registry):
    registry.register(
        Extension(name=".ini", kind=ExtensionKind.CONFIG_READER, description="INI files.", factory=Ini),
        Extension(name="vault", kind=ExtensionKind.CONFIG_READER, description="Secrets.", factory=Vault),
    )
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "readers.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture
def registry(plugin: Path):
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("readers", plugin)
        yield manager.context.registry


def test_a_file_of_another_suffix_is_read(tmp_path, registry):
    file = tmp_path / "app.ini"
    file.write_text("[application]\nname = Shop\nbuffer_size = ${SIZE:64}\n")
    config = load_config(file, registry=registry, environ={})
    assert config.value("application.name") == "Shop"
    assert str(config.value("application.buffer_size")) == "64"
    assert config.origin("application.name").name == str(file)
    other = tmp_path / "more.toml"
    other.write_text('[application]\nname = "Other"\n')
    assert load_config(file, other, registry=registry, environ={}).value("application.name") == "Other"


def test_what_a_reader_cannot_read_is_told_with_the_file(tmp_path, registry):
    file = tmp_path / "app.ini"
    file.write_text("no section\n")
    with pytest.raises(ConfigError, match=r"app\.ini: MissingSectionHeaderError"):
        load_config(file, registry=registry)


def test_a_suffix_that_nobody_reads(tmp_path):
    file = tmp_path / "app.cfg"
    file.write_text("x")
    with pytest.raises(ConfigError, match=r"suffix '\.cfg'") as caught:
        load_config(file, registry=ExtensionRegistry())
    assert "plug-in" in caught.value.hint


def _value(tmp_path, registry, text, environ=None):
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"variables": {"X": "1"}, "streams": {"S": {"kafka": {"password": text}}}}))
    return load_config(file, registry=registry, environ=environ or {}).value("streams.S.kafka.password")


def test_a_scheme_is_resolved(tmp_path, registry):
    assert _value(tmp_path, registry, "${vault:db/password}") == "hunter2"
    assert _value(tmp_path, registry, "a${vault:db/${PART:password}}b") == "ahunter2b"
    assert _value(tmp_path, registry, "${vault:empty}") == ""
    assert _value(tmp_path, registry, "${nobody:else}") == "else", "the default of a variable, as ever"
    assert _value(tmp_path, registry, "${vault:db/password}", {"vault": "a variable"}) == "a variable"


@pytest.mark.parametrize(
    ("reference", "message"), [("missing", "vault has no 'missing'"), ("broken", "vault is closed")]
)
def test_what_is_not_there_is_told_with_its_place(tmp_path, registry, reference, message):
    with pytest.raises(ConfigError, match=rf"a\.json.*streams\.S\.kafka\.password: .*{message}"):
        _value(tmp_path, registry, f"${{vault:{reference}}}")


def test_a_reader_without_its_methods_is_refused(tmp_path):
    registry = ExtensionRegistry()
    registry.register(Extension(name=".bad", kind=ExtensionKind.CONFIG_READER, description="Nothing.", factory=object))
    file = tmp_path / "a.bad"
    file.write_text("")
    with pytest.raises(ConfigError, match="no methods read and resolve"):
        load_config(file, registry=registry)


def test_a_manager_reads_later_configurations_by_its_plugins(tmp_path, plugin):
    file = tmp_path / "app.ini"
    file.write_text("[application]\nname = Shop\n")
    with EventFluxManager(plugins=False) as manager:
        manager.set_extension("readers", plugin)
        manager.set_config(file)
        assert manager.create_eventflux_app_runtime("define stream S (n int);").name == "Shop"


def test_nothing_is_looked_for_without_need(tmp_path, monkeypatch):
    monkeypatch.setattr("eventflux.configuration.readers.PluginManager", None)
    file = tmp_path / "a.toml"
    file.write_text('[application]\nname = "${NAME:Shop}"\n')
    assert load_config(file, environ={}).value("application.name") == "Shop"


def test_the_command_reads_by_a_plugin(tmp_path, plugin):
    (tmp_path / "app.ini").write_text("[application]\nname = FromIni\n")
    (tmp_path / "a.sql").write_text("CREATE STREAM S (n INT);")
    done = eventflux("config", "show", "a.sql", "-c", "app.ini", "-e", str(plugin), "--format", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["application"]["name"] == "FromIni"
    assert eventflux("config", "show", "a.sql", "-c", "app.ini", cwd=tmp_path).returncode == 3
