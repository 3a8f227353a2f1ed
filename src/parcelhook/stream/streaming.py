"""The stream of one node: what it accepts goes in, and if the duty is its own, what others accepted comes on."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from parcelhook.delivery.platform import Platform
from parcelhook.stream.ingest import Ingest
from parcelhook.stream.jetstream import JetStream
from parcelhook.stream.relay import Relay


class Streaming(Collector):
    """Opened with the platform, closed before it."""

    def __init__(self, platform: Platform, stream: JetStream) -> None:
        self._stream = stream
        self._relay = Relay(stream)
        self._ingest = Ingest(platform, stream)
        self._delivers = platform.settings.role != "api"
        platform.intake.through = self._relay
        platform.stream_state = self._state
        platform.metrics_registry.register(self)

    @classmethod
    async def open(cls, platform: Platform) -> Streaming:
        """Connect; SettingsError if that cannot be."""
        settings = platform.settings
        return cls(platform, await JetStream.open(settings.nats_url, replicas=settings.nats_replicas))

    def start(self) -> None:
        """Begin to take events on into the store."""
        if self._delivers:
            self._ingest.start()

    async def close(self) -> None:
        """End, with what is being accepted."""
        await self._ingest.stop()
        await self._relay.close()
        await self._stream.close()

    def collect(self) -> Iterator[Metric]:
        """What /metrics shows."""
        yield GaugeMetricFamily("parcelhook_stream_connected", "Whether NATS is connected", int(self._stream.connected))
        yield GaugeMetricFamily(
            "parcelhook_stream_waiting",
            "Messages that are not in the store yet, where this node takes them on",
            self._ingest.waiting,
        )

    def _state(self) -> str:
        return "ok" if self._stream.connected else "NATS is not connected"
