"""Plots as inline SVG, drawn on the server: shapes that are links, with words and patterns besides colour.

A plot carries its own table, so that whoever can't see it, or has no room for it, reads the same. Geometry is in
whole units of the drawing's own size; nothing here knows what is drawn.

    {% include "components/_plot.html" with plot=health %}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Look = Literal["ok", "warn", "bad", "bar", "rest", "base"]
Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Box:
    """A filled rectangle. Its look gives colour and pattern."""

    x: int
    y: int
    width: int
    height: int
    look: Look = "bar"


@dataclass(frozen=True)
class Words:
    """A text in the drawing; `y` is its base line."""

    x: int
    y: int
    text: str
    anchor: Anchor = "start"
    quiet: bool = False


@dataclass(frozen=True)
class Stroke:
    """A line; with `arrow`, it points to its end."""

    x1: int
    y1: int
    x2: int
    y2: int
    arrow: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class Mark:
    """What belongs together and, with a `url`, is one link. `label` says it in full."""

    label: str
    url: str = ""
    boxes: tuple[Box, ...] = ()
    words: tuple[Words, ...] = ()
    strokes: tuple[Stroke, ...] = ()


@dataclass(frozen=True)
class Line:
    """A row of the table: what it is about, where that is, and the other cells."""

    title: str
    url: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Plot:
    """A drawing with its title, what it tells in a sentence, and its table."""

    name: str
    title: str
    description: str
    width: int
    height: int
    head: tuple[str, ...]
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    legend: Sequence[tuple[Look, str]] = ()
    empty: str = ""


@dataclass(frozen=True)
class Day:
    """One column: how many of each, bottom to top."""

    title: str
    url: str
    ok: int
    warn: int
    bad: int

    @property
    def total(self) -> int:
        return self.ok + self.warn + self.bad


@dataclass(frozen=True)
class Bar:
    """One horizontal bar: its name, its length, and what is written behind it."""

    title: str
    url: str
    size: int
    note: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Gauge:
    """A part of a whole, with an optional mark on the way."""

    title: str
    url: str
    part: int
    whole: int
    note: str
    mark: int | None = None
    mark_note: str = ""


COLUMN, GAP, COLUMNS_HEIGHT = 8, 2, 96
ROW, BAR_HEIGHT, BAR_LEFT, BAR_LENGTH, NOTE_WIDTH = 30, 18, 110, 330, 250
GAUGE_ROW, GAUGE_LENGTH = 56, 330
SPARK_HEIGHT = 48
FONT_UP = 13  # from a box's top to the base line of the words in it


def columns(name: str, title: str, description: str, days: Sequence[Day], *, head: tuple[str, ...], empty: str) -> Plot:
    """Draw a stacked column for each day; days without anything are a dot of the base line and no link."""
    highest = max((day.total for day in days), default=0)
    width = len(days) * (COLUMN + GAP)
    base = Mark("", boxes=(Box(0, COLUMNS_HEIGHT, width, 1, "base"),), words=_ends(days, width))
    busy = [(position, day) for position, day in enumerate(days) if day.total]
    marks = [Mark(_told(day), day.url, boxes=_stack(day, position * (COLUMN + GAP), highest)) for position, day in busy]
    lines = [Line(day.title, day.url, (str(day.ok), str(day.warn), str(day.bad))) for _, day in reversed(busy)]
    return Plot(
        name,
        title,
        description,
        width,
        COLUMNS_HEIGHT + 18,
        head,
        lines,
        [base, *marks],
        legend=(("ok", head[1]), ("warn", head[2]), ("bad", head[3])),
        empty="" if busy else empty,
    )


def _told(day: Day) -> str:
    return f"{day.title}: {day.ok} went well, {day.warn} with a warning, {day.bad} failed"


def _ends(days: Sequence[Day], width: int) -> tuple[Words, ...]:
    if not days:
        return ()
    y = COLUMNS_HEIGHT + 15
    return (Words(0, y, days[0].title, quiet=True), Words(width, y, days[-1].title, "end", quiet=True))


def _stack(day: Day, x: int, highest: int) -> tuple[Box, ...]:
    boxes: list[Box] = []
    y = COLUMNS_HEIGHT
    for number, look in ((day.ok, "ok"), (day.warn, "warn"), (day.bad, "bad")):
        if number:
            # A few failures among thousands must be seen
            height = max(3, share(number, highest, COLUMNS_HEIGHT - 6))
            y -= height
            boxes.append(Box(x, y, COLUMN, height, look))  # type: ignore[arg-type]
    return tuple(boxes)


def bars(name: str, title: str, description: str, rows: Sequence[Bar], *, head: tuple[str, ...], empty: str) -> Plot:
    """Draw a bar for each row, its name before it and a note behind it."""
    longest = max((row.size for row in rows), default=0)
    marks = []
    for position, row in enumerate(rows):
        y = position * ROW + 6
        length = max(2 if row.size else 0, share(row.size, longest, BAR_LENGTH))
        words = (
            Words(BAR_LEFT - 10, y + FONT_UP, row.title, "end"),
            Words(BAR_LEFT + length + 8, y + FONT_UP, row.note, quiet=not row.size),
        )
        boxes = (Box(BAR_LEFT, y, length, BAR_HEIGHT),) if length else ()
        marks.append(Mark(f"{row.title}: {row.note}", row.url if row.size else "", boxes, words))
    lines = [Line(row.title, row.url if row.size else "", row.cells) for row in rows]
    return Plot(
        name,
        title,
        description,
        BAR_LEFT + BAR_LENGTH + NOTE_WIDTH,
        len(rows) * ROW + 6,
        head,
        lines,
        marks,
        empty="" if longest else empty,
    )


def spark(name: str, title: str, description: str, rows: Sequence[Bar], *, head: tuple[str, ...], empty: str) -> Plot:
    """Draw a thin column for each row, along one line; nothing is an empty place."""
    highest = max((row.size for row in rows), default=0)
    step = GAUGE_LENGTH // max(1, len(rows))
    width = step * len(rows)
    marks = [Mark("", boxes=(Box(0, SPARK_HEIGHT, width, 1, "base"),))]
    for position, row in enumerate(rows):
        if row.size:
            height = max(2, share(row.size, highest, SPARK_HEIGHT - 2))
            box = Box(position * step + 1, SPARK_HEIGHT - height, step - 2, height)
            marks.append(Mark(f"{row.title}: {row.note}", row.url, (box,)))
    if rows:
        y = SPARK_HEIGHT + 15
        ends = (Words(0, y, rows[0].title, quiet=True), Words(width, y, rows[-1].title, "end", quiet=True))
        marks[0] = Mark("", boxes=marks[0].boxes, words=ends)
    lines = [Line(row.title, row.url, row.cells) for row in reversed(rows) if row.size]
    height = SPARK_HEIGHT + 18
    return Plot(name, title, description, width, height, head, lines, marks, empty="" if highest else empty)


def gauges(name: str, title: str, description: str, rows: Sequence[Gauge], *, head: tuple[str, ...]) -> Plot:
    """Draw a bar that fills up for each row, what it says above it, and a mark below it where there is one."""
    marks, lines = [], []
    for position, row in enumerate(rows):
        y = position * GAUGE_ROW
        boxes = [
            Box(0, y + 20, GAUGE_LENGTH, 12, "rest"),
            Box(0, y + 20, share(row.part, row.whole, GAUGE_LENGTH), 12, "bar"),
        ]
        words = [Words(0, y + 13, f"{row.title}: {row.note}")]
        strokes = []
        if row.mark is not None:
            x = min(GAUGE_LENGTH - 1, share(row.mark, row.whole, GAUGE_LENGTH))
            strokes.append(Stroke(x, y + 16, x, y + 36))
            half = x > GAUGE_LENGTH // 2
            words.append(Words(x + (-4 if half else 4), y + 47, row.mark_note, "end" if half else "start", quiet=True))
        told = ". ".join(filter(None, (f"{row.title}: {row.note}", row.mark_note)))
        marks.append(Mark(told, row.url, tuple(boxes), tuple(words), tuple(strokes)))
        lines.append(Line(row.title, row.url, (row.note, row.mark_note)))
    return Plot(name, title, description, GAUGE_LENGTH, len(rows) * GAUGE_ROW, head, lines, marks)


def share(part: int | Decimal, whole: int | Decimal, length: int) -> int:
    """Return how much of `length` a part of the whole takes, in whole units and never more than all."""
    return min(length, int(part * length // whole)) if whole > 0 and part > 0 else 0


@dataclass(frozen=True)
class Way:
    """One arrow of a picture of two sides: what moves, which way, where that is done, and how it stands."""

    title: str
    url: str
    outward: bool
    note: str
    last: str


FLOW_WIDTH, SIDE, FLOW_ROW, FLOW_TOP = 760, 100, 36, 12


@dataclass(frozen=True)
class Sides:
    """What the two sides of a flow are called."""

    ours: str
    theirs: str
    is_open: bool = True


def flow(name: str, title: str, description: str, ways: Sequence[Way], sides: Sides) -> Plot:
    """Draw two sides and an arrow for each way between them."""
    height = len(ways) * FLOW_ROW + 2 * FLOW_TOP
    left, right = SIDE + 14, FLOW_WIDTH - SIDE - 14
    frame = Mark(
        "",
        boxes=(Box(0, 0, SIDE, height, "rest"), Box(FLOW_WIDTH - SIDE, 0, SIDE, height, "rest")),
        words=(
            Words(SIDE // 2, height // 2, sides.ours, "middle"),
            Words(FLOW_WIDTH - SIDE // 2, height // 2, sides.theirs, "middle"),
        ),
    )
    marks = [frame]
    for position, way in enumerate(ways):
        y = FLOW_TOP + position * FLOW_ROW
        start, end = (left, right) if way.outward else (right, left)
        words = (
            Words(left, y + FONT_UP, way.title),
            Words((left + right) // 2, y + FONT_UP, way.last, "middle", quiet=True),
            Words(right, y + FONT_UP, way.note, "end"),
        )
        stroke = Stroke(start, y + 21, end, y + 21, arrow=True, dashed=not sides.is_open)
        direction = f"to {sides.theirs}" if way.outward else f"from {sides.theirs}"
        told = ". ".join(filter(None, (f"{way.title}, {direction}", way.note, way.last)))
        marks.append(Mark(told, way.url, words=words, strokes=(stroke,)))
    lines = [Line(way.title, way.url, ("To Xero" if way.outward else "From Xero", way.note, way.last)) for way in ways]
    return Plot(name, title, description, FLOW_WIDTH, height, ("What", "Way", "Waiting", "Last run"), lines, marks)
