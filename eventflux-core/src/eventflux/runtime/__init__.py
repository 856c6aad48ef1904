"""The life of apps: manager, app runtime, input, callbacks, clock, persistence."""
