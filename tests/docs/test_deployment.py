"""What is deployed: the manifests are of the schema, the configurations in them run, probes and images agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.processes import eventflux

from eventflux import EventFluxManager, load_config

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
METRICS = (ROOT / "docs" / "how-to" / "operate.md").read_text()


def manifest(name: str) -> Any:
    return yaml.safe_load((KUBERNETES / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", sorted(path.stem for path in KUBERNETES.glob("*.yaml")))
def test_every_manifest_has_what_the_server_wants(name: str) -> None:
    document = manifest(name)
    assert {"apiVersion", "kind", "metadata"} <= set(document)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", document["metadata"]["name"])
    if "selector" in document.get("spec", {}) and "template" in document["spec"]:
        labels = document["spec"]["template"]["metadata"]["labels"]
        assert document["spec"]["selector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("name", ["deployment", "statefulset"])
def test_pods_stop_later_than_apps_and_mount_what_they_name(name: str) -> None:
    pod = manifest(name)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    config = yaml.safe_load(manifest("configmap")["data"]["fraud-detection.yaml"])
    assert pod["terminationGracePeriodSeconds"] > int(config["runtime"]["shutdown_timeout"].rstrip("s"))
    claimed = [each["metadata"]["name"] for each in manifest(name)["spec"].get("volumeClaimTemplates", [])]
    volumes = {each["name"] for each in pod["volumes"]} | set(claimed)
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"http": 9090, "transport": 9892}
    paths = {
        probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }
    assert paths == {"startupProbe": "/live", "livenessProbe": "/live", "readinessProbe": "/ready"}
    assert container["args"][:2] == ["--config", "/config/fraud-detection.yaml"]


def test_the_app_of_the_config_map_is_valid(tmp_path: Path) -> None:
    data = manifest("configmap")["data"]
    for name, text in data.items():
        (tmp_path / name).write_text(text, "utf-8")
    secrets = manifest("secret")["stringData"]
    config = load_config(tmp_path / "fraud-detection.yaml", environ=secrets)
    assert config.value("streams.Transactions.kafka.security.password") == "change-me"
    assert "change-me" not in repr(config)
    with EventFluxManager(plugins=False) as manager:
        runtime = manager.create_sandbox_eventflux_app_runtime(tmp_path / "fraud-detection.sql", playback=True)
        rows: list[Any] = []
        runtime.add_callback("Suspicions", lambda events: rows.extend(event.data for event in events))
        runtime.start()
        for number in range(7):
            runtime.input_handler("Transactions").send(("c", 300.0, "CH"), timestamp=1000 + number)
    assert rows == [("c", 6, 1800.0), ("c", 7, 2100.0)]


def test_the_app_of_the_compose_file_runs(tmp_path: Path) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert compose["services"]["app"]["command"] == ["--config", "/config/app.yaml"]
    done = eventflux(
        "run",
        *("--config", ROOT / "deploy" / "compose" / "app.yaml", "--duration", "2.5s", "--http-port", "off"),
        *("--set", f"persistence.path={tmp_path / 'state'}"),
    )
    assert done.returncode == 0, done.stderr
    assert "thermometer" in done.stderr
    assert "2 events in" in done.stderr or "3 events in" in done.stderr


def test_the_image_runs_the_command_that_there_is() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert 'ENTRYPOINT ["tini", "--", "eventflux", "run"]' in text
    assert "USER 1000" in text
    assert "EXPOSE 9090 9892" in text
    assert "STOPSIGNAL SIGTERM" in text


def test_alerts_name_metrics_that_there_are() -> None:
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    for rule in rules:
        for name in re.findall(r"eventflux_\w+", rule["expr"]):
            base = name.removesuffix("_total").split("_")
            assert name in METRICS or f"_{base[-1]}" in METRICS, name
