"""Language layer: application text in either dialect <-> one abstract syntax tree."""

from eventflux.language.parser import Language, parse, parse_expression, parse_on_demand

__all__ = ["Language", "parse", "parse_expression", "parse_on_demand"]
