"""From logical plans to operators and programs of the engine."""
