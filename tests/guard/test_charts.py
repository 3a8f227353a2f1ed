"""Charts: what is drawn is well formed, within its frame, in proportion, and says in words what it shows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from parcelhook.dashboard import charts
from parcelhook.dashboard.charts import COLUMN, HEIGHT, WIDTH, Bar, Line

NASTY = "<i>'\"&</i>"
COUNTS = st.one_of(st.integers(0, 50), st.integers(0, 10**12))
BARS = st.lists(
    st.builds(Bar, label=st.just("10:00"), passed=COUNTS, failed=COUNTS, href=st.sampled_from(["", "/logs?a=1&b=2"]))
)


def drawn(markup: Markup) -> ElementTree.Element:
    """The drawing as XML, in which HTML is well formed too."""
    return ElementTree.fromstring(f"<all>{markup}</all>")


def shapes(markup: Markup, name: str) -> list[dict[str, float]]:
    """The rectangles of one kind."""
    return [
        {key: float(value) for key, value in one.attrib.items() if key != "class"}
        for one in drawn(markup).iter("rect")
        if one.get("class") == name
    ]


def said(markup: Markup) -> str:
    """All its words."""
    return " ".join(drawn(markup).itertext())


@given(BARS)
def test_bars_stand_in_their_frame_and_all_that_is_not_nothing_is_seen(rows: list[Bar]) -> None:
    markup = charts.bars(rows, title="Attempts")
    passed, failed = shapes(markup, "passed"), shapes(markup, "failed")
    assert len(passed) == sum(row.passed > 0 for row in rows)
    assert len(failed) == sum(row.failed > 0 for row in rows)
    for shape in passed + failed:
        assert shape["height"] >= charts.SHORTEST
        assert shape["y"] >= -0.1
        assert shape["y"] + shape["height"] <= HEIGHT + 0.15
        assert shape["x"] >= 0
        assert shape["x"] + shape["width"] <= COLUMN * len(rows) + 0.1
    titles = [one.text for one in drawn(markup).iter("title")]
    assert titles == [f"10:00: {row.passed} passed, {row.failed} failed" for row in rows]


def test_bars_are_in_proportion_and_failed_stands_on_passed() -> None:
    markup = charts.bars([Bar(label="a", passed=60, failed=40), Bar(label="b", passed=50, failed=0)], title="Attempts")
    (first, second), (failed,) = shapes(markup, "passed"), shapes(markup, "failed")
    assert (first["height"], second["height"], failed["height"]) == (60, 50, 40)
    assert failed["y"] + failed["height"] == first["y"]


def test_where_nothing_was_there_is_a_frame_with_a_nought() -> None:
    for markup in (charts.bars([], title="None"), charts.bars([Bar(label="a", passed=0, failed=0)], title="None")):
        assert (shapes(markup, "passed"), shapes(markup, "failed")) == ([], [])
        scale = drawn(markup).find(".//div[@class='scale']")
        assert scale is not None
        assert "".join(scale.itertext()) == "0"
    empty = charts.lines([], [Line(name="p50", values=())], title="None", unit="%")
    assert [one.get("d") for one in drawn(empty).findall(".//path[@class='line line-0']")] == [""]
    assert "passed" in charts.spark([], title="0 passed")


def test_only_every_so_many_has_its_label_and_links_lead_on() -> None:
    rows = [Bar(label=f"h{hour}", passed=1, failed=0, href=f"/logs?at={hour}&x=1") for hour in range(8)]
    markup = charts.bars(rows, title="Hours", every=4)
    assert [one.text for one in drawn(markup).iter("b")] == ["h0", None, None, None, "h4", None, None, None]
    assert [one.get("href") for one in drawn(markup).iter("a")] == [row.href for row in rows]
    assert [one.get("role") for one in drawn(markup).iter("svg")] == ["group"]


def test_whatever_text_comes_is_text() -> None:
    bar = Bar(label=NASTY, passed=1, failed=1, href=NASTY)
    line = Line(name=NASTY, values=(1.0,))
    made = [
        charts.bars([bar], title=NASTY),
        charts.lines([NASTY], [line, line], title=NASTY, unit=NASTY),
        charts.spark([bar], title=NASTY),
        charts.phases([(NASTY, 1.0)], title=NASTY),
    ]
    for markup in made:
        root = drawn(markup)
        assert next(root.iter("svg")).get("aria-label") == NASTY
        assert list(root.iter("i")) == []
    assert NASTY in said(made[0])
    assert said(made[1]).count(NASTY) >= 2


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(0, 1e12)), min_size=3, max_size=3), min_size=1, max_size=3))
def test_lines_stay_in_their_frame_and_leave_gaps(values: list[list[float | None]]) -> None:
    drawn_lines = [Line(name=f"p{order}", values=tuple(some)) for order, some in enumerate(values)]
    root = drawn(charts.lines(["a", "b", "c"], drawn_lines, title="Time Spent", unit=" ms"))
    for order, line in enumerate(drawn_lines):
        path = next(one.get("d") or "" for one in root.iter("path") if one.get("class") == f"line line-{order}")
        points = re.findall(r"([ML])([\d.]+) ([\d.]+)", path)
        there = [value is not None for value in line.values]
        assert len(points) == sum(there)
        begins = [not before for before, now in zip([False, *there], there, strict=False) if now]
        assert [step == "M" for step, _, _ in points] == begins, "a gap is not drawn over"
        assert all(float(y) <= HEIGHT and float(x) <= 3 * COLUMN for _, x, y in points)
    assert (root.find("ul") is not None) == (len(values) > 1), "one line needs no key"


@given(BARS.filter(bool))
def test_a_small_chart_shows_all_that_is_not_nothing(rows: list[Bar]) -> None:
    root = drawn(charts.spark(rows, title="Last 24 hours"))
    paths = {one.get("class"): one.get("d") or "" for one in root.iter("path")}
    for name in ("passed", "failed"):
        found = re.findall(r"M(\d+) (\d+)h(\d+)v-(\d+)h-\d+z", paths[name])
        assert len(found) == paths[name].count("M") == sum(getattr(row, name) > 0 for row in rows)
        assert all(4 <= int(bottom) - int(height) <= 52 for _, bottom, _, height in found)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=5))
def test_phases_fill_the_bar_and_the_shortest_is_still_seen(spent: list[float]) -> None:
    markup = charts.phases([(f"phase {n}", ms) for n, ms in enumerate(spent)], title="Time Spent")
    found = [shape for n in range(len(spent)) for shape in shapes(markup, f"phase-{n}")]
    assert len(found) == sum(ms > 0 for ms in spent)
    assert all(shape["width"] >= 1.9 for shape in found)
    if found:
        assert sum(shape["width"] for shape in found) == pytest.approx(WIDTH, abs=0.5)


@given(st.floats(1e-3, 1e15))
def test_a_scale_ends_at_a_number_that_reads_well(value: float) -> None:
    top = charts._round_up(value)
    assert value <= top <= 2.5 * value * (1 + 1e-9)
    assert f"{top:e}"[0] in "125"
    assert float(f"{top:.0e}") == pytest.approx(top)


@pytest.mark.parametrize(
    ("value", "words"), [(0.0, "0"), (0.5, "0.5"), (999, "999"), (1_000, "1k"), (2_500, "2.5k"), (5_000_000, "5M")]
)
def test_a_number_of_the_scale_is_short(value: float, words: str) -> None:
    assert charts._short(value) == words
