"""Cron expressions: whether the engine can run by one."""

from __future__ import annotations

from eventflux.engine._native import lib
from eventflux.engine.status import new_error
from eventflux.engine.status import text as text_of


def cron_problem(text: str, *, sunday_is_1: bool) -> str | None:
    """What is wrong with a Quartz cron expression, or None.

    Args:
        text: Second, minute, hour, day of the month, month, day of the week, and perhaps the year.
        sunday_is_1: Days of the week are numbered 1 to 7 from Sunday; else 0 to 6.
    """
    error = new_error()
    days = lib.EF_CRON_SUNDAY_IS_1 if sunday_is_1 else lib.EF_CRON_SUNDAY_IS_0
    return None if lib.ef_cron_check(text.encode(), days, error) >= 0 else text_of(error.message)
