"""Which rule of the database an IntegrityError speaks of. PostgreSQL tells it in fields, SQLite in a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import IntegrityError


class Sort(Enum):
    """What a rule demands."""

    UNIQUE = "unique"
    CHECK = "check"
    REFERENCE = "reference"
    OTHER = "other"


@dataclass(frozen=True)
class Broken:
    """A rule that was broken: of a table and its columns where it is about being unique, else by its name."""

    sort: Sort
    table: str = ""
    columns: tuple[str, ...] = ()
    name: str = ""


_POSTGRESQL = {"23505": Sort.UNIQUE, "23514": Sort.CHECK, "23503": Sort.REFERENCE}
_KEY = re.compile(r"Key \((?P<columns>[^)]*)\)")
_SQLITE = {"UNIQUE": Sort.UNIQUE, "CHECK": Sort.CHECK, "FOREIGN KEY": Sort.REFERENCE}
_SENTENCE = re.compile(r"(?P<sort>UNIQUE|CHECK|FOREIGN KEY) constraint failed(?:: (?P<what>.*))?")


def broken(error: IntegrityError) -> Broken:
    """Return the rule that an error is about."""
    told: Any = getattr(error.__cause__, "diag", None)
    if told is not None:
        key = _KEY.search(told.message_detail or "")
        columns = tuple(key["columns"].split(", ")) if key else ()
        sort = _POSTGRESQL.get(told.sqlstate, Sort.OTHER)
        return Broken(sort, told.table_name or "", columns, told.constraint_name or "")
    found = _SENTENCE.match(str(error))
    if not found:
        return Broken(Sort.OTHER)
    sort, what = _SQLITE[found["sort"]], found["what"] or ""
    if sort != Sort.UNIQUE or "." not in what:
        return Broken(sort, name=what)
    names = [column.split(".") for column in what.split(", ")]
    return Broken(sort, names[0][0], tuple(column for _, column in names))
