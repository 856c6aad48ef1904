"""Binding: names and types of a syntax tree, all errors collected."""
