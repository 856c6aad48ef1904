"""Declarations of the scalar functions that the engine implements, a file a family."""
