"""What stands around the app of the soak: senders that come and go, a receiver that is slow, refuses, and goes away.

Every sender keeps the numbers that the app has accepted; the receiver keeps what it has acknowledged.
"""

import contextlib
import http.client
import http.server
import json
import random
import socket
import struct
import threading
import time
from pathlib import Path

import msgpack

MALFORMED = (b'{"peer": "x", "n": ', b"\xff\xfe\x00", b'{"peer": 1, "n": "many"}', b"[1]", b'{"peer": "x", "n": 1e40}')


class Peer:
    """A thread that does something until it is stopped; its failure is the test's."""

    def __init__(self, seed):
        self.choose = random.Random(seed)
        self.stopping = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self._main)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        self.thread.join(30)
        assert not self.thread.is_alive(), f"{type(self).__name__} hangs"

    def _main(self):
        try:
            self.run()
        except BaseException as error:
            self.failure = error
            raise


class Sender(Peer):
    """Sends rows ``{"peer": name, "n": 0, 1, …}``, and now and then what is none."""

    def __init__(self, name, seed):
        super().__init__(seed)
        self.name = name
        self.next = 0
        self.accepted = []  # numbers
        self.malformed = 0  # payloads that were accepted, and then were none

    def rows(self):
        first, self.next = self.next, self.next + self.choose.randrange(1, 40)
        return range(first, self.next)

    def encoded(self, n):
        return json.dumps({"peer": self.name, "n": n}).encode()


class WebSender(Sender):
    """Requests, on connections that are kept, closed, or left in the middle."""

    def __init__(self, name, port, seed):
        super().__init__(name, seed)
        self._port = port

    def run(self):
        while not self.stopping.is_set():
            with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
                for _ in range(self.choose.randrange(1, 20)):
                    if self.stopping.wait(0.02):
                        return
                    if not self._request(connection):
                        break
            if self.choose.random() < 0.2:
                self._leave_in_the_middle()

    def _request(self, connection):
        is_bad = self.choose.random() < 0.1
        numbers = self.rows()
        body = self.choose.choice(MALFORMED) if is_bad else b"[" + b",".join(map(self.encoded, numbers)) + b"]"
        try:
            connection.request("POST", "/in", body)
            answer = connection.getresponse()
            answer.read()
        except OSError:  # nothing was promised
            return False
        if answer.status == 200:
            if is_bad:
                self.malformed += 1
            else:
                self.accepted += numbers
        return True

    def _leave_in_the_middle(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 10) as half:
            half.sendall(b'POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"peer":')


class WireSender(Sender):
    """Messages of the TCP transport, each acknowledged; connections end after some, properly or within a message."""

    def __init__(self, name, port, seed):
        super().__init__(name, seed)
        self._port = port

    def run(self):
        while not self.stopping.wait(0.05):
            try:
                with socket.create_connection(("127.0.0.1", self._port), 30) as connection:
                    connection.sendall(_frame(4, b"", {"hello": "1", "ack": "true"}))
                    _read_frame(connection)
                    for _ in range(self.choose.randrange(1, 30)):
                        if self.stopping.wait(0.02):
                            return
                        self._message(connection)
                    if self.choose.random() < 0.3:
                        connection.sendall(_frame(1, b"cut off", {"payloads": "1", "delimiter": "\n"})[:-3])
            except OSError:
                continue

    def _message(self, connection):
        numbers = self.rows()
        lines = [self.encoded(n) for n in numbers]
        bad = self.choose.random() < 0.1
        if bad:
            lines.insert(self.choose.randrange(len(lines) + 1), MALFORMED[0])
        payload = b"".join(line + b"\n" for line in lines)
        connection.sendall(_frame(1, payload, {"payloads": str(len(lines)), "delimiter": "\n"}))
        answer = _read_frame(connection)
        assert answer["message_type"] == 8, answer
        self.accepted += numbers
        self.malformed += bad


class LineSender(Sender):
    """Lines of a file that is rotated: what is written is accepted."""

    def __init__(self, name, path: Path, seed):
        super().__init__(name, seed)
        self._path = path

    def run(self):
        while not self.stopping.is_set():
            with self._path.open("ab", buffering=0) as file:
                for _ in range(self.choose.randrange(20, 100)):
                    if self.stopping.wait(0.05):
                        return
                    numbers = self.rows()
                    bad = self.choose.random() < 0.05
                    lines = [*map(self.encoded, numbers), *([MALFORMED[0]] if bad else [])]
                    whole = b"".join(line + b"\n" for line in lines)
                    cut = self.choose.randrange(len(whole))
                    file.write(whole[:cut])
                    file.write(whole[cut:])
                    self.accepted += numbers
                    self.malformed += bad
            if self.stopping.wait(1.5):  # `tail -F` has seen the end of this one
                return
            self._path.rename(self._path.with_suffix(f".{self.next}"))
            self._path.touch()


class Receiver(Peer):
    """An HTTP server that takes arrays of rows: slowly, not always, and not all the time."""

    def __init__(self, port, seed):
        super().__init__(seed)
        self._port = port
        self.taken = set()
        self.requests = self.refused = self.outages = 0

    def run(self):
        while not self.stopping.is_set():
            with http.server.ThreadingHTTPServer(("127.0.0.1", self._port), self._handler()) as server:
                server.daemon_threads = True
                serving = threading.Thread(target=server.serve_forever, args=(0.05,))
                serving.start()
                self.stopping.wait(self.choose.uniform(2, 6))
                server.shutdown()
                serving.join()
            self.outages += 1
            self.stopping.wait(self.choose.uniform(0.2, 1.5))

    def take_the_rest(self, condition, seconds):
        """Be there all the time, until a condition holds."""
        self.stop()
        with http.server.ThreadingHTTPServer(("127.0.0.1", self._port), self._handler(is_good=True)) as server:
            serving = threading.Thread(target=server.serve_forever, args=(0.05,))
            serving.start()
            until = time.monotonic() + seconds
            while not condition() and time.monotonic() < until:
                time.sleep(0.1)
            server.shutdown()
            serving.join()

    def _handler(self, is_good=False):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests += 1
                if not is_good:
                    time.sleep(receiver.choose.uniform(0, 0.05))
                    if receiver.choose.random() < 0.1:
                        receiver.refused += 1
                        self.send_response(receiver.choose.choice([429, 500, 503]))
                        self.send_header("Content-Length", "0")
                        self.end_headers()
                        return
                found = json.loads(body)
                receiver.taken.update(
                    (row["peer"], row["n"]) for row in (found if isinstance(found, list) else [found])
                )
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        return Handler


def _frame(kind, payload, headers):
    message = {
        "id": "1", "payload": payload, "headers": headers, "message_type": kind, "timestamp": 0, "source_node": "",
        "target_node": "", "priority": 5, "compression": 0,
    }  # fmt: skip
    packed = msgpack.packb(message)
    return struct.pack(">I", len(packed)) + packed


def _read_frame(connection):
    def exactly(count):
        found = b""
        while len(found) < count:
            part = connection.recv(count - len(found))
            if not part:
                raise ConnectionError("closed")
            found += part
        return found

    return msgpack.unpackb(exactly(struct.unpack(">I", exactly(4))[0]))
