"""In playback a row below the clock moves nothing, so no timer runs before it."""

from __future__ import annotations

from typing import Any

from eventflux import EventFluxManager

APP = """
    @app:playback
    define stream S (name string);
    define stream Tick (n int);
    @info(name = 'q') from S#window.time(1 sec) select name insert all events into Out;
"""


def test_a_late_row_expires_in_the_call_of_the_next_late_row() -> None:
    calls: list[tuple[list[str], list[str]]] = []

    def note(timestamp: int, current: Any, expired: Any) -> None:
        calls.append(([event[0] for event in current or ()], [event[0] for event in expired or ()]))

    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(APP)
        runtime.add_query_callback("q", note)
        runtime.start()
        ticks, rows = runtime.input_handler("Tick"), runtime.input_handler("S")
        ticks.send((1,), 9000)
        rows.send(("late",), 5000)  # its timer, for 6000, waits for the next move of the clock
        rows.send(("later",), 5100)
        assert calls == [(["late"], []), (["later"], ["late"])]
        ticks.send((2,), 9000)  # a timestamp equal to the clock counts as a move
        assert calls[2:] == [([], ["later"])]
