"""`python -m eventflux_cli`."""

import sys

from eventflux_cli.main import main

sys.exit(main())
