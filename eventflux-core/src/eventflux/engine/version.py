"""The version of the package, as the native module was built with it."""

from __future__ import annotations

from eventflux.engine._native import lib
from eventflux.engine.status import text

__version__ = text(lib.ef_version())
