"""Figures as charts with their tables: from the store's tallies to what the templates show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from markupsafe import Markup
from msgspec import Struct
from sqlalchemy import Connection

from parcelhook import times
from parcelhook.dashboard import charts as draw
from parcelhook.dashboard.charts import Bar, Line
from parcelhook.edge.asking import filter_choice
from parcelhook.store import ids, insights
from parcelhook.store.counting import HOUR_MS
from parcelhook.store.insights import Range, Tally, TimeSpent
from parcelhook.webhooks.catalogue import status

RANGES = {"24h": 24, "7d": 168, "30d": 720}
_BARS = {24: 1, 168: 6, 720: 24}  # hours a bar


class Chart(Struct, frozen=True, kw_only=True):
    """A drawing, and the same as a table."""

    id: str
    title: str
    note: str
    drawing: Markup
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def day() -> Range:
    """The last 24 hours, the one under way included."""
    return Range.last(24, times.now_ms())


def chosen_range(word: str | None) -> int:
    """The hours of a range as it stands in the address; InvalidInput for a word that is none."""
    return filter_choice("range", word or None, RANGES) or 24


def charts(connection: Connection, account_id: int, hours: int, endpoint_id: int | None = None) -> list[Chart]:
    """All charts of a range: results, error rate, Time Spent, by code, by event."""
    when = Range.last(hours, times.now_ms())
    tallies = _grouped(insights.by_hour(connection, account_id, when, endpoint_id), when, _BARS[hours])
    times_spent = insights.time_spent_by_hour(connection, account_id, when, endpoint_id)
    return [
        results(tallies, _BARS[hours], endpoint_id),
        _error_rate(tallies, _BARS[hours]),
        _time_spent(times_spent, when, hours),
        _by_code(insights.by_code(connection, account_id, when, endpoint_id)),
        _by_event(connection, account_id, when, endpoint_id),
    ]


def strip(connection: Connection, account_id: int, endpoint_id: int | None) -> Chart:
    """The last day's results for the log: a click on a bar shows that hour."""
    tallies = _grouped(insights.by_hour(connection, account_id, day(), endpoint_id), day(), 1)
    return results(tallies, 1, endpoint_id)


def spark(hours: Mapping[int, Tally], when: Range) -> Markup:
    """The small chart in the list of webhooks."""
    rows = [
        Bar(label="", passed=tally.passed, failed=tally.failed)
        for tally in (hours.get(hour, Tally()) for hour in range(when.first, when.end))
    ]
    total = insights.total(hours)
    return draw.spark(rows, title=f"Last 24 hours: {total.passed} passed, {total.failed} failed")


