"""How the engine of an app is made."""

from __future__ import annotations

from dataclasses import dataclass


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
