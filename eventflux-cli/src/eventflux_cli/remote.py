"""A running app over its control endpoint."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from eventflux import ConnectionUnavailableError, EventFluxError

_TIMEOUT_SECONDS: Final = 30.0


class RemoteApp:
    """Asks one app.

    Args:
        url: Of its endpoint, such as `http://localhost:9090`.
        token: That the endpoint wants, if it does.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def query(self, text: str) -> tuple[tuple[str, ...], list[list[Any]], int | None]:
        """Names of attributes, rows, and for a change the number of rows changed.

        Raises:
            ConnectionUnavailableError: The app can't be reached.
            EventFluxError: It refused the query.
        """
        answer = self._ask("POST", "/query", text.encode())
        if "changed" in answer:
            return (), [], int(answer["changed"])
        return tuple(answer["columns"]), list(answer["rows"]), None

    def send(self, stream: str, rows: Sequence[Any]) -> int:
        """Rows into a stream; how many were accepted.

        Raises:
            ConnectionUnavailableError: The app can't be reached.
            EventFluxError: It refused the rows.
        """
        return int(self._ask("POST", f"/streams/{stream}", json.dumps(rows).encode())["accepted"])

    def replay(self, ids: Sequence[int] | None) -> int:
        """Put failed events back where they failed: those of the ids, or all; how many did not fail again.

        Raises:
            ConnectionUnavailableError: The app can't be reached.
            EventFluxError: It has no error store, or no such entry.
        """
        body = json.dumps(None if ids is None else list(ids)).encode()
        return int(self._ask("POST", "/errors/replay", body)["replayed"])

    def tail(self, stream: str) -> Iterator[Mapping[str, Any]]:
        """Events of a stream as they come, until the app ends.

        Raises:
            ConnectionUnavailableError: The app can't be reached.
            EventFluxError: It has no such stream.
        """
        with self._open("GET", f"/streams/{stream}/tail", None, timeout=None) as response:
            for line in response:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])

    def _ask(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        with self._open(method, path, body, timeout=_TIMEOUT_SECONDS) as response:
            answer = json.loads(response.read())
        if not isinstance(answer, dict):
            raise EventFluxError(f"{self._url} gave no answer of ours")
        return answer

    def _open(self, method: str, path: str, body: bytes | None, timeout: float | None) -> Any:
        if not self._url.startswith(("http://", "https://")):
            raise EventFluxError(f"{self._url!r} is no http:// or https:// address")
        headers = {"Content-Type": "application/json", **({"X-EventFlux-Token": self._token} if self._token else {})}
        request = urllib.request.Request(self._url + path, data=body, method=method, headers=headers)  # noqa: S310
        try:
            return urllib.request.urlopen(request, timeout=timeout)  # noqa: S310
        except urllib.error.HTTPError as error:
            raise EventFluxError(_told(error)) from error
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            raise ConnectionUnavailableError(f"{self._url} cannot be reached: {reason}") from error


def _told(error: urllib.error.HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return str(json.loads(text)["error"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}: {text.strip()[:200]}"
