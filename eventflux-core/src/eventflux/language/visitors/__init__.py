"""Parse tree -> syntax tree, a module a section of the grammar."""
