"""One listener for metrics, probes and, where it is wanted, control.

    GET /metrics  /live  /ready  /health  /info
    POST /query  /streams/<S>  /persist  /pause  /resume        GET /streams/<S>/tail        (control)

The address is taken when the endpoint is made; the server behind it is imported with the first connection, so an app
that nobody asks starts without it.
"""

from __future__ import annotations

import importlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Final

from eventflux.configuration.check import flag, integer, is_given, read, text
from eventflux.configuration.tree import Config
from eventflux.observability.rates import STEP_SECONDS, Rates
from eventflux.runtime.app_runtime import EventFluxAppRuntime
from eventflux.types.errors import ConnectionUnavailableError
from eventflux.types.record import record

logger = logging.getLogger("eventflux.observability")

_LOCAL: Final = "127.0.0.1"


@record(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """Of the listener.

    Attributes:
        host: Address.
        port: 0: any free one.
        metrics_path: Where the metrics are.
        has_metrics: Whether there are any.
        has_control: Whether queries, input and commands are served.
        token: Header `X-EventFlux-Token` that these must carry, or None.
        labels: That every figure gets.
        config: Shown, without secrets, under `/info`.
    """

    host: str = _LOCAL
    port: int = 0
    metrics_path: str = "/metrics"
    has_metrics: bool = True
    has_control: bool = False
    token: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    config: Config = field(default_factory=Config)


def endpoint_settings(config: Config) -> EndpointSettings:
    """The settings of a configuration. With control, and no address given, the endpoint listens locally only."""
    has_control = flag(config, "observability.http.control")
    host = text(config, "observability.http.host") or _LOCAL
    if has_control and not is_given(config, "observability.http.host"):
        host = _LOCAL
    return EndpointSettings(
        host=host,
        port=integer(config, "observability.http.port") or 0,
        metrics_path=text(config, "observability.http.metrics_path") or "/metrics",
        has_metrics=flag(config, "observability.metrics.enabled")
        and read(config, "observability.metrics.level") != "off",
        has_control=has_control,
        token=text(config, "observability.http.control_token"),
        labels={path[0]: str(leaf.value) for path, leaf in config.below("observability", "metrics", "labels").items()},
        config=config,
    )


class Endpoint:
    """Listens from the moment that it is made until `close`.

    Args:
        runtimes: The apps that are shown.
        settings: Of the listener.

    Raises:
        ConnectionUnavailableError: The address is taken, or none of this machine.
    """

    def __init__(self, runtimes: Sequence[EventFluxAppRuntime], settings: EndpointSettings) -> None:
        self.runtimes = tuple(runtimes)
        self.settings = settings
        self.rates = Rates(time.monotonic)
        self._stopping = threading.Event()
        self._server: Any = None
        self._lock = threading.Lock()  # guards _server
        try:
            family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
            self._socket = socket.create_server((settings.host, settings.port), family=family)
        except OSError as error:
            raise ConnectionUnavailableError(
                f"the metrics endpoint cannot listen on {settings.host}:{settings.port}: {error.strerror or error}",
                hint="choose another port: observability.http.port, --http-port",
            ) from error
        self._thread = threading.Thread(target=self._run, name="eventflux-endpoint", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._socket.getsockname()[1])

    def look(self) -> None:
        """Note the counts of all streams, for their rates."""
        for runtime in self.runtimes:
            self.rates.look(runtime.name, runtime.metrics().streams)

    def close(self) -> None:
        """Listen no more."""
        self._stopping.set()
        with self._lock:
            server = self._server
        if server is not None:
            server.shutdown()
        self._thread.join(5.0)
        self._socket.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._socket, selectors.EVENT_READ)
            last = time.monotonic()
            while not waiting.select(0.2):
                if self._stopping.is_set():
                    return
                if time.monotonic() - last >= STEP_SECONDS:
                    last = time.monotonic()
                    self.look()
        module = importlib.import_module("eventflux.observability.server")
        with self._lock:
            if self._stopping.is_set():
                return
            self._server = module.make_server(self._socket, self)
        try:
            self._server.serve_forever(poll_interval=0.05)
        finally:
            self._server.stop_tails()
