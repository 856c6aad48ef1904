"""`eventflux errors` as a process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.cli.processes import eventflux

APP = """
@app:name('Shop')
@source(type='file', path='{folder}/in.jsonl', mode='once', @map(type='json'))
@OnError(action='STORE')
define stream Orders (id int, payload object);
from Orders select id, {value} as n insert into Sizes;
@sink(type='file', path='{folder}/out.jsonl', @map(type='json'))
define stream Sizes (id int, n int);
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "broken.eventfluxql").write_text(APP.format(folder=tmp_path, value="sizeOfSet(payload)"))
    (tmp_path / "mended.eventfluxql").write_text(APP.format(folder=tmp_path, value="id * 10"))
    rows = [{"id": 1, "payload": None}, {"id": 2, "payload": "zz"}, {"id": 3, "payload": 5}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = eventflux(
        *("run", tmp_path / "broken.eventfluxql", "--no-summary", "--set", "error_store.type=sqlite"),
        *("--set", f"error_store.path={tmp_path / 'errors.db'}"),
    )
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "in.jsonl").write_text("")
    return tmp_path


def test_failed_events_are_listed_shown_replayed_and_discarded(shop: Path) -> None:
    store = ("--store", shop / "errors.db")
    listed = eventflux("errors", "list", *store)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count("sizeOfSet: the object is not a set") == 2
    assert "2 of 2 entries" in listed.stderr

    found = json.loads(eventflux("errors", "list", *store, "--output", "json").stdout)
    assert [entry["events"][0]["data"] for entry in found] == [[2, "zz"], [3, 5]]
    shown = eventflux("errors", "show", *store, "--id", str(found[0]["id"]))
    assert json.loads(shown.stdout)["occurrence"] == "STORE_ON_STREAM_ERROR"

    again = eventflux("errors", "replay", shop / "broken.eventfluxql", *store)
    assert (again.returncode, again.stdout) == (1, "0 of 2 entries replayed\n"), again.stderr
    mended = eventflux("errors", "replay", shop / "mended.eventfluxql", *store, "--stream", "Orders")
    assert (mended.returncode, mended.stdout) == (0, "2 of 2 entries replayed\n"), mended.stderr
    written = [json.loads(line) for line in (shop / "out.jsonl").read_text().splitlines()]
    assert [row["id"] for row in written] == [1, 2, 3]
    assert eventflux("errors", "list", *store, "--output", "json").stdout == "[]\n"


def test_entries_are_discarded_by_number(shop: Path) -> None:
    store = ("--store", shop / "errors.db")
    gone = eventflux("errors", "discard", *store, "--id", "1", "--id", "99")
    assert (gone.returncode, gone.stdout) == (1, "1 entries discarded\n")
    assert "no entry 99" in gone.stderr
    assert len(json.loads(eventflux("errors", "list", *store, "--output", "json").stdout)) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("list",), 3, "no error store is named"),
        (("list", "--store", "nowhere.db"), 3, "there is no error store"),
        (("show", "--store", "nowhere.db"), 2, "name an entry"),
        (("replay", "--store", "nowhere.db"), 2, "takes a file with an app"),
        (("list", "app.sql"), 2, "takes a file with an app"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, arguments: tuple[str, ...], status: int, said: str) -> None:
    ran = eventflux("errors", *arguments, cwd=tmp_path)
    assert ran.returncode == status
    assert said in ran.stderr
