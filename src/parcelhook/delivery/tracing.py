"""Traces in the way of OpenTelemetry: from the acceptance of an event to its receipt, over all nodes that it passes.

The id of a trace is made from the event's own number. So every node knows it, and whether the event is among the share that
is traced, with nothing stored or sent along. The spans of a batch are made after its commit, once a batch.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Tracer, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from parcelhook import __version__, times
from parcelhook.webhooks.delivery import Delivery, Outcome, StoredEvent

_MS: Final = 1_000_000  # in nanoseconds
_WHOLE: Final = 1 << 32
_EXPORT_LIMIT_S: Final = 5


class Tracing:
    """Gives spans to an OTLP collector. Called on the writer's thread."""

    def __init__(self, url: str, share: float) -> None:
        """`share` is the part of all events that is traced, 0 to 1."""
        self._below = int(share * _WHOLE)
        self._ids = _Ids()
        resource = Resource.create({"service.name": "parcelhook", "service.version": __version__})
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        exporter = OTLPSpanExporter(endpoint=url, timeout=_EXPORT_LIMIT_S)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer: Tracer = self._provider.get_tracer("parcelhook", __version__)  # type: ignore[assignment]

    def accepted(self, deliveries: Sequence[Delivery]) -> None:
        """A span for each event that was just committed with deliveries, from its arrival to the commit."""
        now = times.now_ms() * _MS
        told: set[int] = set()
        for delivery in deliveries:
            event = delivery.event
            if event.id not in told and self._is_traced(event.id):
                told.add(event.id)
                self._accepted(event, now)

    def attempted(self, outcomes: Sequence[Outcome]) -> None:
        """A span for each exchange; the one that ended a delivery well has the whole way in another."""
        for outcome in outcomes:
            event = outcome.delivery.event
            if self._is_traced(event.id):
                self._attempted(outcome, event)

    def close(self) -> None:
        """Give away what is left."""
        self._provider.shutdown()

    def _is_traced(self, number: int) -> bool:
        return _trace_id(number) & (_WHOLE - 1) < self._below

    def _accepted(self, event: StoredEvent, now: int) -> None:
        self._ids.next = _trace_id(event.id), _root_id(event.id)
        span = self._tracer.start_span(
            f"accept {event.kind.choice}",
            kind=SpanKind.SERVER,
            start_time=event.accepted_ms * _MS,
            attributes={
                "parcelhook.event": event.name,
                "parcelhook.order": event.order_id,
                "parcelhook.transaction": event.transaction_id,
            },
        )
        span.end(max(now, event.accepted_ms * _MS))

    def _attempted(self, outcome: Outcome, event: StoredEvent) -> None:
        attempt = outcome.attempt
        root = SpanContext(_trace_id(event.id), _root_id(event.id), is_remote=True, trace_flags=TraceFlags(1))
        context = trace.set_span_in_context(NonRecordingSpan(root))
        span = self._tracer.start_span(
            f"attempt {attempt.retry}",
            context=context,
            kind=SpanKind.CLIENT,
            start_time=attempt.date_ms * _MS,
            attributes={
                "parcelhook.event": event.name,
                "parcelhook.endpoint": str(outcome.delivery.endpoint_id),
                "parcelhook.waited_ms": attempt.date_ms - event.accepted_ms,
                "parcelhook.cause": attempt.cause,
                "parcelhook.retry": attempt.retry,
                "http.response.status_code": attempt.http_code,
                "network.peer.address": attempt.address,
            },
        )
        if not attempt.passed:
            span.set_status(Status(StatusCode.ERROR, attempt.reason))
        span.end(attempt.date_end_ms * _MS)


class _Ids(IdGenerator):
    """Random ids, but for the span that is made next if it has been said which."""

    def __init__(self) -> None:
        self.next: tuple[int, int] | None = None

    def generate_trace_id(self) -> int:
        """Of a root span: it is asked for before the span's own."""
        return random.getrandbits(128) if self.next is None else self.next[0]

    def generate_span_id(self) -> int:
        """Of any span."""
        if self.next is not None:
            _, number = self.next
            self.next = None
            return number
        return random.getrandbits(64)


def _trace_id(number: int) -> int:
    return int.from_bytes(hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest(), "big") or 1


def _root_id(number: int) -> int:
    return (_trace_id(number) >> 64) or 1
