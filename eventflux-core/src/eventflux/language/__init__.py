"""Language layer: application text in either dialect <-> one abstract syntax tree."""
