"""The native engine behind typed Python; the only package that imports the compiled module."""
