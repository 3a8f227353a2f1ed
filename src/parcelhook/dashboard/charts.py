"""Charts as SVG, drawn from numbers alone: no script, no clock. Colour is never alone: shapes, labels and a table go with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape
from msgspec import Struct

WIDTH: Final = 720
HEIGHT: Final = 150
WIDEST_BAR: Final = 56.0
_TOP, _BOTTOM, _LEFT = 8, 22, 44  # room for the labels


class Bar(Struct, frozen=True, kw_only=True):
    """One bar: how much of it is well and how much is not, and where a click leads."""

    label: str
    passed: int
    failed: int
    href: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """One line through the same labels; None leaves a gap."""

    name: str
    values: tuple[float | None, ...]


def bars(rows: Sequence[Bar], *, title: str, every: int = 4) -> Markup:
    """Stacked bars, failed above passed; every so many has its label beneath."""
    top = _round_up(max((row.passed + row.failed for row in rows), default=0))
    step = (WIDTH - _LEFT) / max(len(rows), 1)
    parts = [_grid(top, "")]
    for index, row in enumerate(rows):
        left = _LEFT + index * step
        total = row.passed + row.failed
        well, ill = _height(row.passed, top), _height(row.failed, top)
        said = f"{row.label}: {row.passed} passed, {row.failed} failed"
        shapes = Markup("<title>{}</title>").format(said)
        shapes += _rect("hit", left, _TOP, step, HEIGHT - _TOP - _BOTTOM)
        if total:
            width = min(step * 0.72, WIDEST_BAR)
            x = left + (step - width) / 2
            shapes += _rect("passed", x, HEIGHT - _BOTTOM - well, width, well)
            shapes += _rect("failed", x, HEIGHT - _BOTTOM - well - ill, width, ill)
        parts.append(
            Markup('<a href="{}" aria-label="{}">{}</a>').format(row.href, said, shapes)
            if row.href
            else Markup("<g>{}</g>").format(shapes)
        )
        if index % every == 0:
            parts.append(_text(left + step / 2, HEIGHT - 6, row.label, "middle"))
    return _figure(parts, title, group=any(row.href for row in rows))


def lines(labels: Sequence[str], drawn: Sequence[Line], *, title: str, unit: str, every: int = 4) -> Markup:
    """Lines, told apart by their dashes as well as by colour; each ends in its name."""
    top = _round_up(max((value for line in drawn for value in line.values if value is not None), default=0))
    right = 36
    step = (WIDTH - _LEFT - right) / max(len(labels) - 1, 1)
    parts = [_grid(top, unit, right)]
    for index, label in enumerate(labels):
        if index % every == 0:
            parts.append(_text(_LEFT + index * step, HEIGHT - 6, label, "middle"))
    taken: list[float] = []
    for order, line in enumerate(drawn):
        points = [
            (_LEFT + index * step, HEIGHT - _BOTTOM - _height(value, top))
            for index, value in enumerate(line.values)
            if value is not None
        ]
        if not points:
            continue
        path = " ".join(f"{'M' if not index else 'L'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))
        parts.append(Markup('<path class="line line-{}" d="{}"/>').format(order, path))
        x, y = points[-1]
        parts.append(
            Markup('<circle class="dot line-{}" cx="{}" cy="{}" r="3"/>').format(order, f"{x:.1f}", f"{y:.1f}")
        )
        label_y = y + 4
        while any(abs(label_y - other) < 12 for other in taken):
            label_y -= 12
        taken.append(label_y)
        parts.append(_text(x + 6, label_y, line.name, "start"))
    return _figure(parts, title)


def spark(rows: Sequence[Bar], *, title: str) -> Markup:
    """A small chart of the same kind, for a line of a table."""
    top = max((row.passed + row.failed for row in rows), default=0) or 1
    step = 120 / max(len(rows), 1)
    passed, failed = [], []
    for index, row in enumerate(rows):
        well, ill = 24 * row.passed / top, 24 * row.failed / top
        passed.append(_column(index * step + 0.5, 26, step - 1, well))
        failed.append(_column(index * step + 0.5, 26 - well, step - 1, ill))
    # One path for all bars of a colour: a table may hold many of these.
    return Markup(
        '<svg class="spark" viewBox="0 0 120 27" role="img" aria-label="{}"><path class="passed" d="{}"/>'
        '<path class="failed" d="{}"/><path class="axis" d="M0 26.5H120"/></svg>'
    ).format(title, "".join(passed), "".join(failed))


def phases(timing: Sequence[tuple[str, float]], *, title: str) -> Markup:
    """How a time divides into phases, as one bar; a phase that is too short to be seen still gets a sliver."""
    total = sum(ms for _, ms in timing) or 1.0
    parts, left = [], 0.0
    for order, (name, ms) in enumerate(timing):
        width = WIDTH * ms / total
        if ms:
            width = max(width, 2.0)
            shape = _rect(f"phase-{order}", left, 0, min(width, WIDTH - left), 20)
            parts.append(Markup("<g><title>{}</title>{}</g>").format(f"{name}: {ms:.1f} ms", shape))
        left += width
    return Markup(
        '<svg class="phases" viewBox="0 0 {} 20" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>'
    ).format(WIDTH, title, Markup("").join(parts))


def _figure(parts: Sequence[Markup], title: str, *, group: bool = False) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" preserveAspectRatio="xMinYMid meet" role="{}" aria-label="{}">{}</svg>'
    ).format(WIDTH, HEIGHT, "group" if group else "img", title, Markup("").join(parts))


def _grid(top: float, unit: str, right: int = 0) -> Markup:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT - _BOTTOM - _height(share * top, top)
        parts.append(
            Markup('<path class="{}" d="M{} {}H{}"/>').format(
                "grid" if share else "axis", _LEFT, f"{y:.1f}", WIDTH - right
            )
        )
        if top or not share:
            parts.append(_text(_LEFT - 6, y + 4, f"{_short(share * top)}{unit}", "end"))
    return Markup("").join(parts)


def _rect(name: str, x: float, y: float, width: float, height: float) -> Markup:
    if height <= 0 or width <= 0:
        return Markup("")
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
        name, f"{x:.1f}", f"{y:.1f}", f"{width:.1f}", f"{height:.1f}"
    )


def _column(x: float, bottom: float, width: float, height: float) -> str:
    return f"M{x:.1f} {bottom:.1f}h{width:.1f}v-{height:.1f}h-{width:.1f}z" if height > 0 else ""


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(f"{x:.1f}", f"{y:.1f}", anchor, escape(text))


def _height(value: float, top: float) -> float:
    if not top or not value:
        return 0.0
    return max(1.5, (HEIGHT - _TOP - _BOTTOM) * value / top)


def _round_up(value: float) -> float:
    """The next number that reads well: 1, 2 or 5 times a power of ten."""
    if value <= 0:
        return 0.0
    step = 1.0
    while step < value:
        step *= 10
    while step / 10 >= value:
        step /= 10
    return next(step / part for part in (5, 2, 1) if step / part >= value)


def _short(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1_000:g}k" if value >= 1_000 else f"{value:g}"
