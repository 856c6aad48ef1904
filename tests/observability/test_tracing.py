"""Spans of sources and sinks, and a real collector's endpoint."""

from __future__ import annotations

import gzip
import http.client
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.processes import eventflux

from eventflux import ConfigError, EventFluxManager, load_config
from eventflux.io.in_memory_broker import InMemoryBroker
from eventflux.observability.tracing import configured_tracing, trace_apps

pytest.importorskip("opentelemetry.sdk", reason="OpenTelemetry not available, skipping test")
export = pytest.importorskip("opentelemetry.sdk.trace.export")
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
sdk = pytest.importorskip("opentelemetry.sdk.trace")

APP = """
@app:name('Traced')
@source(type='inMemory', topic='traced.in', @map(type='json')) define stream S (a int);
@sink(type='inMemory', topic='traced.out', @map(type='json')) define stream O (a int);
from S[a > 1] select a insert into O;
"""


def test_a_publish_is_a_child_of_the_delivery_that_caused_it() -> None:
    spans = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(spans))
    with EventFluxManager(plugins=False) as manager:
        trace_apps(manager, provider)
        runtime = manager.create_eventflux_app_runtime(APP)
        runtime.start()
        InMemoryBroker.publish("traced.in", '[{"a": 5}, {"a": 6}]')
        InMemoryBroker.publish("traced.in", '{"a": 1}')
    sink, first, second = spans.get_finished_spans()
    assert [span.name for span in (sink, first, second)] == ["O inMemory", "inMemory S", "inMemory S"]
    assert sink.parent.span_id == first.context.span_id
    assert first.parent is None
    assert second.context.trace_id != first.context.trace_id
    assert first.attributes["eventflux.app"] == "Traced"
    assert (first.attributes["messaging.batch.message_count"], sink.attributes["messaging.batch.message_count"]) == (
        2,
        2,
    )


def test_what_a_configuration_lacks_is_told() -> None:
    with EventFluxManager(plugins=False) as manager:
        assert configured_tracing(manager, load_config(environ={})) is None
        with pytest.raises(ConfigError, match="needs the address of a collector"):
            configured_tracing(manager, load_config(overrides=["observability.tracing.enabled=true"], environ={}))


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    received: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_spans_reach_a_collector(tmp_path: Path, collector: tuple[str, list[bytes]]) -> None:
    address, received = collector
    (tmp_path / "app.sql").write_text(
        "CREATE STREAM Orders (a INT) WITH ('type'='source', 'extension'='stdin', 'format'='json');"
        "CREATE STREAM Answers (a INT) WITH ('type'='sink', 'extension'='stdout', 'format'='json');"
        "INSERT INTO Answers SELECT a FROM Orders;",
        "utf-8",
    )
    settings = ("tracing.enabled=true", f"tracing.endpoint={address}", "tracing.sample_rate=1.0")
    overrides = [part for each in settings for part in ("--set", f"observability.{each}")]
    rows = "".join(json.dumps({"a": number}) + "\n" for number in range(3))
    done = eventflux("run", "app.sql", "--http-port", "off", *overrides, cwd=tmp_path, stdin=rows)
    assert done.returncode == 0, done.stderr
    sent = b"".join(received)
    assert b"stdin Orders" in sent
    assert b"Answers stdout" in sent


def test_a_trace_goes_through_from_header_to_header(tmp_path: Path) -> None:
    """In by a webhook, out by an HTTP sink: the same trace, and the receiver's parent is the sink's span."""
    spans = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(spans))
    received: list[dict[str, str]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
        EventFluxManager(plugins=False) as manager,
    ):
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            trace_apps(manager, provider)
            runtime = manager.create_eventflux_app_runtime(f"""
                @source(type='http', mode='webhook', host='127.0.0.1', port='0', @map(type='json'))
                define stream S (a int);
                @sink(type='http', url='http://127.0.0.1:{server.server_port}/', validation='none', headers.X='1',
                    @map(type='json'))
                define stream O (a int);
                from S select a insert into O;
            """)
            runtime.start()
            port = runtime._connectors.sources[0].source.port
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            connection.request("POST", "/", b'{"a": 1}', {"TraceParent": sent})
            assert connection.getresponse().read() is not None
            connection.request("POST", "/", b'{"a": 2}')
            assert connection.getresponse().read() is not None
            connection.close()
        finally:
            server.shutdown()
            serving.join()
    sink, source = spans.get_finished_spans()[:2]
    assert f"{source.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{source.parent.span_id:016x}" == "b7ad6b7169203331"
    assert sink.parent.span_id == source.context.span_id
    first, second = received
    assert first["traceparent"] == f"00-{sink.context.trace_id:032x}-{sink.context.span_id:016x}-01"
    assert first["x"] == "1"
    assert second["traceparent"][3:35] != first["traceparent"][3:35]
