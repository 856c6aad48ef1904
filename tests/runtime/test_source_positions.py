"""How far a source has come is part of a checkpoint."""

import threading
from pathlib import Path

from eventflux import EventBatch, EventFluxManager, FilePersistenceStore

APP = """
    CREATE STREAM Reading (v INT)
    WITH ('type' = 'source', 'extension' = 'file', 'format' = 'csv', 'file.path' = '{path}', 'file.mode' = 'once');
    INSERT INTO Total SELECT SUM(v) AS total FROM Reading;
"""


def _totals(path: Path, store: Path, last: int) -> list[object]:
    """Run until a total has come; the checkpoint is taken when the app stops."""
    seen: list[object] = []
    reached = threading.Event()

    def take(events: EventBatch) -> None:
        seen.extend(event.data[0] for event in events)
        if last in seen:
            reached.set()

    with FilePersistenceStore(store) as revisions, EventFluxManager() as manager:
        manager.set_persistence_store(revisions)
        runtime = manager.create_eventflux_app_runtime(APP.format(path=path), name="totals")
        runtime.add_callback("Total", take)
        runtime.start()
        assert reached.wait(20), seen
        runtime.persist()
    return seen


def test_a_restarted_app_reads_on_where_its_checkpoint_was_taken(tmp_path: Path) -> None:
    path = tmp_path / "readings.csv"
    path.write_text("1\n2\n3\n")
    assert _totals(path, tmp_path / "store", last=6) == [1, 3, 6]
    with path.open("a") as more:
        more.write("10\n20\n")
    assert _totals(path, tmp_path / "store", last=36) == [16, 36]
