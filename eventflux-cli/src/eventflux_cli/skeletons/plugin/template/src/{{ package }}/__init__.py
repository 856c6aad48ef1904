"""A plug-in for EventFlux."""
