"""Where servers are: ``grpc://host:port``, several of them separated by commas, names with several addresses."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Final

from eventflux.extension import ConfigError

SCHEME: Final = "grpc://"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def endpoints_of(text: str) -> tuple[Endpoint, ...]:
    """The servers that a text such as ``grpc://a:1,b:2`` names; the scheme may be left out.

    Raises:
        ConfigError: It names none, or not like that.
    """
    found = tuple(_endpoint(each.strip(), text) for each in text.removeprefix(SCHEME).split(","))
    if len(set(found)) != len(found):
        raise ConfigError(f"{text!r} names a server twice", key="url", value=text)
    return found


def addresses_of(endpoint: Endpoint) -> tuple[Endpoint, ...]:
    """The addresses of a name that has several; else the endpoint itself, for gRPC to resolve when it connects."""
    try:
        resolved = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError:
        return (endpoint,)
    # localhost and the like are one server at two addresses: only addresses of one family are servers of their own
    family = resolved[0][0]
    found = tuple(dict.fromkeys(Endpoint(str(each[4][0]), endpoint.port) for each in resolved if each[0] == family))
    return found if len(found) > 1 else (endpoint,)


def _endpoint(text: str, whole: str) -> Endpoint:
    host, colon, port = text.rpartition(":")
    if not colon or not host.strip("[]") or not port.isdecimal() or not 0 <= int(port) <= 65535 or "/" in text:
        raise ConfigError(f"{whole!r} is not grpc://host:port", key="url", value=whole)
    return Endpoint(host.strip("[]"), int(port))
