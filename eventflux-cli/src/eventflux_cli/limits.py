"""The memory that a container may use."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from eventflux import Config, load_config
from eventflux.configuration.check import is_given

_LIMIT_FILES: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_SHARE: Final = 0.8
# Without a limit the older interface shows a number near 2**63.
_UNLIMITED: Final = 1 << 60


def container_memory(files: tuple[str, ...] = _LIMIT_FILES) -> int | None:
    """Bytes that the control group allows, or None: no limit."""
    for name in files:
        try:
            text = Path(name).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text.isdecimal() and int(text) < _UNLIMITED:
            return int(text)
    return None


def with_memory_limit(config: Config) -> Config:
    """The configuration with a limit of four fifths of the container's memory, where it says none."""
    if is_given(config, "runtime.memory_limit") or is_given(config, "engine.memory_limit"):
        return config
    allowed = container_memory()
    if allowed is None:
        return config
    return config.over(load_config(overrides=[f"runtime.memory_limit={int(allowed * _SHARE)}"], environ={}))
