"""State backends of the core: keys and values outside the engine."""
