"""Text -> the same text, laid out: tokens and comments stay, white space and the case of keywords change."""

from eventflux.language.formatting.app import format_app

__all__ = ["format_app"]
