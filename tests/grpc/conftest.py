"""Apps that talk over gRPC. Where the package is not installed, only that is reported."""

from importlib.util import find_spec
from pathlib import Path

if any(find_spec(name) is None for name in ("eventflux_grpc", "grpc")):
    collect_ignore = [file.name for file in Path(__file__).parent.glob("test_*.py") if file.stem != "test_installed"]
