"""The stream itself, in NATS JetStream: made if it is not there, published to, read from a position on.

What does not fit into one message of NATS goes in several as an atomic batch: all of them, or none.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import Final

import nats
import nats.errors
import nats.js.errors
import structlog
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.client import JetStreamContext

from parcelhook.errors import Busy, SettingsError
from parcelhook.stream.messages import parts

STREAM: Final = "PARCELHOOK"
SUBJECT: Final = "parcelhook.intake"
ACK_LIMIT_S: Final = 5.0
CONNECT_LIMIT_S: Final = 5
DUPLICATE_WINDOW_S: Final = 120.0
IDLE_CONSUMER_S: Final = 30.0
MAKE_LIMIT_S: Final = 15.0  # from the connection until the stream is there
MAKE_PAUSE_S: Final = 0.5
_ROOM: Final = 4_096  # of a message's size, for its headers
_PART: Final = "Parcelhook-Part"  # which of how many, such as 2/3

_FAULTS: Final = (TimeoutError, nats.errors.Error, nats.js.errors.Error)  # of the servers, and of the way to them

log = structlog.get_logger(__name__)


class Position(Struct, frozen=True):
    """Where in which stream: `created` tells it from another of the same name."""

    created: str
    sequence: int


class Message(Struct, frozen=True):
    """One message, or one part of what did not fit into one. `last` says whether the content ends with it."""

    sequence: int
    content: bytes
    last: bool


class JetStream:
    """One connection to one of the servers. It connects again by itself for as long as it takes."""

    def __init__(self, client: Client, replicas: int) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream(timeout=ACK_LIMIT_S)
        self._replicas = replicas

    @classmethod
    async def open(cls, url: str, *, replicas: int) -> JetStream:
        """Connect and make the stream if it is not there; SettingsError if that cannot be."""

        async def said(error: Exception) -> None:
            log.warning("stream.fault", error=_words(error))

        servers = [part.strip() for part in url.split(",")]
        try:
            client = await asyncio.wait_for(
                nats.connect(
                    servers, name="parcelhook", connect_timeout=CONNECT_LIMIT_S, max_reconnect_attempts=-1,
                    reconnect_time_wait=1, ping_interval=5, error_cb=said,
                ),
                2 * CONNECT_LIMIT_S,
            )  # fmt: skip
        except (TimeoutError, OSError, nats.errors.Error) as fault:
            raise SettingsError(f"PARCELHOOK_NATS_URL: {_shown(servers)} cannot be reached: {_words(fault)}.") from None
        found = cls(client, replicas)
        try:
            await found._ensure_in_time()
        except _FAULTS as fault:
            await client.close()
            raise SettingsError(f"PARCELHOOK_NATS_URL: the stream cannot be made: {_words(fault)}.") from None
        return found

    @property
    def connected(self) -> bool:
        """Whether there is a connection right now."""
        return self._client.is_connected

    async def publish(self, content: bytes) -> None:
        """Durable on as many servers as the stream has replicas when this returns. Busy if JetStream does not say so in time.

        Tried again it is kept once: the servers know its id for two minutes.
        """
        pieces = parts(content, self._client.max_payload - _ROOM)
        name = secrets.token_hex(12)
        try:
            if len(pieces) == 1:
                await self._publish_one(content, name)
            else:
                await self._publish_batch(pieces, name)
        except _FAULTS as fault:
            log.error("stream.not_taken", error=_words(fault))
            raise Busy(
                "The stream did not confirm it in time. Send it again: under the same ids or Idempotency-Key it counts once.",
                retry_after_s=2,
            ) from None

    async def info(self) -> tuple[Position, int]:
        """The end of the stream, and how many messages it holds."""
        try:
            found = await self._stream.stream_info(STREAM)
        except _FAULTS as fault:
            raise _silent(fault) from None
        return Position(str(found.created), found.state.last_seq), found.state.messages

    async def read_from(self, sequence: int) -> Reader:
        """What comes after that message, in order. Busy if JetStream does not answer."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=sequence + 1,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=IDLE_CONSUMER_S,
        )
        try:
            return Reader(await self._stream.pull_subscribe(SUBJECT, stream=STREAM, config=config))
        except _FAULTS as fault:
            raise _silent(fault) from None

    async def forget_until(self, sequence: int) -> None:
        """Let go of what is in the store by now, that message included."""
        try:
            await self._stream.purge_stream(STREAM, seq=sequence + 1)
        except _FAULTS as fault:
            log.warning("stream.not_purged", error=_words(fault))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.close()

    async def _ensure_in_time(self) -> None:
        """Servers that have just started choose who leads them first, and answer nothing until then."""
        deadline = time.monotonic() + MAKE_LIMIT_S
        while True:
            try:
                await self._ensure()
            except _FAULTS:
                if time.monotonic() >= deadline:
                    raise
                await asyncio.sleep(MAKE_PAUSE_S)
            else:
                return

    async def _ensure(self) -> None:
        wanted = StreamConfig(
            name=STREAM,
            subjects=[SUBJECT],
            storage=StorageType.FILE,
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.NEW,  # a full stream refuses; it never lets go of what was accepted
            num_replicas=self._replicas,
            duplicate_window=DUPLICATE_WINDOW_S,
            allow_atomic=True,
        )
        try:
            found = await self._stream.stream_info(STREAM)
        except nats.js.errors.NotFoundError:
            await self._stream.add_stream(wanted)
            return
        if found.config.num_replicas != self._replicas:  # all else is left as an operator may have set it
            await self._stream.update_stream(found.config.evolve(num_replicas=self._replicas))

    async def _publish_one(self, content: bytes, name: str) -> None:
        for tries in (1, 2):
            try:
                await self._stream.publish(
                    SUBJECT, content, timeout=ACK_LIMIT_S / 2, stream=STREAM, headers={"Nats-Msg-Id": name}
                )
            except (nats.errors.TimeoutError, nats.errors.NoRespondersError, nats.js.errors.NoStreamResponseError):
                if tries == 2:
                    raise
            else:
                return

    async def _publish_batch(self, pieces: Sequence[bytes], name: str) -> None:
        for number, piece in enumerate(pieces[:-1], start=1):
            headers = {"Nats-Batch-Id": name, "Nats-Batch-Sequence": str(number), _PART: f"{number}/{len(pieces)}"}
            await self._client.publish(SUBJECT, piece, headers=headers)
        last = len(pieces)
        headers = {
            "Nats-Batch-Id": name, "Nats-Batch-Sequence": str(last), "Nats-Batch-Commit": "1", _PART: f"{last}/{last}",
        }  # fmt: skip
        await self._stream.publish(SUBJECT, pieces[-1], timeout=2 * ACK_LIMIT_S, stream=STREAM, headers=headers)


