"""How the three events are numbered in the tables."""

from __future__ import annotations

from typing import Final

from parcelhook.shipping.events import EventKind

KIND_NUMBERS: Final = {EventKind.ORDER_SHIPPED: 1, EventKind.ORDER_ERROR: 2, EventKind.TRACKING_UPDATE: 3}
KINDS: Final = {number: kind for kind, number in KIND_NUMBERS.items()}
