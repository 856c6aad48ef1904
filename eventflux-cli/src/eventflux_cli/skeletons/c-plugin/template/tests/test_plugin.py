"""The function and the window, in apps."""

from eventflux.testing import AppRunner

APP = """
define stream S (v double);
from S#window.{{ package }}:lastRows(2) select sum(v) as total, {{ package }}:plus(v, 10.0) as more insert into O;
"""


def test_the_window_holds_the_last_rows_and_the_function_adds():
    with AppRunner(APP, "O") as app:
        for value in (1.0, 2.0, 4.0):
            app.send("S", (value,))
        assert app.events() == [(1.0, 11.0), (3.0, 12.0), (6.0, 14.0)]


def test_the_state_lives_on():
    with AppRunner(APP, "O") as app:
        app.send("S", (1.0,))
        app.restart()
        app.send("S", (2.0,))
        assert app.events()[-1] == (3.0, 12.0)
