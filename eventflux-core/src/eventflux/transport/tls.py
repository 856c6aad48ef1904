"""TLS contexts of a `TlsConfig`, made anew when the files have changed."""

from __future__ import annotations

import logging
import os
import ssl
import threading

from eventflux.extension.kinds.transport import TlsConfig
from eventflux.io.net.tls import client_context, server_context
from eventflux.types.errors import ConfigError

logger = logging.getLogger("eventflux.transport")


class TlsContexts:
    """The context of one side."""

    def __init__(self, tls: TlsConfig, *, is_server: bool) -> None:
        """Make the first one.

        Raises:
            ConfigError: A file can't be used.
        """
        if is_server and tls.cert_file is None:
            raise ConfigError("a TLS server needs a certificate and its key", key="cert_file")
        if not is_server and tls.insecure_skip_verify:
            logger.warning(
                "servers' certificates are not checked (insecure_skip_verify): anybody may be on the other side"
            )
        self._tls = tls
        self._is_server = is_server
        self._paths = [each for each in (tls.cert_file, tls.key_file, tls.ca_file) if each is not None]
        self._lock = threading.Lock()  # guards what stands below
        self._context = self._made()
        self._stamps = self._now()

    def current(self) -> ssl.SSLContext:
        """The context of the files as they are; of those before, if the new ones can't be used."""
        with self._lock:
            try:
                stamps = self._now()
                if stamps != self._stamps:
                    self._context, self._stamps = self._made(), stamps
            except (OSError, ConfigError) as error:
                logger.warning("the certificate stays as it was: %s", error)
            return self._context

    def _now(self) -> list[tuple[int, int]]:
        return [(status.st_mtime_ns, status.st_size) for status in map(os.stat, self._paths)]

    def _made(self) -> ssl.SSLContext:
        tls = self._tls
        if self._is_server:
            return server_context(
                tls.cert_file or "",
                tls.key_file,
                client_authorities=tls.ca_file if tls.client_auth != "none" else None,
                requires_client=tls.client_auth == "required",
            )
        context = client_context(tls.ca_file, tls.cert_file, tls.key_file)
        if tls.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context
