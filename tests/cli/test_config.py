"""`eventflux config`, and configuration as all commands take it."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from tests.cli.processes import eventflux

APP = """\
CREATE STREAM Orders (id INT, price DOUBLE)
  WITH ('type'='source', 'extension'='file', 'format'='json', 'file.path'='in.jsonl', 'file.mode'='once');
INSERT INTO Big SELECT id FROM Orders WHERE price > ${LIMIT:10};
"""
TOML = """\
[application]
name = "Shop"
[application.json]
lenient = true
[streams.Orders.file]
path = "other"
"start.position" = "end"
[redis]
url = "redis://me:${PW:hunter2}@host"
"""


def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.sql").write_text(APP, "utf-8")
    (tmp_path / "shop.toml").write_text(TOML, "utf-8")
    (tmp_path / "in.jsonl").write_text('{"id": 1, "price": 5}\n{"id": 2, "price": 50}\n', "utf-8")
    return tmp_path


def test_show_tells_each_value_and_where_it_came_from(tmp_path: Path) -> None:
    done = eventflux(
        "config", "show", "app.sql", "-c", "shop.toml", "--set", "runtime.optimizer=off", cwd=folder(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert 'name: "Shop"  # shop.toml:2' in lines
    assert 'optimizer: "off"  # --set runtime.optimizer' in lines
    assert 'path: "in.jsonl"  # app.sql:2:75' in lines
    assert 'lenient: "true"  # shop.toml:4 [application]' in lines
    assert 'position: "end"  # shop.toml:7 [streams]' in lines
    assert 'pattern: "*"  # default of source file' in lines
    assert "hunter2" not in done.stdout
    assert 'url: "redis://****@host"  # shop.toml:9' in lines


def test_all_formats_say_the_same(tmp_path: Path) -> None:
    where = folder(tmp_path)
    shown = {
        form: eventflux("config", "show", "app.sql", "-c", "shop.toml", "--format", form, cwd=where).stdout
        for form in ("yaml", "toml", "json")
    }
    tree = json.loads(shown["json"])
    assert yaml.safe_load(shown["yaml"]) == tree
    (where / "again.toml").write_text(shown["toml"], "utf-8")
    again = eventflux("config", "show", "-c", "again.toml", "--format", "json", cwd=where)
    assert json.loads(again.stdout) == tree
    placed = eventflux("config", "show", "-c", "shop.toml", "--format", "json", "--origin", cwd=where)
    assert json.loads(placed.stdout)["application"]["name"] == {"value": "Shop", "origin": "shop.toml:2"}


def test_list_and_stream(tmp_path: Path) -> None:
    where = folder(tmp_path)
    listed = eventflux("config", "list", "app.sql", "-c", "shop.toml", "--stream", "Orders", cwd=where)
    keys = [line.split(" ", 1)[0] for line in listed.stdout.splitlines()]
    assert keys == sorted(keys)
    assert {key.split(".")[1] for key in keys} == {"Orders"}
    unknown = eventflux("config", "list", "app.sql", "-c", "shop.toml", "--stream", "Ordes", cwd=where)
    assert unknown.returncode == 3
    assert "the app has no stream 'Ordes'" in unknown.stderr


def test_validate(tmp_path: Path) -> None:
    where = folder(tmp_path)
    assert eventflux("config", "validate", "app.sql", "-c", "shop.toml", cwd=where).returncode == 0
    (where / "bad.toml").write_text("[streams.Orders.file]\nmdoe = 1\n[streams.Ordesr]\ntype = 'source'\n", "utf-8")
    done = eventflux("config", "validate", "app.sql", "-c", "bad.toml", cwd=where)
    assert done.returncode == 3
    assert "bad.toml:2: streams.Orders.file.mdoe: unknown option of source 'file'; did you mean 'mode'?" in done.stderr
    assert "bad.toml:4: " in done.stderr
    assert "did you mean 'Orders'?" in done.stderr


def test_an_unset_variable_ends_with_the_code_of_configuration(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "prod.toml").write_text('[streams.Orders.kafka.security]\nusername = "${KAFKA_USER}"\n', "utf-8")
    done = eventflux("run", "app.sql", "--config", "prod.toml", cwd=where)
    assert done.returncode == 3
    assert "prod.toml:2: " in done.stderr
    assert "KAFKA_USER is not set" in done.stderr


def test_a_configuration_is_found_where_none_is_named(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "config").mkdir()
    (where / "config" / "eventflux.yaml").write_text("application: {name: Found}\n", "utf-8")
    assert 'name: "Found"' in eventflux("config", "show", cwd=where).stdout
    assert eventflux("config", "show", "--no-config", cwd=where).stdout.strip() == ""
    named = eventflux("config", "show", cwd=where, env={"EVENTFLUX_CONFIG": "shop.toml"})
    assert 'name: "Shop"' in named.stdout


def test_the_configuration_names_the_app(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "sub").mkdir()
    (where / "sub" / "run.yaml").write_text("application:\n  app: ../app.sql\nstreams:\n  Big: {type: sink}\n", "utf-8")
    wrong = eventflux("run", "--config", "sub/run.yaml", cwd=where)
    assert wrong.returncode == 3
    assert "[streams.Big] names no stream of the app" in wrong.stderr
    (where / "sub" / "run.yaml").write_text("application:\n  app: ../app.sql\n", "utf-8")
    done = eventflux("run", "--config", "sub/run.yaml", "--print", "Big", "--no-summary", cwd=where)
    assert (done.returncode, done.stdout.split(" ")[0], done.stdout.split(" ")[-1]) == (0, "Big", "[2]\n")
    nothing = eventflux("run", "--no-config", cwd=where)
    assert nothing.returncode == 3
    assert "no app is named" in nothing.stderr


def test_the_text_may_stand_in_the_configuration(tmp_path: Path) -> None:
    where = folder(tmp_path)
    query = "application:\n  query: |\n" + "".join(f"    {line}\n" for line in APP.splitlines())
    (where / "inline.yaml").write_text(query, "utf-8")
    done = eventflux("run", "-c", "inline.yaml", "--define", "LIMIT=1", "--print", "Big", "--no-summary", cwd=where)
    assert [line.split(" ")[-1] for line in done.stdout.splitlines()] == ["[1]", "[2]"]


def test_production(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "secret.toml").write_text("[streams.Orders.kafka]\npassword = 'hunter2'\n", "utf-8")
    done = eventflux("run", "app.sql", "-c", "secret.toml", "--production", cwd=where)
    assert done.returncode == 3
    assert "secret.toml:2: streams.Orders.kafka.password: a secret is written out" in done.stderr
    assert "hunter2" not in done.stderr


def test_the_schema_is_json() -> None:
    schema = json.loads(eventflux("config", "schema").stdout)
    assert schema["properties"]["persistence"]["properties"]["revisions_to_keep"]["default"] == 3
