"""`python -m eventflux`: the command line, where eventflux-cli is installed."""

import sys
from importlib import import_module


def main() -> int:
    """The exit code."""
    try:
        command_line = import_module("eventflux_cli.main")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("eventflux_cli"):
            raise
        sys.stderr.write("python -m eventflux needs the command line: pip install eventflux-cli\n")
        return 2
    return int(command_line.main())


if __name__ == "__main__":
    sys.exit(main())
