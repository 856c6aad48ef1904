"""Benchmarks of EventFlux against Siddhi, batch engines and bare C loops; `python -m benchmarks --help`."""