class Reader:
    """Reads on from where it began."""

    def __init__(self, subscription: JetStreamContext.PullSubscription) -> None:
        self._subscription = subscription

    async def next(self, most: int, wait_s: float) -> list[Message]:
        """The next messages, none if none came in that time. Busy if JetStream does not answer: begin anew."""
        try:
            found = await self._subscription.fetch(most, timeout=wait_s)
        except (TimeoutError, nats.errors.TimeoutError):
            return []
        except (nats.errors.Error, nats.js.errors.Error) as fault:
            raise _silent(fault) from None
        return [_message(one) for one in found]

    async def close(self) -> None:
        """Read no more."""
        try:
            await self._subscription.unsubscribe()
        except nats.errors.Error:
            return


def _message(one: Msg) -> Message:
    number, _, count = (one.headers or {}).get(_PART, "1/1").partition("/")
    return Message(one.metadata.sequence.stream, one.data, last=number == count)


def _shown(servers: Sequence[str]) -> str:
    """Without a password."""
    return ", ".join(server.rpartition("@")[2] or server for server in servers)


def _words(fault: Exception) -> str:
    return str(fault).strip() or type(fault).__name__


def _silent(fault: Exception) -> Busy:
    return Busy(f"JetStream does not answer: {_words(fault)}.")
