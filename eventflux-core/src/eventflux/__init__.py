"""EventFlux: complex event processing over streams, written in SQL or EventFluxQL."""
