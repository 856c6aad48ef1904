"""HTTP/1.1 requests and responses as bytes, read strictly: what two readers could read differently is refused."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import field
from http import HTTPStatus
from typing import Final

from eventflux.io.net.socket_reader import SocketReader, TooLongError
from eventflux.types.record import record

HEAD_LIMIT: Final = 32_768
_CHUNK_LINE_LIMIT: Final = 1024
_GZIP: Final = 31  # zlib's window bits for gzip with the largest window
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - a grammar rule
_REQUEST_LINE: Final = re.compile(rf"({_TOKEN}) ([!-~]+) HTTP/1\.([01])")
_FIELD_LINE: Final = re.compile(rf"({_TOKEN}):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_SIZE: Final = re.compile(r"[0-9]{1,18}")
_CHUNK_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?\r\n")


class HttpProblem(Exception):  # noqa: N818 - it is an answer, not only an error
    """A request that is answered with a status instead of being handled; the connection is closed behind it."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})

    @property
    def response(self) -> HttpResponse:
        """The answer."""
        return text_response(self.status, self.text, self.headers)


@record(frozen=True, slots=True, kw_only=True)
class RequestHead:
    """What stands before the body; names of headers in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    is_old: bool = False

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection may be used again."""
        connection = {each.strip().lower() for each in self.headers.get("connection", "").split(",")}
        return "keep-alive" in connection if self.is_old else "close" not in connection

    @property
    def content_length(self) -> int | None:
        """The length of the body; None: it comes in chunks."""
        if "transfer-encoding" in self.headers:
            return None
        return int(self.headers.get("content-length", "0"))


@record(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """One whole request."""

    head: RequestHead
    body: bytes
    peer: str = ""

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case."""
        return self.head.headers.get("content-type", "").partition(";")[0].strip().lower()


@record(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encode(self, *, keeps_alive: bool, without_body: bool = False) -> bytes:
        """The bytes on the wire."""
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if not keeps_alive:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        return head if without_body else head + self.body


def text_response(status: int, text: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An answer with a line of text."""
    return HttpResponse(
        status=status,
        body=f"{text}\n".encode() if text else b"",
        headers={"Content-Type": "text/plain; charset=utf-8", **(headers or {})} if text else dict(headers or {}),
    )


def read_head(reader: SocketReader, deadline: float) -> RequestHead:
    """The head of the next request.

    Raises:
        HttpProblem: It isn't one.
        ConnectionEndedError: The connection ends within it.
    """
    try:
        data = reader.until(b"\r\n\r\n", HEAD_LIMIT, deadline)
    except TooLongError as error:
        raise HttpProblem(431, f"the head is longer than {HEAD_LIMIT} bytes") from error
    return parse_head(data)


def parse_head(data: bytes) -> RequestHead:
    """The head of a request, with the empty line behind it.

    Raises:
        HttpProblem: It isn't one.
    """
    lines = data[:-4].decode("latin-1").split("\r\n")
    first = _REQUEST_LINE.fullmatch(lines[0])
    if first is None:
        if re.fullmatch(rf"{_TOKEN} [!-~]+ HTTP/[0-9.]+", lines[0]):
            raise HttpProblem(505, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        raise HttpProblem(400, "the request line is malformed")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        matched = _FIELD_LINE.fullmatch(line)
        if matched is None:
            raise HttpProblem(400, "a header is malformed")
        name, value = matched.group(1).lower(), matched.group(2).rstrip(" \t")
        if name not in headers:
            headers[name] = value
        elif name == "host" or (name == "content-length" and headers[name] != value):
            raise HttpProblem(400, f"header {name} is given twice")
        elif name != "content-length":
            headers[name] = f"{headers[name]}, {value}"
    _check_framing(headers)
    target, _, query = first.group(2).partition("?")
    if target.lower().startswith(("http://", "https://")):
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    return RequestHead(method=first.group(1), path=target, query=query, headers=headers, is_old=first.group(3) == "0")


def read_body(reader: SocketReader, head: RequestHead, limit: int, deadline: float) -> bytes:
    """The body of a request, of at most so many bytes, decompressed.

    Raises:
        HttpProblem: It is too long or malformed.
        ConnectionEndedError: The connection ends within it.
    """
    length = head.content_length
    if length is None:
        body = _read_chunks(reader, limit, deadline)
    elif length > limit:
        raise _too_long(limit)
    else:
        body = reader.exactly(length, deadline) if length else b""
    match head.headers.get("content-encoding", "identity").lower():
        case "identity":
            return body
        case "gzip" | "x-gzip":
            return _unzipped(body, limit)
        case other:
            raise HttpProblem(415, f"content encoding {other!r} is not known here", {"Accept-Encoding": "gzip"})


def _check_framing(headers: Mapping[str, str]) -> None:
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if "content-length" in headers:
            raise HttpProblem(400, "a body can't have both a length and chunks")
        if coding.lower() != "chunked":
            raise HttpProblem(501, f"transfer coding {coding!r} is not known here")
    elif _SIZE.fullmatch(headers.get("content-length", "0")) is None:
        raise HttpProblem(400, "the content length is malformed")


def _read_chunks(reader: SocketReader, limit: int, deadline: float) -> bytes:
    body = bytearray()
    try:
        while True:
            line = _CHUNK_SIZE.fullmatch(reader.until(b"\r\n", _CHUNK_LINE_LIMIT, deadline))
            if line is None:
                raise HttpProblem(400, "the size of a chunk is malformed")
            size = int(line.group(1), 16)
            if size == 0:
                break
            if len(body) + size > limit:
                raise _too_long(limit)
            body += reader.exactly(size, deadline)
            if reader.exactly(2, deadline) != b"\r\n":
                raise HttpProblem(400, "a chunk has no end")
        trailer = 0
        while (line_bytes := reader.until(b"\r\n", _CHUNK_LINE_LIMIT, deadline)) != b"\r\n":
            trailer += len(line_bytes)
            if trailer > HEAD_LIMIT:
                raise HttpProblem(431, "the trailer is too long")
    except TooLongError as error:
        raise HttpProblem(400, "the size of a chunk is malformed") from error
    return bytes(body)


def _unzipped(body: bytes, limit: int) -> bytes:
    try:
        member = zlib.decompressobj(_GZIP)
        plain = member.decompress(body, limit + 1)
    except zlib.error as error:
        raise HttpProblem(400, "the body is not gzip") from error
    if len(plain) > limit:
        raise _too_long(limit)
    if not member.eof:
        raise HttpProblem(400, "the gzip body ends too early")
    return plain


def _too_long(limit: int) -> HttpProblem:
    return HttpProblem(413, f"the body is longer than {limit} bytes")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"
