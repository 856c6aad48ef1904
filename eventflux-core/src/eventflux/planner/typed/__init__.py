"""Typed expressions: what the binder makes of the expressions of a text, and what programs are emitted from."""