def results(tallies: Mapping[int, Tally], step: int, endpoint_id: int | None) -> Chart:
    """Passed and failed attempts over time."""
    bars = [
        Bar(
            label=moment(hour, step),
            passed=tally.passed,
            failed=tally.failed,
            href="/logs?" + urlencode(_within(hour, step, endpoint_id)),
        )
        for hour, tally in tallies.items()
    ]
    passed, failed = sum(bar.passed for bar in bars), sum(bar.failed for bar in bars)
    return Chart(
        id="results",
        title="Attempts passed and failed",
        note=f"{passed:,} passed, {failed:,} failed",
        drawing=draw.bars(bars, title="Attempts passed and failed over time, UTC", every=max(1, len(bars) // 6)),
        columns=("From (UTC)", "Passed", "Failed"),
        rows=tuple((bar.label, f"{bar.passed:,}", f"{bar.failed:,}") for bar in bars),
    )


def _error_rate(tallies: Mapping[int, Tally], step: int) -> Chart:
    labels = [moment(hour, step) for hour in tallies]
    rates = tuple(None if tally.success is None else 100 * (1 - tally.success) for tally in tallies.values())
    return Chart(
        id="error-rate",
        title="Error rate",
        note="share of attempts that failed",
        drawing=draw.lines(
            labels,
            [Line(name="failed", values=rates)],
            title="Error rate over time, UTC",
            unit="%",
            every=max(1, len(labels) // 6),
        ),
        columns=("From (UTC)", "Failed"),
        rows=tuple(
            (label, "–" if rate is None else f"{rate:.1f} %") for label, rate in zip(labels, rates, strict=True)
        ),
    )


def _time_spent(found: Mapping[int, TimeSpent], when: Range, hours: int) -> Chart:
    step = _BARS[hours]
    starts = range(when.first, when.end, step)
    # Percentiles cannot be added up; of a bar's hours the slowest is shown.
    rows = [_slowest([found[hour] for hour in range(start, start + step) if hour in found]) for start in starts]
    labels = [moment(start, step) for start in starts]
    return Chart(
        id="time-spent",
        title="Time Spent",
        note="milliseconds: half, 95 % and 99 % of the attempts took no longer"
        + ("" if step == 1 else "; the slowest hour of each step"),
        drawing=draw.lines(
            labels,
            [
                Line(name="p50", values=tuple(row.p50 for row in rows)),
                Line(name="p95", values=tuple(row.p95 for row in rows)),
                Line(name="p99", values=tuple(row.p99 for row in rows)),
            ],
            title="Time Spent over time, UTC",
            unit="",
            every=max(1, len(labels) // 6),
        ),
        columns=("From (UTC)", "p50 ms", "p95 ms", "p99 ms"),
        rows=tuple((label, _ms(row.p50), _ms(row.p95), _ms(row.p99)) for label, row in zip(labels, rows, strict=True)),
    )


def _by_code(found: Mapping[int, Tally]) -> Chart:
    codes = sorted(found)
    names = {code: f"{code} {status(code).name}" if code else "No answer" for code in codes}
    return Chart(
        id="by-code",
        title="By answer",
        note="HTTP codes",
        drawing=draw.bars(
            [
                Bar(
                    label=str(code) if code else "none",
                    passed=found[code].passed,
                    failed=found[code].failed,
                    href=f"/logs?code={code or 'none'}",
                )
                for code in codes
            ],
            title="Attempts by HTTP code",
            every=1,
        ),
        columns=("Code", "Passed", "Failed"),
        rows=tuple((names[code], f"{found[code].passed:,}", f"{found[code].failed:,}") for code in codes),
    )


def _by_event(connection: Connection, account_id: int, when: Range, endpoint_id: int | None) -> Chart:
    found = insights.by_event(connection, account_id, when, endpoint_id)
    return Chart(
        id="by-event",
        title="By event",
        note="attempts",
        drawing=draw.bars(
            [
                Bar(label=kind.title, passed=tally.passed, failed=tally.failed, href=f"/logs?event={kind.choice}")
                for kind, tally in found.items()
            ],
            title="Attempts by event",
            every=1,
        ),
        columns=("Event", "Passed", "Failed"),
        rows=tuple((kind.title, f"{tally.passed:,}", f"{tally.failed:,}") for kind, tally in found.items()),
    )


def _grouped(hours: Mapping[int, Tally], when: Range, step: int) -> dict[int, Tally]:
    return {
        start: insights.total({hour: hours[hour] for hour in range(start, start + step) if hour in hours})
        for start in range(when.first, when.end, step)
    }


def _within(hour: int, step: int, endpoint_id: int | None) -> dict[str, str]:
    query = {"since": times.iso(hour * HOUR_MS), "until": times.iso((hour + step) * HOUR_MS)}
    if endpoint_id is not None:
        query["endpoint"] = ids.public(ids.Prefix.ENDPOINT, endpoint_id)
    return query


def _slowest(rows: list[TimeSpent]) -> TimeSpent:
    def most(values: list[float | None]) -> float | None:
        return max((value for value in values if value is not None), default=None)

    return TimeSpent(
        p50=most([row.p50 for row in rows]), p95=most([row.p95 for row in rows]), p99=most([row.p99 for row in rows])
    )


def moment(hour: int, step: int) -> str:
    """The words for a step that begins with an hour (UTC)."""
    when = datetime.fromtimestamp(hour * HOUR_MS / 1_000, UTC)
    if step == 1:
        return when.strftime("%H:%M")
    return when.strftime("%d %b") if step >= 24 else when.strftime("%d %b %H:%M")


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
