"""How the engine of an app is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from eventflux.extension.nearest import suggestion
from eventflux.types.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Settings of one engine.

    Attributes:
        playback: The clock follows the timestamps of events.
        memory_limit: Most bytes that the engine may hold, 0: no limit.
        slice_rows: Rows that run through the graph together, 0: the engine's own choice.
        depth_first: Never run rows together: the judge of the fast driver, for tests.
        seed: Of hashing, UUID() and RAND().
    """

    playback: bool
    memory_limit: int = 0
    slice_rows: int = 0
    depth_first: bool = False
    seed: int = 0


_KEYS: Final = ("memory_limit", "slice_rows", "depth_first", "seed")


def read_engine_settings(config: Mapping[str, object], *, playback: bool) -> EngineSettings:
    """The settings under `engine` of a configuration tree.

    Raises:
        ConfigError: An unknown key, or a value of the wrong type.
    """
    section = config.get("engine", {})
    if not isinstance(section, Mapping):
        raise ConfigError("'engine' is a section of keys", key="engine", value=section)
    values: dict[str, int] = {}
    for key, value in section.items():
        if key not in _KEYS:
            raise ConfigError(
                f"unknown key 'engine.{key}'", key=f"engine.{key}", value=value, hint=suggestion(str(key), _KEYS)
            )
        wanted = bool if key == "depth_first" else int
        if type(value) is not wanted or value < 0:
            raise ConfigError(
                f"'engine.{key}' must be {'true or false' if wanted is bool else 'a whole number, 0 or more'}",
                key=f"engine.{key}",
                value=value,
            )
        values[key] = value
    return EngineSettings(
        playback=playback,
        memory_limit=values.get("memory_limit", 0),
        slice_rows=values.get("slice_rows", 0),
        depth_first=bool(values.get("depth_first", False)),
        seed=values.get("seed", 0),
    )
