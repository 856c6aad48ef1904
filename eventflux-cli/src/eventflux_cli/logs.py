"""The log of a command: lines for people on a terminal, JSON lines elsewhere; secrets never."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Final, TextIO

from eventflux import Config
from eventflux.configuration.check import is_given, text
from eventflux.configuration.secrets import MASK, is_secret, without_user_info

logger = logging.getLogger("eventflux.cli")

_FIELDS: Final = ("app", "query", "stream", "source", "sink", "revision", "partition", "trace_id", "span_id")
_LINE: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LEVEL: Final = "observability.logging.level"
_SHORTEST_SECRET: Final = 3


class SecretFilter(logging.Filter):
    """Masks what came into secret keys by way of variables, and the user info of URLs, wherever it is said."""

    def __init__(self, secrets: frozenset[str]) -> None:
        super().__init__()
        self._secrets = sorted(secrets, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        message = self.masked(record.getMessage())
        record.msg, record.args = message, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.masked(logging.Formatter().formatException(record.exc_info))
        return True

    def masked(self, message: str) -> str:
        """A text without secrets."""
        for secret in self._secrets:
            message = message.replace(secret, MASK)
        return without_user_info(message)


class JsonFormatter(logging.Formatter):
    """One object a line."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        super().__init__()
        self._fields = dict(fields)

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        line: dict[str, object] = {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._fields,
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            line["error.type"] = record.exc_info[0].__name__
            line["error.message"] = str(record.exc_info[1])
            line["error.trace"] = record.exc_text
        return json.dumps(line, ensure_ascii=False, default=str)


def secret_values(config: Config) -> frozenset[str]:
    """The texts of secret keys that came from variables, files or the environment."""
    return frozenset(
        leaf.value
        for path, leaf in config.leaves.items()
        if isinstance(leaf.value, str) and len(leaf.value) >= _SHORTEST_SECRET and is_secret(path)
    )


def set_up_first(level: str) -> None:
    """A log for what is said before the configuration is known."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    _replace_handler(root, logging.StreamHandler(sys.stderr), logging.Formatter(_LINE), frozenset())


def set_up(config: Config, *, level: str | None, form: str | None, app: str | None, default_level: str) -> None:
    """The log that configuration and options ask for.

    Args:
        config: Its `observability.logging` section, and the secrets that must not be logged.
        level: Of the command line.
        form: Of the command line: `auto`, `console` or `json`.
        app: Name of the app, for JSON lines.
        default_level: Where neither says one.
    """
    configured = text(config, _LEVEL) if is_given(config, _LEVEL) else None
    output = text(config, "observability.logging.output") or "stderr"
    handler: logging.Handler
    stream: TextIO | None = {"stderr": sys.stderr, "stdout": sys.stdout}.get(output)
    if stream is None:
        from logging.handlers import WatchedFileHandler  # noqa: PLC0415 - brings sockets along

        handler = WatchedFileHandler(output, encoding="utf-8")
    else:
        handler = logging.StreamHandler(stream)
    chosen = form or text(config, "observability.logging.format") or "auto"
    if chosen == "auto":
        chosen = "console" if stream is not None and stream.isatty() else "json"
    fields = {path[0]: leaf.value for path, leaf in config.below("observability", "logging", "fields").items()}
    if app is not None:
        fields = {"app": app, **fields}
    formatter = JsonFormatter(fields) if chosen == "json" else logging.Formatter(_LINE)
    root = logging.getLogger()
    root.setLevel((level or configured or default_level).upper())
    _replace_handler(root, handler, formatter, secret_values(config))


def _replace_handler(
    root: logging.Logger, handler: logging.Handler, formatter: logging.Formatter, secrets: frozenset[str]
) -> None:
    handler.setFormatter(formatter)
    handler.addFilter(SecretFilter(secrets))
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
