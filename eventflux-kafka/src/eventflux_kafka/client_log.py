"""The client's own log, through `logging`, without its repetitions: it says the same at each attempt to connect."""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import Final

QUIET_SECONDS: Final = 60.0
_VARYING: Final = re.compile(r"\d+ ?ms|#\w+-\d+|\d+ identical error\(s\) suppressed|[0-9A-F]{8,}")
_MOST_KINDS: Final = 256


class RepeatsOnceAMinute(logging.Filter):
    """Lets a message pass once a minute, and then says how often it was meant meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()  # guards _seen; a leaf
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        kind = _VARYING.sub("", text)
        now = time.monotonic()
        with self._lock:
            said, repeated = self._seen.get(kind, (-QUIET_SECONDS, 0))
            if now - said < QUIET_SECONDS:
                self._seen[kind] = (said, repeated + 1)
                return False
            if len(self._seen) >= _MOST_KINDS:
                self._seen.clear()
            self._seen[kind] = (now, 0)
        if repeated:
            record.msg, record.args = f"{text} (and {repeated} times more)", ()
        return True


CLIENT_LOGGER: Final = logging.getLogger("eventflux.kafka.client")
CLIENT_LOGGER.addFilter(RepeatsOnceAMinute())
