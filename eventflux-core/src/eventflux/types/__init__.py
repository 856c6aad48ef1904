"""Vocabulary shared by all layers: attribute types, schemas, durations, source positions, errors."""
