"""JSON as Xero reads and writes it: exact decimals, its own dates."""

from __future__ import annotations

import datetime as dt
import json
import re
import secrets
from decimal import Decimal, InvalidOperation
from typing import Any

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_XERO_DATE = re.compile(r"^/Date\((-?\d+)([+-]\d{4})?\)/$")

# Python's fast JSON encoder cannot write a Decimal as a number. So a Decimal goes in as text with a secret
# mark in front, and the quotes come off afterwards; nobody else's text can carry the mark.
_MARK = secrets.token_hex(8)
_MARKED = re.compile(rf'"{_MARK}([^"]*)"')


def dumps(payload: Any) -> bytes:
    text = json.dumps(payload, default=_plain, separators=(",", ":"))
    return _MARKED.sub(r"\1", text).encode()


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{_MARK}{value:f}"
    return str(value)  # UUIDs


def loads(body: bytes) -> Any:
    return json.loads(body, parse_float=Decimal)


def timestamp(moment: dt.datetime, offset: str = "+0000") -> str:
    return f"/Date({(moment - EPOCH) // _MILLISECOND}{offset})/"


def date(day: dt.date | None) -> str | None:
    return None if day is None else f"/Date({(day - EPOCH.date()).days * 86_400_000}+0000)/"


def date_string(day: dt.date | None) -> str | None:
    return None if day is None else f"{day.isoformat()}T00:00:00"


def utc_string(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def parse_date(value: Any) -> dt.date | None:
    """Return the day, or None for nothing; raise `ValueError` for what is no date."""
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise ValueError("not a date")  # noqa: TRY004 - one kind of error for one kind of mistake
    if match := _XERO_DATE.match(value):
        return (EPOCH + int(match[1]) * _MILLISECOND).date()
    return dt.datetime.fromisoformat(value).date()


def parse_number(value: Any) -> Decimal | None:
    """Return the number, also from text as Xero's samples send it; raise `ValueError` for others."""
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise ValueError("not a number")  # noqa: TRY004
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise ValueError("not a number") from error
    if not number.is_finite():
        raise ValueError("not a number")
    return number


def parse_bool(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
