"""`eventflux test`: cases beside an app."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import yaml
from tests.cli.processes import eventflux

APP = """\
CREATE STREAM Orders (id INT, customer STRING, price DOUBLE)
  WITH ('type'='source', 'extension'='file', 'format'='json', 'file.path'='/no/such/file');
CREATE STREAM Big (id INT, price DOUBLE)
  WITH ('type'='sink', 'extension'='file', 'format'='json', 'file.path'='/no/dir/x');
CREATE TABLE Seen (customer STRING PRIMARY KEY, n BIGINT);
INSERT INTO Big SELECT id, price FROM Orders WHERE price > ${LIMIT:10};
@info(name='sums')
INSERT INTO Totals SELECT SUM(price) AS total FROM Orders WINDOW TUMBLING(1 MINUTE);
UPSERT INTO Seen SELECT customer, 1 AS n FROM Orders ON Seen.customer = customer;
INSERT INTO Minute SELECT COUNT(*) AS n FROM Orders WINDOW('timeBatch', 1 MINUTE);
"""
TESTS = """\
app: shop.sql
variables: {LIMIT: 20}
cases:
  - name: only big orders pass
    steps:
      - send: Orders
        rows: [[1, ann, 5.0], [2, bob, 50.0]]
        at: 1000
      - send: Orders
        row: {id: 3, customer: ann, price: 21.5}
        at: 1970-01-01T00:00:02Z
    expect:
      Big: [[2, 50.0], [3, 21.5]]
  - name: time goes on
    steps:
      - send: Orders
        row: [1, ann, 5.0]
        at: 1000
      - advance: 59 sec
      - send: Orders
        row: [2, ann, 5.0]
      - advance: {to: 200000}
    expect:
      Minute: {count: 1}
  - name: state lives on
    steps:
      - send: Orders
        row: [1, ann, 5.0]
        at: 1000
      - restart
      - query: SELECT customer FROM Seen
        expect: [[ann]]
      - persist
  - name: other forms
    steps:
      - send: Orders
        rows: [[1, ann, 50.0], [2, bob, 50.0004], [3, cyd, 60]]
        at: 1
    expect:
      Big:
        unordered:
          - {id: 3}
          - {id: 2, price: 50.0}
          - [1, 50.0]
        tolerance: 0.001
"""


def folder(tmp_path: Path, tests: str = TESTS) -> Path:
    app = APP.replace("INSERT INTO Totals SELECT SUM(price) AS total FROM Orders WINDOW TUMBLING(1 MINUTE);", "")
    (tmp_path / "shop.sql").write_text(app.replace("@info(name='sums')\n", ""), "utf-8")
    (tmp_path / "shop.test.yaml").write_text(tests, "utf-8")
    return tmp_path


def test_cases_pass(tmp_path: Path) -> None:
    done = eventflux("test", cwd=folder(tmp_path))
    assert done.returncode == 0, done.stdout
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["PASS"] * 4 + ["4"]
    only = eventflux("test", "-k", "time", "shop.test.yaml", cwd=tmp_path)
    assert only.stdout.splitlines()[-1] == "1 cases, 0 failed"


def test_a_failed_case_shows_the_rows_that_differ(tmp_path: Path) -> None:
    where = folder(tmp_path, TESTS.replace("[3, 21.5]", "[4, 21.5]").replace("{count: 1}", "{count: 9}"))
    done = eventflux("test", "--junit", "out.xml", cwd=where)
    assert done.returncode == 1
    assert "    Big:\n        [2, 50.0]\n      - [4, 21.5]\n      + [3, 21.5]\n" in done.stdout
    assert "1 rows, expected 9" in done.stdout
    suite = ElementTree.parse(where / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    rows = json.loads(eventflux("test", "--json", cwd=where).stdout)
    assert [row["passed"] for row in rows] == [False, False, True, True]


def test_update_writes_what_was_observed_and_nothing_else(tmp_path: Path) -> None:
    wrong = TESTS.replace("Big: [[2, 50.0], [3, 21.5]]", "Big:  # as of today\n        - [9, 9.0]")
    where = folder(tmp_path, "# kept\n" + wrong)
    assert eventflux("test", "--update", cwd=where).returncode == 1
    text = (where / "shop.test.yaml").read_text("utf-8")
    assert text.startswith("# kept\n")
    assert yaml.safe_load(text)["cases"][0]["expect"]["Big"] == [[2, 50.0], [3, 21.5]]
    assert yaml.safe_load(text)["cases"][1:] == yaml.safe_load(wrong)["cases"][1:]
    assert eventflux("test", cwd=where).returncode == 0


def test_failures_and_wrong_names_fail_a_case(tmp_path: Path) -> None:
    tests = """\
text: |
  define stream S (a int); from S select cast(a, 'int') / 0 as x insert into O;
steps:
  - send: Nope
    row: [1]
expect: {O: []}
"""
    (tmp_path / "a.test.yaml").write_text(tests, "utf-8")
    done = eventflux("test", cwd=tmp_path)
    assert done.returncode == 1
    assert "no stream 'Nope'" in done.stdout


def test_a_file_that_says_what_no_test_can_say(tmp_path: Path) -> None:
    for tests, message in (
        ("steps: []\nexpct: {}\n", "a test file has no 'expct'"),
        ("text: x\ncases:\n  - name: n\n    steps: [{send: S}]\n", "n: step 1 sends 'row' or 'rows'"),
        ("text: x\ncases:\n  - name: n\n    steps: [{advance: soon}]\n", "n: step 1: 'soon' is not a duration"),
        ("text: x\ncases:\n  - name: n\n    expect: {O: {exact: [], contains: []}}\n", "one of exact, unordered"),
        ("text: [\n", "a.test.yaml:2: "),
        ("cases: []\n", "no 'app' and no 'text', and none of a.sql, a.eventfluxql"),
    ):
        (tmp_path / "a.test.yaml").write_text(tests, "utf-8")
        done = eventflux("test", cwd=tmp_path)
        assert done.returncode == 3
        assert message in done.stderr, done.stderr
    assert eventflux("test", "nowhere", cwd=tmp_path).returncode == 3


def test_tests_may_be_toml(tmp_path: Path) -> None:
    where = folder(tmp_path)
    (where / "shop.test.yaml").unlink()
    (where / "shop.test.toml").write_text(
        'steps = [{send = "Orders", row = [1, "a", 99.0], at = 1}]\n[expect]\nBig = [[1, 99.0]]\n', "utf-8"
    )
    done = eventflux("test", cwd=where)
    assert done.returncode == 0, done.stdout
