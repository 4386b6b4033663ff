"""Our copy of what Xero holds, for matching, pickers, Check and the import grids.

Filled by reading (a thousand records a call; later only what changed) and by the answers to our own writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.db import transaction
from django.db.models import Q, Value
from django.db.models.functions import StrIndex, Trim
from django.db.models.lookups import GreaterThan

from bmsxero.bulk import insert_each
from xero_sync import clock, lease
from xero_sync.errors import XeroError
from xero_sync.gateway import Gateway
from xero_sync.models import MirrorStamp, XeroConnection, XeroRecord

Element = dict[str, Any]

#: Whether If-Modified-Since includes its own second is not documented, and clocks differ: read a little again.
OVERLAP = timedelta(minutes=5)
#: Status of a record that a whole reading no longer found.
MISSING = "MISSING"
#: Where a contact that was merged says into which.
MERGED = "MergedToContactID"
_MICROSOFT_DATE = re.compile(r"^/Date\((-?\d+)(?:[+-]\d{4})?\)/$")


@dataclass(frozen=True)
class Source:
    """How one kind of record is read and which of its fields we look things up by."""

    endpoint: str
    id_field: str
    key: Callable[[Element], str] = lambda _: ""
    name: Callable[[Element], str] = lambda element: str(element.get("Name") or "")
    date_field: str = ""
    paged: bool = True
    params: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


SOURCES: dict[str, Source] = {
    "account_codes": Source("Accounts", "AccountID", key=lambda each: str(each.get("Code") or ""), paged=False),
    "tax_rates": Source("TaxRates", "TaxType", key=lambda each: str(each["TaxType"]), paged=False),
    "items": Source(
        "Items", "ItemID", key=lambda each: fold(str(each.get("Code") or "")), paged=False, params={"unitdp": "4"}
    ),
    "contacts": Source(
        "Contacts",
        "ContactID",
        key=lambda each: str(each.get("ContactNumber") or ""),
        params={"includeArchived": "true", "order": "ContactID"},
        dropped=("ContactPersons", "ContactGroups", "Balances", "BatchPayments", "PaymentTerms"),
    ),
    "invoices": Source(
        "Invoices",
        "InvoiceID",
        key=lambda each: str(each.get("InvoiceNumber") or ""),
        name=lambda each: str((each.get("Contact") or {}).get("Name") or ""),
        date_field="Date",
        params={"createdByMyApp": "true", "summaryOnly": "true", "order": "InvoiceID"},
        dropped=("LineItems", "Payments", "CreditNotes", "Overpayments", "Prepayments"),
    ),
    "payments": Source(
        "Payments",
        "PaymentID",
        key=lambda each: str((each.get("Invoice") or {}).get("InvoiceID") or ""),
        name=lambda each: str(((each.get("Invoice") or {}).get("Contact") or {}).get("Name") or ""),
        date_field="Date",
        # Refunds of credit notes and overpayments have other types: money out, never income
        params={"where": 'PaymentType=="ACCRECPAYMENT"', "order": "PaymentID"},
        dropped=("BatchPayment", "Account"),
    ),
}


def fold(name: str) -> str:
    """Return a name as Xero compares it: without case, outer and double spaces."""
    return " ".join(name.split()).casefold()[:255]


def lowered(name: str) -> set[str]:
    """Return a name as databases may write it in lower case: folding makes ss of ß, which none of them does, and
    SQLite only knows the case of plain letters."""
    plain = " ".join(name.split())
    return {fold(name), plain.lower(), "".join(each.lower() if each.isascii() else each for each in plain)}


def has_odd_spaces(column: str) -> Q:
    """Return the condition that a text has spaces which folding takes away, so that no look-up of its lower case
    finds it."""
    # No index helps; this takes a third of the time of LIKE
    inside = (GreaterThan(StrIndex(column, Value(space)), 0) for space in ("  ", "\t", "\N{NO-BREAK SPACE}"))
    return reduce(or_, map(Q, inside), ~Q(**{column: Trim(column)}))


def moment(value: Any) -> datetime | None:
    """Read one of Xero's times: /Date(ms+0000)/, whose milliseconds are UTC already, or ISO without a zone."""
    if not value:
        return None
    if match := _MICROSOFT_DATE.match(str(value)):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))
    return datetime.fromisoformat(str(value)[:26]).replace(tzinfo=UTC)


def day(value: Any) -> date | None:
    """Read one of Xero's dates, which come as midnight UTC."""
    time = moment(value)
    return time.date() if time else None


def amount(value: Any) -> Decimal:
    """Read an amount that may be a number, a string or absent."""
    return Decimal(str(value or 0))


def is_fresh(tenant_id: str, kind: str, max_age: timedelta) -> bool:
    """Say whether the whole copy of a kind was complete at most `max_age` ago."""
    return MirrorStamp.objects.filter(tenant_id=tenant_id, kind=kind, complete_at__gt=clock.now() - max_age).exists()


def ensure(gateway: Gateway, kind: str, max_age: timedelta) -> None:
    """Bring the copy of a kind up to date unless it is fresh enough."""
    if not is_fresh(gateway.tenant_id, kind, max_age):
        read(gateway, kind)


