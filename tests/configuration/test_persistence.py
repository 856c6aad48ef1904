"""The `persistence` section: which store, when it saves, what happens when restoring fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from eventflux import ConfigError, CorruptStateError, EventFluxManager

TEXT = "@app:name('P') define stream S (a int); from S select sum(a) as total insert into O;"


def run_once(config: dict[str, object], row: int | None) -> list[int]:
    seen: list[int] = []
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(TEXT)
        runtime.add_callback("O", lambda events: seen.extend(event.data[0] for event in events))
        runtime.start()
        if row is not None:
            runtime.input_handler("S").send((row,))
    return seen


@pytest.mark.parametrize("kind", ["file", "sqlite"])
def test_state_goes_on_where_it_stood(tmp_path: Path, kind: str) -> None:
    config = {"persistence": {"type": kind, "path": str(tmp_path / "state")}}
    assert run_once(config, 3) == [3]
    assert run_once(config, 4) == [7]
    assert run_once({"persistence": {**config["persistence"], "auto_restore": False}}, 1) == [1]


def test_a_stop_need_not_save(tmp_path: Path) -> None:
    config = {"persistence": {"type": "file", "path": str(tmp_path), "on_shutdown": False}}
    assert run_once(config, 3) == [3]
    assert run_once(config, 4) == [4]


def test_state_is_saved_every_so_often(tmp_path: Path) -> None:
    config = {
        "persistence": {"type": "file", "path": str(tmp_path), "checkpoint_interval": "50ms", "on_shutdown": False}
    }
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(TEXT)
        runtime.start()
        runtime.input_handler("S").send((3,))
        before = time.monotonic()
        while not runtime.revisions() and time.monotonic() - before < 10:
            time.sleep(0.01)
        first = runtime.revisions()
        assert first
        while runtime.revisions()[-1] == first[-1] and time.monotonic() - before < 10:
            time.sleep(0.01)
        assert len(runtime.revisions()) <= 3
    assert run_once(config, 4) == [7]


def damage_newest(folder: Path) -> None:
    newest = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 0xFF
    newest.write_bytes(data)


def test_what_happens_when_the_last_revision_is_damaged(tmp_path: Path) -> None:
    config = {
        "persistence": {"type": "file", "path": str(tmp_path), "on_shutdown": False, "checkpoint_interval": "none"}
    }
    with EventFluxManager(config, plugins=False) as manager:
        runtime = manager.create_eventflux_app_runtime(TEXT)
        runtime.start()
        runtime.input_handler("S").send((3,))
        runtime.persist()
        runtime.input_handler("S").send((4,))
        runtime.persist()
    damage_newest(tmp_path)
    with pytest.raises(CorruptStateError):
        run_once(config, 1)
    assert run_once({"persistence": {**config["persistence"], "on_restore_error": "previous"}}, 1) == [4]
    assert run_once({"persistence": {**config["persistence"], "on_restore_error": "fresh"}}, 1) == [1]


def test_a_store_that_is_not_there() -> None:
    config = {"persistence": {"type": "etcd"}}
    wanted = pytest.raises(ConfigError, match="no persistence store 'etcd' is installed")
    with EventFluxManager(config, plugins=False) as manager, wanted:
        manager.create_eventflux_app_runtime(TEXT)


def test_an_option_that_a_store_does_not_have(tmp_path: Path) -> None:
    config = {"persistence": {"type": "file", "path": str(tmp_path), "options": {"colour": "red"}}}
    wanted = pytest.raises(ConfigError, match="persistence store 'file' has no such option")
    with EventFluxManager(config, plugins=False) as manager, wanted:
        manager.create_eventflux_app_runtime(TEXT)
