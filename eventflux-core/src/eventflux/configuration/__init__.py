"""Configuration: files, environment and overrides -> one tree whose every value knows where it came from."""
