"""Services other than ours: one method of a ``.proto`` file, whose messages the format (protobuf) reads and writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eventflux.extension import ConfigError

_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PACKAGE: Final = re.compile(r"\bpackage\s+([\w.]+)\s*;")
_SERVICE: Final = re.compile(r"\bservice\s+(\w+)\s*\{")
_RPC: Final = re.compile(r"\brpc\s+(\w+)\s*\(\s*(stream\s+)?[\w.]+\s*\)\s*returns\s*\(\s*(stream\s+)?[\w.]+\s*\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of a service.

    Attributes:
        service: Full name, with the package.
        name: Of the method.
        takes_stream: Whether a call takes any number of messages.
        gives_stream: Whether it gives any number.
    """

    service: str
    name: str
    takes_stream: bool = False
    gives_stream: bool = False

    @property
    def path(self) -> str:
        """As it stands in the request."""
        return f"/{self.service}/{self.name}"


def method_of(text: str, proto: str | None) -> Method:
    """The method ``package.Service/Method``, as the file declares it; without a file it takes and gives one message.

    Raises:
        ConfigError: The text is not like that, the file can't be read, or declares no such method.
    """
    service, slash, name = text.strip("/").rpartition("/")
    if not slash or not service or not name:
        raise ConfigError(f"{text!r} is not package.Service/Method", key="method", value=text)
    if proto is None:
        return Method(service=service, name=name)
    try:
        source = _COMMENT.sub("", Path(proto).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{proto!r} can't be read: {error}", key="proto", value=proto) from error
    declared = {(each.service, each.name): each for each in _methods(source)}
    try:
        return declared[service, name]
    except KeyError as error:
        known = ", ".join(f"{service}/{name}" for service, name in declared) or "nothing"
        raise ConfigError(
            f"{proto!r} declares no method {service}/{name}", key="method", value=text, hint=f"it declares {known}"
        ) from error


def _methods(source: str) -> list[Method]:
    package = _PACKAGE.search(source)
    prefix = "" if package is None else f"{package[1]}."
    found: list[Method] = []
    services = list(_SERVICE.finditer(source))
    for index, service in enumerate(services):
        end = services[index + 1].start() if index + 1 < len(services) else len(source)
        found += [
            Method(
                service=prefix + service[1],
                name=rpc[1],
                takes_stream=rpc[2] is not None,
                gives_stream=rpc[3] is not None,
            )
            for rpc in _RPC.finditer(source, service.end(), end)
        ]
    return found
