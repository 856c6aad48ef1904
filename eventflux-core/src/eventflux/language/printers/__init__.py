"""Syntax tree -> text. Reading the text again gives an equal tree.

`print_app` writes each statement in its own dialect. `to_sql` and `to_eventfluxql` write one dialect; a node that the
dialect has no words for is refused with UnprintableError, never written as something else.
"""

from eventflux.language.printers.app import print_app, to_eventfluxql, to_sql

__all__ = ["print_app", "to_eventfluxql", "to_sql"]
