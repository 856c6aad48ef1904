"""Rows that a window refuses end at the fault handling of their query's stream, however they were sent."""

from __future__ import annotations

from typing import Any

import pytest

from eventflux import EventFluxManager

APP = """
    @app:playback
    define stream S (s string, e long);
    from S#window.externalTime(e, 1 sec) select s, e insert into O;
"""


@pytest.mark.parametrize("how", ["send", "send_many"])
def test_a_row_without_the_time_attribute_fails_alone_and_is_told_with_its_stream(how: str) -> None:
    rows = [("a", 100), ("b", None), ("c", 200)]
    out: list[str] = []
    failures: list[Any] = []
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(APP)
        runtime.add_callback("O", lambda events: out.extend(event[0] for event in events))
        runtime.on_exception(failures.append)
        runtime.start()
        handler = runtime.input_handler("S")
        if how == "send":
            for number, row in enumerate(rows):
                handler.send(row, 1000 + number)
        else:
            handler.send_many(rows, [1000, 1001, 1002])
    assert out == ["a", "c"]
    assert [failure.stream for failure in failures] == ["S"]
    assert "timestamp attribute" in failures[0].message
