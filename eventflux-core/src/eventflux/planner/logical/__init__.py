"""Logical plan: what each query does, before it becomes operators of the engine."""
