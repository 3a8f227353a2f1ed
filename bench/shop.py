"""A shop's parcels, made up but likely: carriers, routes, pauses at the weekend, promises kept and broken. The same seed, the same shop."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from parcelhook.shipping.status import Status

HOUR_S: Final = 3_600
DAY_S: Final = 86_400

# By carrier: its share, how much slower than the quickest it is, of a hundred parcels how many go wrong once.
CARRIERS: Final = {
    "DHL": (30, 1.0, 3), "GLS": (22, 1.1, 4), "UPS": (14, 0.9, 2), "BRT": (12, 1.3, 6), "Poste Italiane": (9, 1.8, 9),
    "FedEx": (6, 0.8, 2), "DPD": (5, 1.2, 5), "TNT": (2, 1.4, 6),
}  # fmt: skip
# By route: its share and the days that it takes.
ROUTES: Final = {
    ("IT", "IT"): (46, 1.6), ("IT", "DE"): (10, 3.0), ("IT", "FR"): (8, 2.8), ("IT", "ES"): (6, 3.6), ("IT", "AT"): (4, 2.4),
    ("IT", "CH"): (3, 3.4), ("IT", "NL"): (3, 3.1), ("IT", "GB"): (3, 5.2), ("IT", "US"): (3, 6.5), ("IT", "PL"): (2, 4.0),
    ("IT", "BE"): (2, 3.0), ("IT", "PT"): (1, 4.5), ("IT", "SE"): (1, 4.8), ("IT", "GR"): (1, 5.5), ("DE", "DE"): (3, 1.3),
    ("DE", "AT"): (2, 2.0), ("FR", "IT"): (1, 3.0), ("CN", "IT"): (1, 11.0),
}  # fmt: skip
CITIES: Final = {
    "IT": "Bologna", "DE": "Leipzig", "FR": "Lyon", "ES": "Madrid", "AT": "Vienna", "CH": "Zurich", "NL": "Utrecht",
    "GB": "Coventry", "US": "Memphis", "PL": "Warsaw", "BE": "Liège", "PT": "Porto", "SE": "Malmö", "GR": "Athens", "CN": "Shenzhen",
}  # fmt: skip


class Parcel(Struct, frozen=True):
    """One parcel: what its label said, and its scans, oldest first (Unix seconds, status, message, city)."""

    number: int
    carrier: str
    origin: str
    target: str
    is_return: bool
    promised_s: int  # 0: nothing was promised
    scans: tuple[tuple[int, Status, str, str], ...]


def parcels(count: int, *, days: int, until_s: int, seed: int = 7) -> Iterator[Parcel]:
    """So many parcels whose labels were made within the last days, as they stand at `until_s`."""
    chance = random.Random(seed)
    carriers, routes = list(CARRIERS), list(ROUTES)
    chosen = chance.choices(carriers, [CARRIERS[name][0] for name in carriers], k=count)
    ways = chance.choices(routes, [ROUTES[route][0] for route in routes], k=count)
    for number, (carrier, way) in enumerate(zip(chosen, ways, strict=True)):
        made = until_s // DAY_S * DAY_S - chance.randrange(days) * DAY_S
        while made // DAY_S % 7 in (2, 3):  # Saturday and Sunday
            made -= DAY_S
        yield _parcel(chance, number, carrier, way, made + chance.randrange(8 * HOUR_S, 17 * HOUR_S), until_s)


def _parcel(chance: random.Random, number: int, carrier: str, way: tuple[str, str], made: int, until_s: int) -> Parcel:
    _, slow, wrong = CARRIERS[carrier]
    is_return = chance.random() < 0.06
    origin, target = (way[1], way[0]) if is_return else way
    usual = ROUTES[way][1] * slow
    took = usual * chance.lognormvariate(0, 0.35)
    picked_up = made + chance.randrange(HOUR_S, 6 * HOUR_S)
    at_door = picked_up + round(took * DAY_S)
    at_door = at_door // DAY_S * DAY_S + chance.randrange(8 * HOUR_S, 19 * HOUR_S)
    at_door = max(at_door, picked_up + 12 * HOUR_S)
    scans = [
        (made, Status.INFO_RECEIVED, "Label made", ""),
        (picked_up, Status.IN_TRANSIT, "Picked up", CITIES[origin]),
        (picked_up + (at_door - picked_up) // 2, Status.IN_TRANSIT, "Left the hub", CITIES[origin]),
    ]
    fate = chance.random() * 100
    if fate < 0.7:  # lost: never heard of again
        return _until(
            number, carrier, origin, target, is_return, usual, scans[: chance.randrange(2, 4)], until_s, chance
        )
    if fate < 0.7 + wrong / 2:
        scans.append((at_door - 10 * HOUR_S, Status.EXCEPTION, "Address not found", CITIES[target]))
        at_door += DAY_S
    elif fate < 0.7 + wrong * 1.5:
        scans.append((at_door, Status.FAILED_ATTEMPT, "Nobody was at home", CITIES[target]))
        at_door += DAY_S
    scans.append(
        (at_door - chance.randrange(HOUR_S, 4 * HOUR_S), Status.OUT_FOR_DELIVERY, "With the courier", CITIES[target])
    )
    scans.append((at_door, Status.DELIVERED, "Delivered", CITIES[target]))
    return _until(
        number, carrier, origin, target, is_return, usual, sorted(scans, key=lambda scan: scan[0]), until_s, chance
    )


def _until(
    number: int,
    carrier: str,
    origin: str,
    target: str,
    is_return: bool,
    usual: float,
    scans: list[tuple[int, Status, str, str]],
    until_s: int,
    chance: random.Random,
) -> Parcel:
    """What of it has happened by then."""
    promised = 0
    if chance.random() < 0.85:
        promised = (scans[0][0] // DAY_S + max(1, round(usual * 1.35 + 0.6))) * DAY_S
    happened = tuple(scan for scan in scans if scan[0] < until_s)
    return Parcel(number, carrier, origin, target, is_return, promised, happened)
