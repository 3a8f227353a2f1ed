"""A shipment as it is shown, and the questions that may be asked for shipments: the same for API and dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from parcelhook import times
from parcelhook.edge.asking import filter_choice, filter_number
from parcelhook.edge.log_query import YES_NO
from parcelhook.shipping.shipment import DAY_S, Parcel, Said, Standing, is_late, standing
from parcelhook.shipping.status import Status
from parcelhook.store.shipments import ScanLine, ShipmentFilter, ShipmentLine

LONGEST_SILENCE: Final = 365  # days
NAMES: Final = frozenset({"search", "status", "carrier", "return", "silent_days", "late"})
STATUSES: Final = {status.value: status for status in Status}


class ParcelView(Struct, frozen=True, kw_only=True):
    """One tracking number of a shipment. Times are ISO 8601, null for none."""

    tracking: str
    status: str
    code: int | None
    status_date: str | None
    first_status_date: str | None
    est_delivery_date: str | None
    message: str
    city: str


class ShipmentView(Struct, frozen=True, kw_only=True):
    """A shipment as it stands: where its least advanced parcel is. `late` is against what was promised, up to now or to its end."""

    transaction_id: str
    order_id: str
    carrier: str
    tracking_numbers: list[str]
    status: str
    code: int | None
    status_date: str | None
    first_status_date: str | None
    est_delivery_date: str | None
    late: bool
    is_return: bool
    marketplace_id: str
    marketplace_platform: str
    external_link: str
    from_company: str
    to_company: str
    from_country: str
    to_country: str
    last_scan_date: str | None
    message: str
    city: str
    parcels: list[ParcelView]


class ScanView(Struct, frozen=True, kw_only=True):
    """One scan. `said` is `new` (told to the webhooks by `event_id`), `late` or `silent` (kept here alone).

    `status_text` and `detail_text` are the source's own words; `zone_unknown` says that it gave a local time.
    """

    date: str
    date_text: str
    zone_unknown: bool
    status: str
    code: int | None
    tracking: str
    message: str
    city: str
    source: str
    status_text: str
    detail_text: str
    said: str
    recorded_at: str
    event_id: str | None


class WholeShipmentView(ShipmentView, frozen=True, kw_only=True):
    """A shipment with its history, oldest first."""

    scans: list[ScanView]


def read(texts: Mapping[str, str], now_s: int) -> ShipmentFilter:
    """The filter that is asked for, or InvalidInput; an empty text counts as not given, as forms send it."""

    def given(name: str) -> str | None:
        return texts.get(name, "").strip() or None

    days = filter_number("silent_days", given("silent_days"), 1, LONGEST_SILENCE)
    late = filter_choice("late", given("late"), {"true": True})
    return ShipmentFilter(
        search=given("search"),
        status=filter_choice("status", given("status"), STATUSES),
        carrier=given("carrier"),
        is_return=filter_choice("return", given("return"), YES_NO),
        silent_since=None if days is None else now_s - days * DAY_S,
        overdue_at=now_s if late else None,
    )


def view(line: ShipmentLine, now_s: int) -> ShipmentView:
    """A shipment for a list."""
    shipment, stands = line.shipment, standing(line.shipment)
    last = shipment.last_scan
    return ShipmentView(
        transaction_id=shipment.transaction_id,
        order_id=shipment.order_id,
        carrier=shipment.carrier,
        tracking_numbers=[parcel.tracking for parcel in shipment.parcels if parcel.tracking],
        status=stands.status.value,
        code=stands.status.code,
        status_date=_when(stands.date),
        first_status_date=_when(stands.first_status_date),
        est_delivery_date=_when(stands.est_delivery_date),
        late=late_now(stands, now_s),
        is_return=stands.returning,
        marketplace_id=shipment.marketplace_id,
        marketplace_platform=shipment.marketplace_platform,
        external_link=shipment.external_link,
        from_company=shipment.from_company,
        to_company=shipment.to_company,
        from_country=shipment.from_country,
        to_country=shipment.to_country,
        last_scan_date=_when(last.newest.date) if last is not None and last.newest is not None else None,
        message=last.message if last is not None else "",
        city=last.city if last is not None else "",
        parcels=[_parcel(parcel) for parcel in shipment.parcels],
    )


def whole(line: ShipmentLine, scans: list[ScanLine], now_s: int) -> WholeShipmentView:
    """A shipment with its history."""
    return WholeShipmentView(**asdict(view(line, now_s)), scans=[_scan(scan) for scan in scans])


def late_now(stands: Standing, now_s: int) -> bool:
    """Whether it came late, or is late by now."""
    return is_late(stands.est_delivery_date, stands.date if stands.status.ended else now_s)


def _parcel(parcel: Parcel) -> ParcelView:
    mark = parcel.mark
    return ParcelView(
        tracking=parcel.tracking,
        status=parcel.status.value,
        code=parcel.status.code,
        status_date=_when(mark.date) if mark is not None else None,
        first_status_date=_when(parcel.first_status_date),
        est_delivery_date=_when(parcel.estimate.date) if parcel.estimate is not None else None,
        message=parcel.message,
        city=parcel.city,
    )


def _scan(line: ScanLine) -> ScanView:
    scan = line.scan
    return ScanView(
        date=times.iso(scan.date * 1_000),
        date_text=scan.date_text,
        zone_unknown=scan.zone_unknown,
        status=scan.status.value,
        code=scan.status.code,
        tracking=scan.tracking,
        message=scan.message,
        city=scan.city,
        source=scan.source,
        status_text=scan.status_text,
        detail_text=scan.detail_text,
        said=Said(line.said).name.lower(),
        recorded_at=times.iso(line.recorded_ms),
        event_id=line.event_name,
    )


def _when(seconds: int) -> str | None:
    return times.iso(seconds * 1_000) if seconds else None
