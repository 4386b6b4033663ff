"""Plots: what is drawn is told in words, and in a table, too."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.template.loader import render_to_string

from bmsxero.plots import Bar, Day, Gauge, Plot, Sides, Way, bars, columns, flow, gauges, share


def days(*numbers: tuple[int, int, int]) -> list[Day]:
    return [Day(f"Day {n}", f"/day/{n}/", *each) for n, each in enumerate(numbers)]


def drawn(*numbers: tuple[int, int, int]) -> Plot:
    head = ("Day", "Well", "Warned", "Failed")
    return columns("health", "Health", "How it went.", days(*numbers), head=head, empty="Needs one export.")


def shown(plot: Plot) -> str:
    return render_to_string("components/_plot.html", {"plot": plot})


def test_a_column_is_as_high_as_its_share_and_failures_are_never_too_small_to_see() -> None:
    _, full, half = drawn((1000, 0, 1), (500, 0, 0)).marks
    assert [box.look for box in full.boxes] == ["ok", "bad"]
    assert full.boxes[1].height >= 3
    assert half.boxes[0].height == full.boxes[0].height // 2


def test_a_day_without_anything_is_no_link() -> None:
    plot = drawn((0, 0, 0), (1, 1, 1), (0, 0, 0))
    assert [mark.url for mark in plot.marks] == ["", "/day/1/"]
    assert [line.title for line in plot.lines] == ["Day 1"]


def test_nothing_to_draw_says_what_it_needs() -> None:
    page = shown(drawn((0, 0, 0)))
    assert "Needs one export." in page
    assert "<svg" not in page


def test_a_plot_has_title_description_table_and_patterns_and_nothing_inline() -> None:
    page = shown(drawn((3, 2, 1)))
    for part in (
        "<title id=",
        "<desc id=",
        "Show as table",
        'fill="url(#health-bad)"',
        'aria-label="Day 0: 3 went well',
    ):
        assert part in page
    assert page.count('href="/day/0/"') == 2
    assert " style=" not in page
    assert "<style" not in page


def test_bars_are_links_where_there_is_something() -> None:
    rows = [Bar("0 to 7 days", "/a/", 3, "3: GBP 10.00", ("3", "GBP 10.00")), Bar("Older", "/b/", 0, "0", ("0", ""))]
    plot = bars("ages", "Ages", "", rows, head=("Age", "Number", "Value"), empty="None.")
    assert [mark.url for mark in plot.marks] == ["/a/", ""]
    assert [line.url for line in plot.lines] == ["/a/", ""]


def test_a_gauge_never_runs_over_and_carries_its_mark() -> None:
    rows = [Gauge("Today", "/jobs/", 9_000, 5_000, "9,000 left", 20_000, "needs 20,000")]
    (mark,) = gauges("quota", "Quota", "", rows, head=("Limit", "Used", "Wanted")).marks
    assert mark.boxes[1].width == mark.boxes[0].width
    assert mark.strokes[0].x1 < mark.boxes[0].width
    assert "needs 20,000" in mark.label


def test_an_arrow_points_the_way_things_go() -> None:
    ways = [Way("Invoices", "/out/", True, "3 ready", "Never run"), Way("Payments", "", False, "", "Never run")]
    _, out, back = flow("flow", "Flow", "", ways, Sides("Here", "There")).marks
    assert out.strokes[0].x1 < out.strokes[0].x2
    assert back.strokes[0].x1 > back.strokes[0].x2
    assert out.label == "Invoices, to There. 3 ready. Never run"


@pytest.mark.parametrize(
    ("part", "whole", "expected"), [(0, 10, 0), (5, 10, 50), (20, 10, 100), (5, 0, 0), (Decimal("0.5"), 1, 50)]
)
def test_a_share_is_whole_and_bounded(part: int, whole: int, expected: int) -> None:
    assert share(part, whole, 100) == expected
