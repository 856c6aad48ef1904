"""Requests that wait for an answer of the app: what ties an ``http-request`` source to ``http-response`` sinks."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import ClassVar

from eventflux.io.http.message import HttpResponse


class Exchanges:
    """The requests of one source, by the ids that its events carry; one process has one for each ``source.id``."""

    _all: ClassVar[dict[str, Exchanges]] = {}
    _lock_of_all: ClassVar[threading.Lock] = threading.Lock()  # guards _all

    def __init__(self) -> None:
        self._changed = threading.Condition()  # guards _waiting
        self._waiting: dict[str, HttpResponse | None] = {}

    @classmethod
    def of(cls, source_id: str) -> Exchanges:
        """Those of a source, whether it is there already or not."""
        with cls._lock_of_all:
            return cls._all.setdefault(source_id, Exchanges())

    def expect(self) -> str:
        """A new request waits from now on; its id."""
        number = uuid.uuid4().hex
        with self._changed:
            self._waiting[number] = None
        return number

    def answer(self, number: str, response: HttpResponse) -> bool:
        """Answer a request; False: none of that id waits, or it has been answered."""
        with self._changed:
            if number not in self._waiting or self._waiting[number] is not None:
                return False
            self._waiting[number] = response
            self._changed.notify_all()
            return True

    def wait(self, number: str, seconds: float, is_over: Callable[[], bool]) -> HttpResponse | None:
        """The answer to a request; None: time is up, or the source stops (`wake`)."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting.get(number) is not None or is_over(), seconds)
            return self._waiting.get(number)

    def forget(self, number: str) -> None:
        """The request waits no more."""
        with self._changed:
            self._waiting.pop(number, None)

    def wake(self) -> None:
        """Have those who wait look whether the source stops."""
        with self._changed:
            self._changed.notify_all()
