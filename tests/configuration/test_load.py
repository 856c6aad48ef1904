"""Files, environment and overrides: one tree, with places."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventflux import Config, ConfigError, load_config

DEVELOPMENT = """\
[application]
name = "OrderProcessing"
buffer_size = 8192
[streams.Orders]
type = "source"
extension = "kafka"
format = "json"
[streams.Orders.kafka]
brokers = "localhost:9092"
topic = "orders"
"""
PRODUCTION = """\
[application]
name = "OrderProcessing-Prod"
[streams.Orders]
type = "source"
extension = "kafka"
format = "json"
[streams.Orders.kafka]
brokers = "prod1:9092,prod2:9092,prod3:9092"
topic = "orders"
group = "production-app"
[streams.Orders.kafka.security]
protocol = "SASL_SSL"
username = "${KAFKA_USER}"
password = "${KAFKA_PASSWORD}"
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_the_development_file_loads_as_written(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "config-dev.toml", DEVELOPMENT), environ={})
    assert config.value("application.buffer_size") == 8192
    assert config.value("streams.Orders.kafka.brokers") == "localhost:9092"
    assert config.origin("streams.Orders.kafka.topic").line == 10


def test_the_production_file_takes_its_secrets_from_the_environment(tmp_path: Path) -> None:
    path = write(tmp_path, "config-prod.toml", PRODUCTION)
    config = load_config(path, environ={"KAFKA_USER": "me", "KAFKA_PASSWORD": "hunter2"})
    assert config.value("streams.Orders.kafka.security.username") == "me"
    assert config.value("streams.Orders.kafka.security.password") == "hunter2"
    assert "hunter2" not in repr(config)
    assert "hunter2" not in str(config)
    assert "'me'" in repr(config)


def test_all_unset_variables_are_told_with_their_places(tmp_path: Path) -> None:
    path = write(tmp_path, "config-prod.toml", PRODUCTION)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    message = str(caught.value)
    assert f"{path}:13: streams.Orders.kafka.security.username: environment variable KAFKA_USER is not set" in message
    assert f"{path}:14: streams.Orders.kafka.security.password: environment variable KAFKA_PASSWORD" in message
    assert (caught.value.file, caught.value.line) == (str(path), 13)


def test_toml_yaml_and_json_carry_the_same_tree(tmp_path: Path) -> None:
    toml = write(
        tmp_path,
        "a.toml",
        '[application]\nname = "A"\nplayback = true\n[streams.S]\nkafka.brokers = "b"\n"kafka.topic" = "t"\n'
        '[streams.S.async]\nbuffer_size = 64\n[extensions]\ndeny = ["x", "y"]\n',
    )
    yaml = write(
        tmp_path,
        "a.yaml",
        "application:\n  name: A\n  playback: true\nstreams:\n  S:\n    kafka.brokers: b\n    kafka: {topic: t}\n"
        "    async:\n      buffer_size: 64\nextensions:\n  deny: [x, y]\n",
    )
    json = write(
        tmp_path,
        "a.json",
        '{"application": {"name": "A", "playback": true}, "streams": {"S": {"kafka": {"brokers": "b", "topic": "t"},'
        ' "async.buffer_size": 64}}, "extensions": {"deny": ["x", "y"]}}',
    )
    trees = [load_config(path, environ={}).tree() for path in (toml, yaml, json)]
    assert trees[0] == trees[1] == trees[2]
    assert trees[0]["streams"] == {"S": {"kafka": {"brokers": "b", "topic": "t"}, "async": {"buffer_size": 64}}}


def test_files_environment_and_overrides_win_in_that_order(tmp_path: Path) -> None:
    first = write(tmp_path, "a.toml", '[persistence]\ntype = "file"\npath = "p"\nrevisions_to_keep = 5\n')
    second = write(tmp_path, "b.yaml", "persistence:\n  path: q\n")
    config = load_config(
        first,
        second,
        overrides=["persistence.revisions_to_keep=9"],
        environ={"EVENTFLUX__PERSISTENCE__TYPE": "sqlite", "EVENTFLUX__PERSISTENCE__REVISIONS_TO_KEEP": "7"},
    )
    assert config["persistence"] == {"type": "sqlite", "path": "q", "revisions_to_keep": 9}
    assert str(config.origin("persistence.type")) == "EVENTFLUX__PERSISTENCE__TYPE"
    assert str(config.origin("persistence.path")) == f"{second}:2"
    assert str(config.origin("persistence.revisions_to_keep")) == "--set persistence.revisions_to_keep"


