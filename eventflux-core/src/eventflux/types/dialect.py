"""The two languages that an application text may be written in."""

from __future__ import annotations

import enum


class Dialect(enum.Enum):
    """Language of a statement. The AST is one; meaning differs in a few places that the planner decides by this."""

    SQL = "sql"
    EVENTFLUXQL = "eventfluxql"
