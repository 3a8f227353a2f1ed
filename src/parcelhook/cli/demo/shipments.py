"""Plausible shipments: labels, scans, an order error, a return. Pure: the same number gives the same story."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import msgspec

from parcelhook.shipping.events import EventKind, encode, sample

Fed = dict[str, Any]

_CARRIERS = (("FedEx", "WZ"), ("UPS", "1Z"), ("DHL Express", "JD"), ("GLS", "GL"), ("Poste Italiane", "PI"))
_CITIES = ("Florence", "Milan", "Lyon", "Munich", "Madrid", "Rotterdam", "Vienna")
_COUNTRIES = ("IT", "FR", "DE", "ES", "NL", "AT")
_SHOPS = ("Manual shipment", "Shopify", "WooCommerce", "Amazon")
_SCANS = {
    1: "The carrier has received the shipment's data",
    2: "Departed from the carrier's hub",
    3: "Out for delivery",
    4: "Nobody was at home, a new attempt follows",
    6: "Shipment delivered",
}
_HOUR = 3_600


def page_sample() -> Iterator[Fed]:
    """The help page's own shipment: its label, and the very tracking update that the page shows."""
    yield msgspec.json.decode(encode(sample(EventKind.ORDER_SHIPPED)))
    yield msgspec.json.decode(encode(sample(EventKind.TRACKING_UPDATE)))


def shipment(number: int, now_s: int) -> Iterator[Fed]:
    """The events of one shipment, in order. Every fifth order fails, every fourth shipment is a return."""
    chance = random.Random(number)  # noqa: S311  (a story, not a secret)
    carrier, prefix = chance.choice(_CARRIERS)
    origin, target = chance.sample(_COUNTRIES, 2)
    order = {
        "OrderID": str(24_957_300 + number),
        "TransactionID": f"{48_600 + number}_1",
        "TrackingCarrier": carrier,
        "MarketplaceID": str(chance.randrange(100, 999)),
        "MarketplacePlatform": chance.choice(_SHOPS),
    }
    if number % 5 == 3:
        yield {
            "Event": "ORDER_ERROR",
            **order,
            "Message": f"{carrier} refused the shipment: the postcode does not exist in {target}.",
            "ValidationErrors": ["ToAddress.PostalCode: not found"],
        }
        return
    tracking = f"{prefix}{chance.randrange(10**8, 10**9)}"
    is_return = number % 4 == 2
    places = {"FromAddressCountry": origin, "ToAddressCountry": target}
    yield {
        "Event": "ORDER_SHIPPED",
        **order,
        **places,
        "TrackingNumber": tracking,
        "LabelURL": [f"https://platform.example/labels/{order['TransactionID']}.pdf"],
        "IsReturn": is_return,
    }
    codes = (1, 2, 3, 4, 3, 6) if number % 3 == 1 else (1, 2, 3, 6)
    first = now_s - len(codes) * 9 * _HOUR
    for step, code in enumerate(codes):
        yield {
            "Event": "TRACKING_UPDATE",
            "tracking": tracking,
            "date": first + step * 9 * _HOUR + chance.randrange(_HOUR),
            "message": _SCANS[code],
            "city": chance.choice(_CITIES),
            "first_status_date": str(first) if step else "0",
            "late": "1" if code == 4 else "0",
            "code": code,
            **order,
            **places,
            **({"IsReturn": True} if is_return else {}),
        }
