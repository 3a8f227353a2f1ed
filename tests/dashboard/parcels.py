"""Some thousand shipments as a shop has them: carriers, routes, lateness, returns and silence over sixty days."""

from __future__ import annotations

import random
from typing import Any

from dashboard.people import Shop

DAY = 86_400
CARRIERS = {
    "GLS": (1.6, 0.06),
    "DHL": (2.1, 0.09),
    "UPS": (2.4, 0.05),
    "BRT": (1.2, 0.14),
    "Poste Italiane": (3.5, 0.22),
}
ROUTES = {"IT-IT": 0.0, "IT-DE": 1.0, "IT-FR": 1.2, "IT-ES": 1.9, "IT-AT": 0.7, "IT-GB": 3.5, "DE-IT": 1.1}


def history(number: int, now_s: int, chance: random.Random) -> list[dict[str, Any]]:
    """One shipment's events, as far as they have happened by now."""
    carrier = chance.choice(list(CARRIERS))
    route = chance.choices(list(ROUTES), [8, 5, 4, 2, 2, 1, 2])[0]
    quick, trouble = CARRIERS[carrier]
    name = f"{40_000 + number}_1"
    start = now_s - chance.randrange(60 * DAY)
    took = max(0.4, chance.gauss(quick + ROUTES[route], 0.6)) * DAY
    promise = int(start + (quick + ROUTES[route] + 0.8) * DAY) // DAY * DAY
    steps = [(start, 1, "Label created"), (start + 0.2 * took, 2, "Picked up"), (start + 0.6 * took, 2, "At the depot")]
    if chance.random() < trouble:
        steps.append((start + 0.8 * took, chance.choice([4, 5]), "Nobody home"))
        took += DAY
    if chance.random() > 0.02:
        steps += [(start + 0.9 * took, 3, "Out for delivery"), (start + took, 6, "Delivered")]
    order = {
        "Event": "ORDER_SHIPPED", "OrderID": str(70_000 + number), "TransactionID": name, "TrackingCarrier": carrier,
        "TrackingNumber": f"N{number}", "FromAddressCountry": route[:2], "ToAddressCountry": route[3:],
        "ToAddressCompany": "", "IsReturn": chance.random() < 0.07,
    }  # fmt: skip
    scans = [
        {"Event": "TRACKING_UPDATE", "TransactionID": name, "date": int(date), "code": code, "message": message,
         "est_delivery_date": str(promise) if chance.random() < 0.9 else "0"}
        for date, code, message in steps if date < now_s
    ]  # fmt: skip
    return [order, *scans]


def fill(shop: Shop, count: int, now_s: int, seed: int = 1) -> None:
    """Feed so many shipments in."""
    chance = random.Random(seed)
    events = [event for number in range(count) for event in history(number, now_s, chance)]
    for start in range(0, len(events), 1_000):
        answer = shop.api.post("/v1/events", json=events[start : start + 1_000])
        assert answer.status_code == 202, answer.text
