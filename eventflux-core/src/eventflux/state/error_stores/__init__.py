"""Where failed events are kept for replay."""
