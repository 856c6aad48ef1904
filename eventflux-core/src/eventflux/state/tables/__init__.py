"""Tables whose rows are outside the engine: in Python, in databases."""