def test_an_override_is_the_same_as_a_variable_of_the_environment() -> None:
    by_variable = load_config(environ={"EVENTFLUX__PERSISTENCE__TYPE": "sqlite"})
    assert by_variable == load_config(overrides=["persistence.type=sqlite"], environ={})


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("false", False), ("12", 12), ("1.5", 1.5), ("'12'", "12"), ('"a b"', "a b"), ("abc", "abc")],
)
def test_values_of_overrides(text: str, value: object) -> None:
    config = load_config(overrides=[f"streams.S.x.y={text}"], environ={})
    assert config.value("streams.S.x.y") == value


def test_null_takes_a_key_away(tmp_path: Path) -> None:
    path = write(tmp_path, "a.toml", '[persistence]\ntype = "file"\n')
    assert load_config(path, overrides=["persistence.type=null"], environ={}).value("persistence.type") is None


def test_a_path_through_a_value_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a.toml", '[streams.S]\nextension = "file"\n')
    with pytest.raises(ConfigError, match=r"'streams.S.extension' is a value \(.*a.toml:2\), no section"):
        load_config(path, overrides=["streams.S.extension.path=x"], environ={})


def test_short_forms_of_the_environment() -> None:
    config = load_config(environ={"EVENTFLUX_PERSISTENCE_DIR": "/data", "EVENTFLUX_HTTP_PORT": "8080"})
    assert config["persistence"] == {"path": "/data", "type": "file"}
    assert config.value("observability.http.port") == 8080


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("${A}", {"A": ""}, ""),
        ("${A:d}", {}, "d"),
        ("${A:d}", {"A": ""}, ""),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:http://h:1/p}", {}, "http://h:1/p"),
        ("${A:${B:c}}", {}, "c"),
        ("${A:${B}}", {"B": "b"}, "b"),
        ("<${A}|${B}>", {"A": "${B}", "B": "2"}, "<${B}|2>"),
        ("$${A}", {"A": "x"}, "${A}"),
        ("$5 {x}", {}, "$5 {x}"),
    ],
)
def test_substitution(text: str, environ: dict[str, str], value: str) -> None:
    assert load_config(overrides=[f"streams.S.http.url='{text}'"], environ=environ).value("streams.S.http.url") == value


def test_a_value_from_a_mounted_file(tmp_path: Path) -> None:
    write(tmp_path, "pw", "s3cret\n")
    config = load_config(overrides=["redis.url='redis://u:${file:" + str(tmp_path / "pw") + "}@h'"], environ={})
    assert config.value("redis.url") == "redis://u:s3cret@h"
    assert "s3cret" not in repr(config)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(overrides=["redis.url='${file:/no/such}'"], environ={})


def test_variables_of_the_configuration_stand_before_the_environment() -> None:
    config = load_config(
        overrides=["variables.HOST=h", "redis.url='redis://${HOST}:${PORT}'"],
        variables={"PORT": "2"},
        environ={"HOST": "env", "PORT": "1"},
    )
    assert config.value("redis.url") == "redis://h:2"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "[a\n", "a.toml:1: "),
        ("a.toml", "x = 1\nx = 2\n", "a.toml:2: "),
        ("a.yaml", "a: 1\nb: 2\na: 3\n", "a.yaml:3: a: given twice; it stands in line 1 already"),
        ("a.yaml", "a: [1\n", "a.yaml:2: "),
        ("a.yaml", "- a\n", "a.yaml:1: a configuration is a mapping"),
        ("a.json", '{"a": 1, "a": 2}', "a.json: a: given twice"),
        ("a.json", '{"a": \n1,}', "a.json:2: "),
        ("a.json", "[]", "a configuration is an object"),
        ("a.ini", "", "has the suffix '.ini'"),
        (
            "a.toml",
            '[application]\nnane = "x"\n',
            "a.toml:2: application.nane: unknown key 'nane'; did you mean 'name'?",
        ),
        (
            "a.toml",
            "[perssistence]\ntype = 1\n",
            "a.toml:2: perssistence.type: unknown section 'perssistence'; did you",
        ),
        ("a.toml", "[runtime.performance]\nbatchsize = 1\n", "unknown key 'batchsize'; did you mean 'batch_size'?"),
        (
            "a.yaml",
            "observability:\n  http:\n    port: many\n",
            "a.yaml:3: observability.http.port: must be a whole number, not 'many'",
        ),
        ("a.yaml", "runtime:\n  mode: hybrid\n", "runtime.mode: must be one of single, single-node, not 'hybrid'"),
        ("a.toml", "[runtime]\nshutdown_timeout = 30\n", "must be a duration such as 500ms, 1.5s or 10 min, not 30"),
        ("a.toml", '[runtime]\nshutdown_timeout = "30"\n', "must be a duration such as 500ms, 1.5s or 10 min"),
        ("a.toml", '[persistence]\ncheckpoint_interval = "x"\n', "a.toml:2: persistence.checkpoint_interval: must be"),
        ("a.toml", "[application]\nplayback = 1\n", "must be true or false, not 1"),
        ("a.toml", '[application]\nplayback = "yes"\n', "must be true or false"),
        ("a.toml", "[application]\nbuffer_size = 1\n", "must be at least 2, not 1"),
        (
            "a.toml",
            '[application]\napp = "a.sql"\nquery = "x"\n',
            "a.toml:3: application.query: application.app is given",
        ),
        (
            "a.yaml",
            "apiVersion: v2\nkind: EventFluxConfig\n",
            "a.yaml:1: apiVersion is 'v2', expected 'eventflux.io/v1'",
        ),
        ("a.yaml", "apiVersion: eventflux.io/v1\n", "kind is missing, expected 'EventFluxConfig'"),
        ("a.toml", '[redis]\nurl = "${X"\n', "a.toml:2: redis.url: '${X' has no closing }"),
        ("a.toml", '[redis]\nurl = "${9}"\n', "a.toml:2: redis.url: '${9}' is no variable"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    path = write(tmp_path, name, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a.toml", "[application]\nx = 1\ny = 2\n[nope]\nz = 3\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [f"{path}:{n}" for n in (2, 3, 5)]


def test_a_secret_is_never_in_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "a.toml", '[observability.http]\ncontrol_token = ["hunter2"]\n')
    with pytest.raises(ConfigError) as caught:
        load_config(path, environ={})
    assert "hunter2" not in str(caught.value)
    assert caught.value.value == "****"


def test_an_unknown_section_is_a_warning_where_apps_share_a_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, "a.toml", "[application]\nstrict = false\n[nope]\nz = 3\n")
    load_config(path, environ={})
    assert "unknown section 'nope'" in caplog.text


