"""A carrier hub beside the demo: EasyPost tells of a parcel with a body of its own, signed as it signs."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import httpx
import msgspec

from parcelhook.carriers import easypost
from parcelhook.client import Client

_SAMPLE = Path(__file__).with_name("easypost.json")  # a parcel's first seven scans, as EasyPost sent them


class EasyPost:
    """A connected hub, and the secret that it signs with."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._secret = secrets.token_hex(16)
        mine = [hub for hub in client.hubs() if hub["hub"] == easypost.NAME]
        if mine:
            self._about = client.update_hub(mine[0]["id"], secret=self._secret)
        else:
            self._about = client.connect_hub(easypost.NAME, secret=self._secret, label="The demo's hub")

    def order(self, number: int) -> dict[str, Any]:
        """The label that the platform made for the parcel, by whose number the hub's scans find their order."""
        return {
            "Event": "ORDER_SHIPPED",
            "OrderID": str(24_957_200 + number),
            "TransactionID": f"{48_500 + number}_2",
            "TrackingCarrier": "FedEx",
            "TrackingNumber": _tracking(number),
            "FromAddressCountry": "US",
            "ToAddressCountry": "US",
        }

    def send(self, number: int) -> dict[str, Any]:
        """The parcel's whole history in one request, as the hub sends it on every change; what it was worth."""
        sample = msgspec.json.decode(_SAMPLE.read_bytes())
        sample["result"]["tracking_code"] = _tracking(number)
        body = msgspec.json.encode(sample)
        signed = {easypost.SIGNATURE: easypost.signature(body, self._secret), "Content-Type": "application/json"}
        answer = httpx.post(self._about["url"], content=body, headers=signed, timeout=30)
        answer.raise_for_status()
        worth: dict[str, Any] = answer.json()
        return worth

    def told(self) -> set[str]:
        """The events that its last request became."""
        newest = self._client.hub_requests(self._about["id"])[0]
        return {scan["event_id"] for scan in newest["became"] if scan["event_id"]}


def _tracking(number: int) -> str:
    return f"{794_600_000_000 + number}"
