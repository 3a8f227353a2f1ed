"""What lies in the stream: the events of many requests in one message, as MessagePack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from parcelhook.delivery.intake import Given

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[Given])


class NotReadable(Exception):
    """The message is none of ours, or of a version that this one does not know."""


def encode(found: Sequence[Given]) -> bytes:
    """One message's content."""
    return _encoder.encode(found)


def decode(content: bytes) -> list[Given]:
    """What `encode` was given, or NotReadable with the reason."""
    try:
        return _decoder.decode(content)
    except msgspec.DecodeError as error:
        raise NotReadable(f"The message cannot be read: {error}.") from None


def parts(content: bytes, most: int) -> list[bytes]:
    """The content in pieces that fit into a message each."""
    return [content[at : at + most] for at in range(0, len(content), most)] or [b""]
