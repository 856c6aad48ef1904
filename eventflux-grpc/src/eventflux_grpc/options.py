"""Options that source and sink share."""

from __future__ import annotations

from eventflux.extension import ConfigError, Options, TlsConfig


def tls_of(options: Options) -> TlsConfig | None:
    """What the options say of TLS.

    Raises:
        ConfigError: They contradict each other.
    """
    given = [name for name in options.given if name.startswith("tls.") and name != "tls.enabled"]
    if not options.flag("tls.enabled") and (not given or "tls.enabled" in options.given):
        return None
    auth = options.optional_text("tls.client.auth") if "tls.client.auth" in options.values else None
    try:
        return TlsConfig(
            enabled=True,
            cert_file=options.optional_text("tls.cert"),
            key_file=options.optional_text("tls.key"),
            ca_file=options.optional_text("tls.ca"),
            server_name=options.optional_text("tls.server.name") if "tls.server.name" in options.values else None,
            client_auth="required" if auth == "required" else "none",
        )
    except ValueError as error:
        raise ConfigError(f"{error}", key="tls") from error
