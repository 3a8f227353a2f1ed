"""The demo's lines: what goes in, what arrives, and how it was received."""

from __future__ import annotations

import threading
import time
from typing import Any

from rich.console import Console
from rich.text import Text

from parcelhook.cli.output import retry, spent

_NAMES = {"ORDER_SHIPPED": "Order Shipped", "ORDER_ERROR": "Order Error", "TRACKING_UPDATE": "Tracking Update"}


class Show:
    """Writes lines from several threads, one at a time."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._lock = threading.Condition()
        self._passed: set[str] = set()

    def say(self, text: str = "", style: str = "") -> None:
        """A sentence."""
        with self._lock:
            self._console.print(Text(text, style))

    def rule(self, title: str = "") -> None:
        """A line across, with a title in it."""
        with self._lock:
            self._console.rule(Text(title, "bold"), style="cyan")

    def fed(self, event: dict[str, Any]) -> None:
        """An event goes in."""
        what = event.get("message") or event.get("Message") or event.get("TrackingNumber", "")
        kind = _NAMES[event["Event"]] + (" (return)" if event.get("IsReturn") else "")
        self._line(Text.assemble(
            (time.strftime("%H:%M:%S"), "dim"), ("  in   ", "cyan"), f"{kind:<25} ",
            f"order {event['OrderID']}  {event['TransactionID']:<9}  {event.get('TrackingCarrier', ''):<15} ", (what, "dim"),
        ))  # fmt: skip

    def arrived(self, item: dict[str, Any]) -> None:
        """A webhook arrived, or failed to."""
        kind = _NAMES[item["event"]] + (" (return)" if item["is_return"] else "")
        passed = item["result"] == "passed"
        number = "" if item["retry"] == 0 and not item["test"] else f"  {_said(item)}"
        line = Text.assemble(
            (time.strftime("%H:%M:%S"), "dim"), ("  out  ", "green" if passed else "bold red"), f"{kind:<25} ",
            f"order {item['order_id']}  {item['transaction_id']:<9}  ",
            (f"{item['result']} {item['http_code'] or ''}".strip(), "green" if passed else "bold red"),
            f"  Time Spent {spent(item['time_spent_ms'])}{number}",
        )  # fmt: skip
        if not passed:
            line.append(f"\n               {item['reason']}", "red")
            line.append(f"\n               What to do: {item['hint']}")
            line.append("\n               It is sent again by itself: same bytes, same webhook-id.", "dim")
        self._line(line)
        if passed:
            with self._lock:
                self._passed.add(item["event_id"])
                self._lock.notify_all()

    def wait_for(self, event_ids: set[str], timeout_s: float) -> bool:
        """Whether all of these were shown as passed within the time."""
        with self._lock:
            return self._lock.wait_for(lambda: event_ids <= self._passed, timeout_s)

    def _line(self, line: Text) -> None:
        with self._lock:
            self._console.print(line)


def _said(item: dict[str, Any]) -> str:
    return "Test" if item["test"] else f"Retry {retry(item)}"
