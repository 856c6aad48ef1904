"""The built-in distribution strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.kinds.distribution_strategy import DistributionStrategy
from eventflux.extension.nearest import nearest
from eventflux.io.java_text import java_hash
from eventflux.types.attribute_type import AttributeType
from eventflux.types.errors import ConfigError
from eventflux.types.schema import Schema


class RoundRobin(DistributionStrategy):
    """Each destination in turn; those that are down are passed over."""

    def configure(self, settings: Mapping[str, str], destinations: int, schema: Schema) -> None:
        self._next = 0

    def choose(self, key: str, available: Sequence[bool]) -> Sequence[int]:
        for step in range(len(available)):
            index = (self._next + step) % len(available)
            if available[index]:
                self._next = index + 1
                return (index,)
        return ()


class Broadcast(DistributionStrategy):
    """Every destination that is up."""

    def configure(self, settings: Mapping[str, str], destinations: int, schema: Schema) -> None:
        """There is nothing to take."""

    def choose(self, key: str, available: Sequence[bool]) -> Sequence[int]:
        return [index for index, is_up in enumerate(available) if is_up]


class Partitioned(DistributionStrategy):
    """The destination that the key's hash names, always the same one; while it is down the events fail."""

    def configure(self, settings: Mapping[str, str], destinations: int, schema: Schema) -> None:
        key = settings.get("partitionKey")
        if key is None or key not in schema:
            best = None if key is None else nearest(key, schema.names)
            raise ConfigError(
                "a partitioned distribution needs 'partitionKey'"
                if key is None
                else f"partitionKey {key!r} is no attribute of the stream",
                key="partitionKey",
                value=key,
                hint=f"did you mean {best!r}?" if best is not None else f"attributes: {schema}",
            )
        self._key = key

    @property
    def key_attribute(self) -> str | None:
        return self._key

    def choose(self, key: str, available: Sequence[bool]) -> Sequence[int]:
        index = abs(java_hash(key)) % len(available)
        return (index,) if available[index] else ()


def _strategy(
    name: str, factory: type[DistributionStrategy], description: str, parameters: tuple[Parameter, ...] = ()
) -> Extension:
    settings = "".join(f", {parameter.name}='k'" for parameter in parameters)
    return Extension(
        name=name,
        kind=ExtensionKind.DISTRIBUTION_STRATEGY,
        description=description,
        factory=factory,
        parameters=parameters,
        examples=(
            Example(
                f"@sink(type='inMemory', @distribution(strategy='{name}'{settings}, @destination(topic='a'), "
                "@destination(topic='b'))) define stream O (k string);",
                description,
            ),
        ),
    )


STRATEGIES: Final = (
    _strategy("roundRobin", RoundRobin, "Each destination in turn; those that are down are passed over."),
    _strategy("broadcast", Broadcast, "Every destination that is up."),
    _strategy(
        "partitioned",
        Partitioned,
        "The same destination for the same key, by its hash.",
        (Parameter("partitionKey", (AttributeType.STRING,), "The attribute whose hash chooses."),),
    ),
)
