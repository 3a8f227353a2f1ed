"""Charts from numbers alone: no script, no clock. Colour is never alone: shapes, labels and a table go with it.

The shapes are SVG that stretches to the room there is; the words around them are text of the page, so that they keep their
size on a wide screen and on a phone. Every column of a chart is as wide as its neighbours, in the drawing as in the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup
from msgspec import Struct

COLUMN: Final = 20.0  # the width of a column and the height of a drawing, in the drawing's own units
HEIGHT: Final = 100.0
WIDTH: Final = 720.0  # of the bar of phases
WIDEST_BAR: Final = 0.66  # of its column; where columns are few they are wide, and a bar takes less of them
SHORTEST: Final = 1.5  # what is not nothing can be seen
SLIVER: Final = 2.0  # the same of a phase


class Bar(Struct, frozen=True, kw_only=True):
    """One bar: how much of it is well and how much is not, and where a click leads."""

    label: str
    passed: int
    failed: int
    href: str = ""


class Across(Struct, frozen=True, kw_only=True):
    """One bar that lies: what it is made up of, what is said beside it, and where a click on its name leads."""

    label: str
    parts: tuple[float, ...]
    value: str
    href: str = ""


class Line(Struct, frozen=True, kw_only=True):
    """One line through the same labels; None leaves a gap."""

    name: str
    values: tuple[float | None, ...]


def bars(rows: Sequence[Bar], *, title: str, every: int = 4, names: tuple[str, str] = ("passed", "failed")) -> Markup:
    """Stacked bars, failed above passed; every so many has its label beneath. `names` are what the two are called."""
    top = _round_up(max((row.passed + row.failed for row in rows), default=0))
    parts = [_grid(len(rows))]
    for index, row in enumerate(rows):
        said = f"{row.label}: {row.passed} {names[0]}, {row.failed} {names[1]}"
        shapes = Markup("<title>{}</title>").format(said)
        shapes += _rect("hit", index * COLUMN, 0, COLUMN, HEIGHT)
        shapes += _stack(row, index * COLUMN, COLUMN * min(WIDEST_BAR, 0.1 * len(rows)), top)
        parts.append(
            Markup('<a href="{}" aria-label="{}">{}</a>').format(row.href, said, shapes)
            if row.href
            else Markup("<g>{}</g>").format(shapes)
        )
    labels = [row.label if index % every == 0 else "" for index, row in enumerate(rows)]
    return _figure(parts, labels, title=title, top=top, linked=any(row.href for row in rows))


def lines(labels: Sequence[str], drawn: Sequence[Line], *, title: str, unit: str, every: int = 4) -> Markup:
    """Lines, told apart by their dashes as well as by colour, with a key."""
    top = _round_up(max((value for line in drawn for value in line.values if value is not None), default=0))
    parts = [_grid(len(labels))]
    for order, line in enumerate(drawn):
        runs = _runs(line.values, top)
        path = " ".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in run) for run in runs)
        # Where a run ends there is a dot, without which a point between two gaps would not be seen.
        dots = "".join(f"M{run[-1][0]:.1f} {run[-1][1]:.1f}h0" for run in runs)
        parts.append(Markup('<path class="line line-{}" d="{}"/>').format(order, path))
        parts.append(Markup('<path class="dot line-{}" d="{}"/>').format(order, dots))
    shown = [label if index % every == 0 else "" for index, label in enumerate(labels)]
    return _figure(parts, shown, title=title, top=top, unit=unit) + _key(drawn)


def across(rows: Sequence[Across], *, names: Sequence[str], tones: Sequence[str]) -> Markup:
    """Bars that lie, one a row between its name and its value; the parts of a bar follow each other, each in its tone.

    Name and value say what the bar shows, so it need not be read out.
    """
    top = max((sum(row.parts) for row in rows), default=0.0) or 1.0
    drawn = []
    for row in rows:
        shapes, left = Markup(""), 0.0
        for tone, part in zip(tones, row.parts, strict=True):
            width = max(0.5, WIDTH * part / top) if part > 0 else 0.0
            shapes += _rect(tone, left, 0, width, 12)
            left += width
        drawn.append(
            Markup(
                '<li><span class="name">{}</span>'
                '<svg viewBox="0 0 {:.0f} 12" preserveAspectRatio="none" aria-hidden="true">{}</svg>'
                '<span class="amount">{}</span></li>'
            ).format(_linked(row.label, row.href), WIDTH, shapes, row.value)
        )
    swatch = Markup(
        '<li><svg viewBox="0 0 28 8" aria-hidden="true"><rect class="{}" width="28" height="8"/></svg> {}</li>'
    )
    key = Markup("").join(swatch.format(tone, name) for tone, name in zip(tones, names, strict=True))
    legend = Markup('<ul class="key">{}</ul>').format(key) if len(names) > 1 else Markup("")
    return Markup('<ul class="across">{}</ul>{}').format(Markup("").join(drawn), legend)


def spark(rows: Sequence[Bar], *, title: str) -> Markup:
    """A small chart of the same kind, for a line of a table."""
    top = max((row.passed + row.failed for row in rows), default=0) or 1
    step = 240 / max(len(rows), 1)
    passed, failed = [], []
    for index, row in enumerate(rows):
        left, width = round(index * step) + 1, max(round(step) - 2, 1)
        well, ill = (round(height) for height in _heights(row, top, full=48, least=1))
        passed.append(_column(left, 52, width, well))
        failed.append(_column(left, 52 - well, width, ill))
    # One path for all bars of a colour, in whole half pixels: a table may hold many of these.
    return Markup(
        '<svg class="spark" viewBox="0 0 240 54" role="img" aria-label="{}"><path class="passed" d="{}"/>'
        '<path class="failed" d="{}"/><path class="axis" stroke-width="2" d="M0 53H240"/></svg>'
    ).format(title, "".join(passed), "".join(failed))


def phases(timing: Sequence[tuple[str, float]], *, title: str) -> Markup:
    """How a time divides into phases, as one bar; a phase that is too short to be seen still gets a sliver."""
    total = sum(ms for _, ms in timing) or 1.0
    widths = [max(WIDTH * ms / total, SLIVER) if ms else 0.0 for _, ms in timing]
    fits = WIDTH / (sum(widths) or 1.0)  # what the slivers take beyond their share, all give
    parts, left = [], 0.0
    for order, ((name, ms), width) in enumerate(zip(timing, widths, strict=True)):
        if ms:
            shape = _rect(f"phase-{order}", left, 0, fits * width, 20)
            parts.append(Markup("<g><title>{}</title>{}</g>").format(f"{name}: {ms:.1f} ms", shape))
        left += fits * width
    return Markup(
        '<svg class="phases" viewBox="0 0 {:.0f} 20" role="img" aria-label="{}" preserveAspectRatio="none">{}</svg>'
    ).format(WIDTH, title, Markup("").join(parts))


def _runs(values: Sequence[float | None], top: float) -> list[list[tuple[float, float]]]:
    """The points of a line, apart where there is a gap."""
    runs: list[list[tuple[float, float]]] = [[]]
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(((index + 0.5) * COLUMN, HEIGHT - _height(value, top)))
    return [run for run in runs if run]


def _stack(row: Bar, left: float, width: float, top: float) -> Markup:
    x = left + (COLUMN - width) / 2
    well, ill = _heights(row, top, full=HEIGHT, least=SHORTEST)
    return _rect("passed", x, HEIGHT - well, width, well) + _rect("failed", x, HEIGHT - well - ill, width, ill)


def _figure(
    parts: Sequence[Markup], labels: Sequence[str], *, title: str, top: float, unit: str = "", linked: bool = False
) -> Markup:
    """The drawing with the scale at its left and the labels beneath: both are said by the table, so they need not be read out."""
    scale = (top, top / 2, 0.0) if top else (0.0,)
    return Markup(
        '<div class="chart"><div class="scale" aria-hidden="true">{}</div>'
        '<svg viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" role="{}" aria-label="{}">{}</svg>'
        '<div class="labels" aria-hidden="true">{}</div></div>'
    ).format(
        Markup("").join(Markup("<span>{}{}</span>").format(_short(value), unit) for value in scale),
        COLUMN * max(len(labels), 1),
        HEIGHT,
        "group" if linked else "img",
        title,
        Markup("").join(parts),
        Markup("").join(Markup("<span><b>{}</b></span>").format(label) for label in labels),
    )


def _key(drawn: Sequence[Line]) -> Markup:
    if len(drawn) < 2:
        return Markup("")
    entry = Markup(
        '<li><svg viewBox="0 0 28 8" aria-hidden="true"><path class="line line-{}" d="M0 4H28"/></svg> {}</li>'
    )
    return Markup('<ul class="key">{}</ul>').format(
        Markup("").join(entry.format(order, line.name) for order, line in enumerate(drawn))
    )


def _linked(label: str, href: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(href, label) if href else Markup("{}").format(label)


def _grid(columns: int) -> Markup:
    width = COLUMN * max(columns, 1)
    return Markup("").join(
        Markup('<path class="{}" d="M0 {:.1f}H{:.0f}"/>').format(name, y, width)
        for name, y in (("grid", 0.5), ("grid", HEIGHT / 2), ("axis", HEIGHT - 0.5))
    )


def _rect(name: str, x: float, y: float, width: float, height: float) -> Markup:
    if height <= 0 or width <= 0:
        return Markup("")
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        name, x, y, width, height
    )


def _column(x: int, bottom: int, width: int, height: int) -> str:
    return f"M{x} {bottom}h{width}v-{height}h-{width}z" if height > 0 else ""


def _height(value: float, top: float, full: float = HEIGHT, least: float = SHORTEST) -> float:
    return max(least, full * value / top) if top and value else 0.0


def _heights(row: Bar, top: float, *, full: float, least: float) -> tuple[float, float]:
    """How high passed and failed are. The larger gives what the smaller takes beyond its share, or they would not fit."""
    well, ill = _height(row.passed, top, full, least), _height(row.failed, top, full, least)
    if row.passed > row.failed:
        return min(well, full - ill), ill
    return well, min(ill, full - well)


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
