"""Options that source and sink share."""

from __future__ import annotations

from typing import Final

from eventflux.extension import ConfigError, Options, Parameter, TlsConfig

MOST_BYTES: Final = Parameter(
    "max.message.bytes", ("LONG",), "The largest message.", default=52_428_800, minimum=1024, unit="bytes"
)
SERVICE: Final = Parameter(
    "service", ("STRING",), "The full name of the service.", default="eventflux.transport.Transport"
)
PROTO: Final = Parameter("proto", ("STRING",), "The file that declares the method.", optional=True)
METHOD: Final = Parameter(
    "method",
    ("STRING",),
    "package.Service/Method: another service than ours; each message is one payload of the format.",
    optional=True,
)
TLS: Final = (
    Parameter("tls.enabled", ("BOOL",), "TLS; any other option of tls implies it.", default=False),
    Parameter("tls.cert", ("STRING",), "PEM file of the own certificate.", optional=True),
    Parameter("tls.key", ("STRING",), "PEM file of its key.", optional=True),
    Parameter("tls.ca", ("STRING",), "PEM file of the authorities that sign the other side's.", optional=True),
)
CLIENT_AUTH: Final = Parameter(
    "tls.client.auth",
    ("STRING",),
    "Whether clients must show a certificate signed by tls.ca.",
    default="none",
    choices=("none", "required"),
)
SERVER_NAME: Final = Parameter(
    "tls.server.name",
    ("STRING",),
    "The name in the server's certificate, where it is not that of the url.",
    optional=True,
)


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
