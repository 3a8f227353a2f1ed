"""Endpoints in 64 partitions: each belongs to one worker at a time."""

from __future__ import annotations

from typing import Final

PARTITIONS: Final = 64
ALL: Final = frozenset(range(PARTITIONS))
_SPREAD: Final = 0x9E3779B97F4A7C15  # ids that follow each other fall far apart (Knuth, multiplicative hashing)


def partition_of(endpoint_id: int) -> int:
    """The partition that an endpoint lies in, 0 to 63; for ever the same."""
    return (endpoint_id * _SPREAD & 0xFFFF_FFFF_FFFF_FFFF) >> 58
