"""Real peers: a client over a socket, and a server that answers as it is told."""

import http.client
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from eventflux import EventFluxManager


@dataclass
class Received:
    method: str
    path: str
    headers: dict
    body: bytes


@dataclass
class Server:
    """An HTTP server; `answers` are given in turn, then 200 for ever."""

    port: int
    requests: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    default: tuple = (200, {}, b"")
    probes: list = field(default_factory=list)
    delay: threading.Event | None = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def bodies(self):
        return [request.body for request in self.requests]


def _handler(server):
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.command, self.path, headers, body)
            if self.command in {"HEAD", "OPTIONS"}:
                server.probes.append(received)
                status, more, answer = 200, {}, b""
            else:
                with lock:
                    server.requests.append(received)
                    status, more, answer = server.answers.pop(0) if server.answers else server.default
            if status == "close":
                self.close_connection = True
                return
            if server.delay is not None:
                server.delay.wait(20)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any  # noqa: N815

        def log_message(self, *args):
            pass

    return Handler


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass


@pytest.fixture
def start_server():
    """Starts servers; they can be stopped and started again at their port."""
    running = {}

    def start(port=0, state=None):
        server = state or Server(0)
        listener = _QuietServer(("127.0.0.1", port), _handler(server))
        server.port = listener.server_address[1]
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running[id(server)] = listener, thread
        return server

    def stop(server):
        listener, thread = running.pop(id(server))
        listener.shutdown()
        thread.join(5)
        listener.server_close()

    start.stop = stop
    yield start
    for listener, thread in running.values():
        listener.shutdown()
        thread.join(5)
        listener.server_close()


@pytest.fixture
def server(start_server):
    return start_server()


@pytest.fixture
def manager():
    with EventFluxManager(plugins=False) as made:
        yield made


class Client:
    """Requests over one connection."""

    def __init__(self, port, **more):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20, **more)

    def request(self, method="POST", path="/", body=b"", headers=None):
        self.connection.request(method, path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}

    def post(self, value, path="/", **headers):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return self.request("POST", path, body, {name.replace("_", "-"): text for name, text in headers.items()})


@pytest.fixture
def client():
    made = []

    def connect(port):
        made.append(Client(port))
        return made[-1]

    yield connect
    for each in made:
        each.connection.close()
