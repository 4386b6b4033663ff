"""What may leave this installation, or be seen by somebody who only reads jobs: no secrets, nobody's personal data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from bmsxero.logs import HIDDEN, without_secrets
from xero_sync.models import JobRow

#: Fields of Xero's whose words are technical. All other words of a body are hidden: a list of what is personal
#: would miss what Xero adds next.
TECHNICAL = frozenset((
    "AccountCode", "AccountType", "Amount", "BankAccountType", "Class", "Code", "CurrencyCode", "CurrencyRate",
    "Date", "DateString", "DueDate", "DueDateString", "ErrorNumber", "InvoiceNumber", "ItemCode", "LineAmountTypes",
    "LineItemID", "Message", "Method", "PaymentType", "ReportTaxType", "SalesAccountCode", "COGSAccountCode",
    "Status", "StatusAttributeString", "SystemAccount", "TaxType", "Type", "UpdatedDateUTC", "Url",
    "ValidationErrors", "Warnings",
))  # fmt: skip
_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:]+")


class _Exact(str):
    """A number with a fraction, as it was written: 12.50 stays 12.50, and never becomes a binary fraction."""

    __slots__ = ()


def decode(body: str) -> Any:
    """Return what a body holds, for `laid_out`. Raises ValueError for what is no JSON."""
    return json.loads(body, parse_float=lambda number: _Exact(f"\0{number}\0"))


def laid_out(decoded: Any) -> str:
    """Return what `decode` gave as JSON again, for reading."""
    return re.sub(r'"\\u0000([\d.eE+-]+)\\u0000"', r"\1", json.dumps(decoded, indent=2, ensure_ascii=False))


def readable(body: str) -> str:
    """Return a body laid out for reading, without secrets."""
    try:
        return without_secrets(laid_out(decode(body)))
    except ValueError:
        return without_secrets(body)


def for_support(body: str, rows: Iterable[JobRow | None] = ()) -> str:
    """Return a body with its structure, ids, codes and amounts, and without anything personal.

    What is no JSON, such as an answer that was cut short, is left out but for its length.
    """
    if not body.strip():
        return ""
    try:
        decoded = decode(body)
    except ValueError:
        return f"{HIDDEN}: {len(body)} characters that are no JSON"
    return without_secrets(laid_out(_technical(decoded, "", list(rows))))


def _technical(value: Any, name: str, rows: list[JobRow | None]) -> Any:
    match value:
        case dict():
            return {key: _technical(each, key, rows) for key, each in value.items()}
        case list():
            return [_technical(each, name, rows) for each in value]
        case _Exact():
            return value
        case str() if name not in TECHNICAL and not name.endswith(("ID", "Id")):
            return HIDDEN
        case str():
            return words(value, rows)
    return value


def words(text: str, rows: Iterable[JobRow | None] = ()) -> str:
    """Return a sentence without secrets and addresses, and without the customers of the rows that it is about."""
    for row in rows:
        for name in _names(row):
            text = text.replace(name, HIDDEN)
    return _EMAIL.sub(HIDDEN, without_secrets(text))


def record(row: JobRow) -> str:
    """Return what a row is called: an invoice by its number, a contact by nothing that tells who it is."""
    return HIDDEN if row.kind == "contacts" else words(row.label, [row])


def _names(row: JobRow | None) -> list[str]:
    if row is None:
        return []
    names = [row.detail, row.label if row.kind == "contacts" else ""]
    return sorted({name for name in names if len(name) > 1}, key=len, reverse=True)
