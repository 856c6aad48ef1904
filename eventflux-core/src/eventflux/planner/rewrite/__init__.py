"""Rewrites of the logical plan: one rule a file, each can be switched off by name."""
