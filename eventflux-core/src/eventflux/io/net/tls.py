"""TLS contexts from options, with errors that name the file."""

from __future__ import annotations

import ssl

from eventflux.types.errors import ConfigError


def server_context(
    certificate: str, key: str | None, *, client_authorities: str | None = None, requires_client: bool = False
) -> ssl.SSLContext:
    """A context for a server: TLS 1.2 at least.

    Args:
        certificate: PEM file of the server's chain.
        key: PEM file of its key; None: it stands with the certificate.
        client_authorities: PEM file of those who sign clients' certificates; None: clients show none.
        requires_client: A client without a certificate is refused.

    Raises:
        ConfigError: A file can't be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load_chain(context, certificate, key)
    if client_authorities is not None:
        _load_authorities(context, client_authorities)
        context.verify_mode = ssl.CERT_REQUIRED if requires_client else ssl.CERT_OPTIONAL
    return context


def client_context(authorities: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """A context for a client, which checks the server's certificate and name: TLS 1.2 at least.

    Args:
        authorities: PEM file of those who sign servers' certificates; None: those of the system.
        certificate: PEM file that the client shows; None: none.
        key: PEM file of its key.

    Raises:
        ConfigError: A file can't be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authorities is not None:
        _load_authorities(context, authorities)
    if certificate is not None:
        _load_chain(context, certificate, key)
    return context


def _load_chain(context: ssl.SSLContext, certificate: str, key: str | None) -> None:
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"certificate {certificate!r} can't be used: {error.strerror or error}", key="tls.cert", value=certificate
        ) from error


def _load_authorities(context: ssl.SSLContext, authorities: str) -> None:
    try:
        context.load_verify_locations(authorities)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"authorities {authorities!r} can't be used: {error.strerror or error}", key="tls.ca", value=authorities
        ) from error
