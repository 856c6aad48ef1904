"""How the engine of an app is made."""

from __future__ import annotations

from eventflux.configuration.check import flag, integer
from eventflux.configuration.tree import Config
from eventflux.types.record import record


@record(frozen=True, slots=True, kw_only=True)
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


def read_engine_settings(config: Config, *, playback: bool) -> EngineSettings:
    """The settings under `engine` and `runtime` of a configuration."""
    limit = integer(config, "runtime.memory_limit")
    return EngineSettings(
        playback=playback,
        memory_limit=limit if limit is not None else integer(config, "engine.memory_limit") or 0,
        slice_rows=integer(config, "engine.slice_rows") or 0,
        depth_first=flag(config, "engine.depth_first"),
        seed=integer(config, "engine.seed") or 0,
    )
