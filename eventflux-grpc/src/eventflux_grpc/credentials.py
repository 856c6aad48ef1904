"""TLS of gRPC's own library. Files are read when a connection is made, so that new ones are taken without a restart."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import grpc

from eventflux.extension import ConfigError, TlsConfig

logger = logging.getLogger("eventflux.grpc")


def server_credentials(tls: TlsConfig) -> grpc.ServerCredentials:
    """For a port.

    Raises:
        ConfigError: A file can't be read, or something is wanted that gRPC's library does not do.
    """
    if tls.cert_file is None or tls.key_file is None:
        raise ConfigError("a TLS server needs a certificate and its key", key="tls.cert")
    if tls.client_auth == "optional":
        raise ConfigError("a gRPC server asks clients for certificates always or never", key="tls.client.auth")
    files = _ServerFiles(tls)
    return grpc.dynamic_ssl_server_credentials(
        files.configuration(),
        files.changed,  # type: ignore[arg-type] # None: no change
        require_client_authentication=tls.client_auth == "required",
    )


def channel_credentials(tls: TlsConfig) -> grpc.ChannelCredentials:
    """For a client.

    Raises:
        ConfigError: A file can't be read, or something is wanted that gRPC's library does not do.
    """
    if tls.insecure_skip_verify:
        raise ConfigError(
            "a gRPC client always checks the server's certificate",
            key="insecure_skip_verify",
            hint="give the server's certificate as ca_file, and its name as server_name",
        )
    return grpc.ssl_channel_credentials(
        root_certificates=None if tls.ca_file is None else read_file(tls.ca_file, "tls.ca"),
        private_key=None if tls.key_file is None else read_file(tls.key_file, "tls.key"),
        certificate_chain=None if tls.cert_file is None else read_file(tls.cert_file, "tls.cert"),
    )


def read_file(path: str, key: str) -> bytes:
    """The bytes of a PEM file.

    Raises:
        ConfigError: It can't be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{key} {path!r} can't be read: {error.strerror}", key=key, value=path) from error


class _ServerFiles:
    """The files of a server, and whether they have changed since they were read."""

    def __init__(self, tls: TlsConfig) -> None:
        self._tls = tls
        self._paths = [each for each in (tls.cert_file, tls.key_file, tls.ca_file) if each is not None]
        self._stamps = self._now()

    def configuration(self) -> grpc.ServerCertificateConfiguration:
        tls = self._tls
        pair = (read_file(tls.key_file or "", "tls.key"), read_file(tls.cert_file or "", "tls.cert"))
        roots = None if tls.ca_file is None else read_file(tls.ca_file, "tls.ca")
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=roots)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What to use from now on; called at each handshake. None: what there is."""
        try:
            stamps = self._now()
            if stamps == self._stamps:
                return None
            made = self.configuration()
        except (OSError, ConfigError) as error:
            logger.warning("the certificate stays as it was: %s", error)
            return None
        self._stamps = stamps
        return made

    def _now(self) -> list[tuple[int, int]]:
        return [(status.st_mtime_ns, status.st_size) for status in map(os.stat, self._paths)]
