"""What the HTTP connectors say about themselves; the code behind is imported when one is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from eventflux.extension.declaration import Example, Extension, Parameter
from eventflux.extension.extension_kind import ExtensionKind
from eventflux.extension.lazy import LazyFactory
from eventflux.types.attribute_type import AttributeType

_TEXT: Final = (AttributeType.STRING,)
_INT: Final = (AttributeType.INT,)
_LONG: Final = (AttributeType.LONG,)
_BOOL: Final = (AttributeType.BOOL,)
_DOUBLE: Final = (AttributeType.DOUBLE,)

_PORT: Final = Parameter(
    "port",
    _INT,
    "Webhook, required there: where to listen; 0: a port that is free.",
    optional=True,
    minimum=0,
    maximum=65535,
)
_HOST: Final = Parameter("host", _TEXT, "Webhook: address to listen at.", default="0.0.0.0")  # noqa: S104 - the documented default
_PATH: Final = Parameter("path", _TEXT, "Webhook: the path; each source of a port has its own.", default="/")
_AUTH_HEADER: Final = Parameter("auth.header", _TEXT, "Webhook: the header that must hold the token.", optional=True)
_AUTH_TOKEN: Final = Parameter("auth.token", _TEXT, "Webhook: its value.", optional=True, secret=True)
_MOST_REQUESTS: Final = Parameter(
    "max.concurrent.requests",
    _INT,
    "Webhook: requests at a time; one more is answered with 503.",
    default=256,
    minimum=1,
)
_READ_TIMEOUT: Final = Parameter(
    "read.timeout.ms",
    _LONG,
    "Webhook: within which a body must have come; else 408.",
    default=30_000,
    unit="ms",
    minimum=1,
)
_SERVER_TLS: Final = (
    Parameter("tls.cert", _TEXT, "PEM file of the certificate; a poll shows it to the server.", optional=True),
    Parameter("tls.key", _TEXT, "PEM file of its key.", optional=True),
)
_CA: Final = Parameter("tls.ca", _TEXT, "PEM file of the authorities to trust, instead of the system's.", optional=True)
_MAX_BODY: Final = Parameter(
    "max.body.bytes",
    _LONG,
    "The longest body; webhook: a longer one is answered with 413.",
    optional=True,
    unit="bytes",
    minimum=1,
)

HTTP_SOURCE: Final = Extension(
    name="http",
    kind=ExtensionKind.SOURCE,
    description="Requests that come in (webhook), or answers of a URL that is asked every so often (poll).",
    factory=LazyFactory("eventflux.io.http.source", "HttpSource"),
    parameters=(
        Parameter("mode", _TEXT, "Wait for requests, or ask.", choices=("webhook", "poll")),
        _PORT,
        _HOST,
        _PATH,
        Parameter(
            "method",
            _TEXT,
            "Webhook: the method that is taken, POST if not given; poll: the one to ask with, GET.",
            optional=True,
            choices=("GET", "POST", "PUT", "PATCH", "DELETE"),
        ),
        _AUTH_HEADER,
        _AUTH_TOKEN,
        _MOST_REQUESTS,
        _MAX_BODY,
        _READ_TIMEOUT,
        Parameter("url", _TEXT, "Poll, required there: what to ask.", optional=True),
        Parameter("poll.interval.ms", _LONG, "Poll: how often.", default=5000, unit="ms", minimum=1),
        Parameter("headers.", _TEXT, "Poll: a header of the question.", optional=True, is_prefix=True, secret=True),
        Parameter(
            "timeout.ms", _LONG, "Poll: within which the answer must have come.", default=30_000, unit="ms", minimum=1
        ),
        *_SERVER_TLS,
        _CA,
    ),
    examples=(
        Example(
            "CREATE STREAM Orders (id BIGINT, total DOUBLE) WITH ('type' = 'source', 'extension' = 'http', "
            "'http.mode' = 'webhook', 'http.port' = '8080', 'http.path' = '/orders', 'format' = 'json');",
            "A webhook: POST an object, or a list of them, to http://localhost:8080/orders.",
        ),
        Example(
            "@source(type='http', mode='poll', url='http://localhost:8080/rates', poll.interval.ms='1 sec', "
            "@map(type='json')) define stream Rates (currency string, rate double);",
            "A URL that is asked once a second.",
        ),
    ),
)

HTTP_SINK: Final = Extension(
    name="http",
    kind=ExtensionKind.SINK,
    description="A request an event, tried again where that may help.",
    factory=LazyFactory("eventflux.io.http.sink", "HttpSink"),
    parameters=(
        Parameter("url", _TEXT, "Where to send.", dynamic=True),
        Parameter("method", _TEXT, "POST, PUT, PATCH or DELETE.", default="POST", dynamic=True),
        Parameter(
            "headers.", _TEXT, "A header of the request.", optional=True, is_prefix=True, dynamic=True, secret=True
        ),
        Parameter("content.type", _TEXT, "Header Content-Type; that of the format if not given.", optional=True),
        Parameter(
            "timeout.ms",
            _LONG,
            "For one request, from connecting to the end of the answer.",
            default=30_000,
            unit="ms",
            minimum=1,
        ),
        Parameter(
            "retry.max-attempts",
            _INT,
            "How often a request is tried again: without an answer, on 408, 429 and 5xx.",
            default=3,
            minimum=0,
        ),
        Parameter("retry.initial-delay-ms", _LONG, "The first wait.", default=100, unit="ms", minimum=0),
        Parameter(
            "retry.max-delay-ms", _LONG, "The longest wait, Retry-After included.", default=10_000, unit="ms", minimum=0
        ),
        Parameter("retry.backoff-multiplier", _DOUBLE, "By how much waits grow.", default=2.0, minimum=1.0),
        Parameter(
            "batch.size",
            _INT,
            "Most events of a chunk in one request: JSON and msgpack as an array, other formats as lines.",
            default=1,
            minimum=1,
        ),
        Parameter(
            "concurrency",
            _INT,
            "Requests at a time; more than one gives up the order.",
            default=1,
            minimum=1,
            maximum=64,
        ),
        Parameter("ordered", _BOOL, "Whether order must be kept.", default=True),
        Parameter(
            "validation.method",
            _TEXT,
            "How the server is asked for before the app starts, and after it was lost; any answer will do.",
            default="HEAD",
            choices=("HEAD", "GET", "OPTIONS", "none"),
        ),
        Parameter("tls.cert", _TEXT, "PEM file of the certificate to show.", optional=True),
        Parameter("tls.key", _TEXT, "PEM file of its key.", optional=True),
        _CA,
    ),
    examples=(
        Example(
            "CREATE STREAM Alerts (id BIGINT, text STRING) WITH ('type' = 'sink', 'extension' = 'http', "
            "'http.url' = 'https://example.org/alerts', 'http.headers.X-Alert' = '{{id}}', 'format' = 'json');",
            "A request an alert, with a header of its own.",
        ),
    ),
)

_SOURCE_ID: Final = Parameter("source.id", _TEXT, "Ties source and sinks together.")

HTTP_REQUEST_SOURCE: Final = Extension(
    name="http-request",
    kind=ExtensionKind.SOURCE,
    description="A webhook whose requests are answered by an http-response sink; trp:messageId is the id of a request.",
    factory=LazyFactory("eventflux.io.http.request_response", "HttpRequestSource"),
    parameters=(
        _SOURCE_ID,
        replace(_PORT, description="Where to listen; 0: a port that is free.", optional=False),
        _HOST,
        _PATH,
        Parameter(
            "method",
            _TEXT,
            "The method that is taken.",
            default="POST",
            choices=("GET", "POST", "PUT", "PATCH", "DELETE"),
        ),
        _AUTH_HEADER,
        _AUTH_TOKEN,
        _MOST_REQUESTS,
        _MAX_BODY,
        _READ_TIMEOUT,
        Parameter(
            "connection.timeout.ms",
            _LONG,
            "How long a request waits for its answer; then it gets 504.",
            default=120_000,
            unit="ms",
            minimum=1,
        ),
        *_SERVER_TLS,
    ),
    examples=(
        Example(
            "@source(type='http-request', source.id='prices', port='8080', path='/price', "
            "@map(type='json', @attributes(id='trp:messageId', symbol='$.symbol'))) "
            "define stream Asked (id string, symbol string);",
            "Requests that a sink with the same source.id answers.",
        ),
    ),
)

HTTP_RESPONSE_SINK: Final = Extension(
    name="http-response",
    kind=ExtensionKind.SINK,
    description="Answers the requests of an http-request source.",
    factory=LazyFactory("eventflux.io.http.request_response", "HttpResponseSink"),
    parameters=(
        _SOURCE_ID,
        Parameter("message.id", _TEXT, "Id of the request, such as {{id}}.", dynamic=True),
        Parameter("status.code", _TEXT, "Status of the answer.", default="200", dynamic=True),
        Parameter(
            "headers.", _TEXT, "A header of the answer.", optional=True, is_prefix=True, dynamic=True, secret=True
        ),
        Parameter("content.type", _TEXT, "Header Content-Type; that of the format if not given.", optional=True),
    ),
    examples=(
        Example(
            "@sink(type='http-response', source.id='prices', message.id='{{id}}', @map(type='json')) "
            "define stream Answers (id string, price double);",
            "An answer a request.",
        ),
    ),
)
