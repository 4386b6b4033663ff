"""CSV for spreadsheets: ISO dates, plain decimals, and no text that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# Excel takes a file for UTF-8 only if it starts with this
BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class _Echo:
    """A file that gives back what is written, so that the writer's lines can be streamed."""

    def write(self, line: str) -> str:
        return line


def cell(value: Any) -> str:
    """Return the text of one cell. Text that starts like a formula gets an apostrophe in front."""
    match value:
        case None:
            return ""
        case bool():
            return "Yes" if value else "No"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat(sep=" ", timespec="seconds")
        case int() | date():
            return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Return the lines of a file, one for each row."""
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def response(name: str, rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """Return a download called `name` that is made while it is read. From a simulated Xero, its name says so."""
    from xero_sync.credentials import is_simulated  # its models are made of pieces that make lists, too

    simulated = "SIM-" if is_simulated() else ""
    answer = StreamingHttpResponse(lines(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{simulated}{name}"'
    answer["Cache-Control"] = "no-store"
    return answer
