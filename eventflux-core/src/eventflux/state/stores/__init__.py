"""Persistence stores of the core."""