def test_the_envelope(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "a.yaml",
        """\
apiVersion: eventflux.io/v1
kind: EventFluxConfig
metadata:
  name: trading
  namespace: prod
eventflux:
  application:
    buffer_size: 64
  persistence: {type: sqlite}
applications:
  trading:
    streams:
      Trades:
        source:
          type: kafka
          format: json
          kafka: {brokers: "b:9092"}
    error_handling:
      strategy: retry
    persistence:
      path: x.db
""",
    )
    config = load_config(path, environ={})
    assert config.tree() == {
        "application": {"name": "trading", "buffer_size": 64, "error": {"strategy": "retry"}},
        "persistence": {"type": "sqlite", "path": "x.db"},
        "streams": {
            "Trades": {"type": "source", "extension": "kafka", "format": "json", "kafka": {"brokers": "b:9092"}}
        },
    }


def test_aliases_cannot_blow_a_document_up(tmp_path: Path) -> None:
    lines = ["a0: &a0 {x: 1, y: 2}"]
    lines += [f"a{n}: &a{n} {{" + ", ".join(f"k{i}: *a{n - 1}" for i in range(10)) + "}" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="more than 20000 values"):
        load_config(write(tmp_path, "a.yaml", "\n".join(lines)), environ={})


def test_production_refuses_secrets_that_are_written_out(tmp_path: Path) -> None:
    text = (
        '[application]\nproduction = true\n[redis]\nurl = "redis://me:hunter2@h"\n[streams.S.kafka]\npassword = "p"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, "a.toml", text), environ={})
    assert "a.toml:4: redis.url: a secret is written out; use ${VAR}" in str(caught.value)
    assert "a.toml:6: streams.S.kafka.password: a secret is written out" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    varied = text.replace("redis://me:hunter2@h", "${R}").replace('"p"', '"${P}"')
    load_config(write(tmp_path, "b.toml", varied), environ={"R": "redis://a:b@c", "P": "x"})


def test_lines_of_toml_keys_in_odd_places(tmp_path: Path) -> None:
    text = '''\
# [not.a.section]
[streams."A"] # comment
text = """
[no.section]
key = 1
"""
list = [
  "a", # ]
  "b",
]
'quoted.key' = 'x#y'
[[streams.A.sources]]
format = "json"
[[streams.A.sources]]
inline = { a = 1, b = "}" }
'''
    config = load_config(write(tmp_path, "a.toml", text), environ={})
    lines = {".".join(path): leaf.origin.line for path, leaf in config.leaves.items()}
    assert lines == {
        "streams.A.text": 3,
        "streams.A.list": 7,
        "streams.A.quoted.key": 11,
        "streams.A.sources.0.format": 13,
        "streams.A.sources.1.inline.a": 15,
        "streams.A.sources.1.inline.b": 15,
    }


def test_a_configuration_from_a_tree_of_dicts() -> None:
    config = Config.of({"streams": {"S": {"kafka": {"password": "hunter2"}}}})
    assert config["streams"] == {"S": {"kafka": {"password": "hunter2"}}}
    assert repr(config) == "Config({'streams': {'S': {'kafka': {'password': '****'}}}})"
    assert config.over(Config.of({"streams": {"S": {"type": "source"}}})).names("streams", "S") == ("type", "kafka")
