"""Runs the webhook app between a sender and a receiver: `python run.py [app.sql | app.eventfluxql]`."""

import http.client
import json
import logging
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from eventflux import EventFluxManager

ORDERS = [
    [{"id": 1, "customer": "ada", "total": 99.5}, {"id": 2, "customer": "grace", "total": 120.0}],
    {"id": 3, "customer": "ada", "total": 700.0},
    {"id": "four", "customer": "mallory", "total": 1e9},
]


class Receiver(BaseHTTPRequestHandler):
    """Prints what the app's sink sends."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print("large:", self.headers["X-Customer"], body.decode())
        self.answer()

    def answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing else."""


def main(app: Path) -> None:
    logging.basicConfig(level=logging.ERROR)  # the order that is refused would be logged as a warning
    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    places = {"ORDERS_PORT": "0", "LARGE_URL": f"http://127.0.0.1:{receiver.server_port}/large"}
    with EventFluxManager() as manager:
        runtime = manager.create_eventflux_app_runtime(app, variables=places)
        with runtime:
            sender = http.client.HTTPConnection("127.0.0.1", runtime.sources[0].source.port)
            for order in ORDERS:
                sender.request("POST", "/orders", json.dumps(order))
                answer = sender.getresponse()
                answer.read()
                print("answer:", answer.status)
            sender.close()
        print("refused:", runtime.metrics().connectors["source/Orders/http/0"].failed)
    receiver.shutdown()
    receiver.server_close()


if __name__ == "__main__":
    main(Path(__file__).parent / (sys.argv[1] if len(sys.argv) > 1 else "app.sql"))
