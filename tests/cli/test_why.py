"""`eventflux run --why`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.processes import eventflux

APP = """
CREATE STREAM Orders (id STRING, amount INT) WITH ('type' = 'source', 'extension' = 'file', 'format' = 'csv',
    'file.path' = '{folder}/orders.csv', 'file.mode' = 'once');
INSERT INTO Jumps SELECT e1.amount AS a, e2.amount AS b
FROM PATTERN (EVERY e1=Orders -> e2=Orders[id = e1.id AND amount > e1.amount * 10]);
"""


def test_the_events_of_a_match_stand_below_its_row(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("x,1\ny,2\nx,50\n", "utf-8")
    (tmp_path / "app.sql").write_text(APP.format(folder=tmp_path), "utf-8")

    done = eventflux("run", str(tmp_path / "app.sql"), "--why", "--no-summary", "--print", "Jumps")

    assert done.returncode == 0, done.stderr
    head, first, second = done.stdout.splitlines()
    assert head.startswith("Jumps ")
    assert head.endswith("[1, 50]")
    assert first.startswith("  e1=Orders ")
    assert first.endswith("{id: 'x', amount: 1}")
    assert second.startswith("  e2=Orders ")
    assert second.endswith("{id: 'x', amount: 50}")
