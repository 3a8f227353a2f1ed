"""Traces: one for an event, from its acceptance to each receipt, whichever nodes it passes."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from receiver import Receiver, fails_then_heals
from server import Server, tracking_update, wait_until


class Collector:
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans.extend(scope.spans)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()
    yield found
    found.close()


def test_an_event_is_followed_from_acceptance_to_receipt(
    tmp_path: Path, database_url: str, receiver: Receiver, collector: Collector
) -> None:
    receiver.behave(fails_then_heals(1))
    with Server(tmp_path, DATABASE_URL=database_url, TRACES_URL=collector.url, TRACES_SHARE="1") as server:
        with server.client(server.first_key) as client:
            wanted = {
                "url": receiver.url(),
                "events": ["tracking_update"],
                "verify": False,
                "retry": True,
                "retry_count": 2,
            }
            client.post("/v1/endpoints", json=wanted).raise_for_status()
            name = client.post("/v1/events", json=tracking_update("1_1")).json()["accepted"][0]["id"]
            wait_until(lambda: len(client.get("/v1/logs").json()["items"]) == 2)
        assert server.stop() == 0
    (accepted,) = [span for span in collector.spans if span.name == "accept tracking_update"]
    attempts = sorted(
        (span for span in collector.spans if span is not accepted), key=lambda span: span.start_time_unix_nano
    )
    assert [span.name for span in attempts] == ["attempt 0", "attempt 1"]
    assert {span.trace_id for span in collector.spans} == {accepted.trace_id}
    assert {span.parent_span_id for span in attempts} == {accepted.span_id}
    assert [span.status.code for span in attempts] == [2, 0], "the first failed, and says so"
    said = {one.key: one.value for one in attempts[1].attributes}
    assert said["parcelhook.event"].string_value == name
    assert said["http.response.status_code"].int_value == 200


def test_only_the_share_that_is_asked_for_is_traced_and_a_silent_collector_harms_nothing(
    tmp_path: Path, receiver: Receiver, collector: Collector
) -> None:
    with Server(tmp_path, TRACES_URL=collector.url, TRACES_SHARE="0.2") as server:
        with server.client(server.first_key) as client:
            wanted = {"url": receiver.url(), "events": ["tracking_update"], "verify": False}
            client.post("/v1/endpoints", json=wanted).raise_for_status()
            client.post("/v1/events", json=[tracking_update(f"{n}_1") for n in range(500)]).raise_for_status()
            receiver.wait_for(500)
        assert server.stop() == 0
    traces = {span.trace_id for span in collector.spans}
    assert 50 < len(traces) < 150
    assert len(collector.spans) == 2 * len(traces)
    with (
        Server(tmp_path, TRACES_URL="http://127.0.0.1:9/v1/traces", TRACES_SHARE="1") as server,
        server.client(server.first_key) as client,
    ):
        assert client.post("/v1/events", json=tracking_update("x_1")).status_code == 202
        receiver.wait_for(501)
