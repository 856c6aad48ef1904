"""A plug-in for EventFlux, written in C."""
