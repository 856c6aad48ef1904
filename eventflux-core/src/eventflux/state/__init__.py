"""Saved state: the snapshot container and the stores that keep revisions of it."""
