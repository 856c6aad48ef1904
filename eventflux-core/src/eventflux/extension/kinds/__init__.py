"""The protocol or base class of each kind of extension."""