def outdate(tenant_id: str, kind: str) -> None:
    """Note that our copy of a kind is out of date, so that whoever needs it next reads it anew."""
    whole = MirrorStamp.objects.filter(tenant_id=tenant_id, kind=kind, complete_at__isnull=False)
    whole.update(complete_at=clock.now() - timedelta(days=1))


def read(gateway: Gateway, kind: str) -> None:
    """Read a kind from Xero: all of it the first time and where it isn't paged, later what changed since.

    Each page is committed when it arrives; the stamp moves only after the last. Raises any of errors.py.
    """
    source = SOURCES[kind]
    stamp, _ = MirrorStamp.objects.get_or_create(tenant_id=gateway.tenant_id, kind=kind)
    started, calls = clock.now(), gateway.calls
    since = stamp.newest_utc - OVERLAP if source.paged and stamp.complete_at and stamp.newest_utc else None
    count, newest = 0, stamp.newest_utc
    for elements in _pages(gateway, source, since):
        latest = store(gateway.tenant_id, kind, elements, seen_at=started)
        newest = max(filter(None, (newest, latest)), default=None)
        count += len(elements)
        MirrorStamp.objects.filter(pk=stamp.pk).update(read_so_far=count, calls_so_far=gateway.calls - calls)
    if not source.paged:
        XeroRecord.objects.filter(tenant_id=gateway.tenant_id, kind=kind, seen_at__lt=started).update(status=MISSING)
    MirrorStamp.objects.filter(pk=stamp.pk).update(complete_at=started, newest_utc=newest, error="")


def want(tenant_id: str, kind: str) -> MirrorStamp:
    """Note that somebody waits for a fresh copy of a kind; a worker reads it (see `read_wanted`)."""
    stamp, _ = MirrorStamp.objects.update_or_create(
        tenant_id=tenant_id,
        kind=kind,
        defaults={"wanted_at": clock.now(), "read_so_far": 0, "calls_so_far": 0, "error": ""},
    )
    return stamp


def read_wanted(connection_id: int, kind: str) -> None:
    """Read a kind that a page asked for, and leave a sentence where that fails."""
    connection = XeroConnection.objects.get(pk=connection_id)
    stamp = MirrorStamp.objects.get(tenant_id=connection.tenant_id, kind=kind)
    owner = lease.new_owner()
    if not is_wanted(stamp) or not lease.take(stamp, owner):
        return
    gateway = Gateway(connection, background=False)
    gateway.keep_alive = lambda: lease.renew(stamp, owner)
    try:
        read(gateway, kind)
    except XeroError as error:
        MirrorStamp.objects.filter(pk=stamp.pk).update(error=error.message)
    finally:
        lease.release(stamp, owner)


def is_wanted(stamp: MirrorStamp) -> bool:
    """Say whether a page waits for a reading that has neither come to its end nor failed."""
    if stamp.wanted_at is None or stamp.error:
        return False
    return stamp.complete_at is None or stamp.complete_at < stamp.wanted_at


def store(
    tenant_id: str, kind: str, elements: Iterable[Element], *, seen_at: datetime | None = None
) -> datetime | None:
    """Put elements of an answer into the copy, in one transaction. Return the latest change they tell of."""
    source, seen_at = SOURCES[kind], seen_at or clock.stamp()
    rows = {row.xero_id: row for element in elements if (row := _row(tenant_id, kind, source, element, seen_at))}
    if kind == "contacts":
        _keep_merges(tenant_id, rows)
    with transaction.atomic(savepoint=False):
        insert_each(
            list(rows.values()),
            unique=["tenant_id", "kind", "xero_id"],
            update=["key", "folded_name", "status", "date", "updated_utc", "payload", "seen_at"],
        )
    return max((row.updated_utc for row in rows.values() if row.updated_utc), default=None)


def _keep_merges(tenant_id: str, rows: dict[str, XeroRecord]) -> None:
    """Lists don't tell into which contact one was merged; what the answer for that very one has told is kept."""
    silent = [row.xero_id for row in rows.values() if row.status == "ARCHIVED" and MERGED not in row.payload]
    if silent:
        known = XeroRecord.objects.filter(tenant_id=tenant_id, kind="contacts", xero_id__in=silent)
        for xero_id, into in known.filter(payload__has_key=MERGED).values_list("xero_id", f"payload__{MERGED}"):
            rows[xero_id].payload[MERGED] = into


def _pages(gateway: Gateway, source: Source, since: datetime | None) -> Iterable[list[Element]]:
    if source.paged:
        return gateway.pages(source.endpoint, source.params, modified_since=since)
    return [gateway.read(source.endpoint, source.params).get(source.endpoint) or []]


def _row(tenant_id: str, kind: str, source: Source, element: Element, seen_at: datetime) -> XeroRecord | None:
    xero_id = str(element.get(source.id_field) or "")
    if not xero_id.strip("0-"):  # absent, or the all-zero id of a failed create
        return None
    return XeroRecord(
        tenant_id=tenant_id,
        kind=kind,
        xero_id=xero_id,
        key=source.key(element)[:255],
        folded_name=fold(source.name(element)),
        status=str(element.get("Status") or element.get("ContactStatus") or ""),
        date=day(element.get(source.date_field)) if source.date_field else None,
        updated_utc=moment(element.get("UpdatedDateUTC")),
        payload={name: value for name, value in element.items() if name not in source.dropped},
        seen_at=seen_at,
    )
