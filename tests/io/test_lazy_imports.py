"""What connectors and formats stand on is imported when one is used, not before."""

import subprocess
import sys

CODE = """
import sys
from eventflux import EventFluxManager
with EventFluxManager(plugins=False) as manager:
    manager.create_eventflux_app_runtime("CREATE STREAM S (a INT);")
heavy = "http.client ssl websockets fastavro google.protobuf xml.etree.ElementTree zstandard lz4 cramjam".split()
print([name for name in heavy if name in sys.modules])
"""


def test_an_app_without_connectors_imports_none_of_them():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
