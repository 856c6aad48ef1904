"""What the entry point names: the library beside it."""

from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

EVENTFLUX_API = (1, 0)

_HERE = Path(__file__).resolve().parent
EVENTFLUX_LIBRARIES = tuple(
    path for suffix in EXTENSION_SUFFIXES if (path := _HERE / f"_native{suffix}").is_file()
)[:1]
