"""After an older backup was put back: find the invoices that were sent since, and link them again.

Each invoice in Xero carries an address that this installation makes the same again, so none has to be guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count

from finance.models import Invoice
from xero_sync import clock
from xero_sync.gateway import Gateway
from xero_sync.kinds import export_kind
from xero_sync.linking import GONE
from xero_sync.links import job_holding
from xero_sync.mirror import Element, amount
from xero_sync.models import DeepLink, LinkEvent, XeroConnection, XeroLink

KIND = "invoices"
WHY = "found in Xero after a restore"


@dataclass
class Found:
    """What was linked again, and what a person has to look at, in words."""

    linked: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)


def relink(connection: XeroConnection, since: datetime | None) -> Found:
    """Read what our app made in Xero, and link each invoice of ours that is there and not linked. Changes nothing in
    Xero. Raises any of errors.py."""
    found = Found()
    missing = dict(_missing(connection.tenant_id))
    kind = export_kind(KIND)
    params = {"createdByMyApp": "true", "order": "InvoiceID"}
    for page in Gateway(connection, background=False).pages("Invoices", params, modified_since=since):
        pairs = [(missing[key], each) for each in _live(page) for key in kind.remote_keys(each) if key in missing]
        invoices = {invoice.uuid: invoice for invoice in kind.load([uuid for uuid, _ in pairs])}
        for uuid, element in pairs:
            _take(invoices[uuid], element, connection, found)
    return found


def _missing(tenant_id: str) -> Iterator[tuple[str, UUID]]:
    """Yield the addresses of all invoices that are not linked, those of their next export."""
    released = DeepLink.objects.filter(tenant_id=tenant_id, kind=KIND, released_at__isnull=False)
    resets = dict(released.order_by().values_list("local_id").annotate(Count("pk")))
    live = dict(
        DeepLink.objects.filter(tenant_id=tenant_id, kind=KIND, released_at=None).values_list("local_id", "uuid")
    )
    linked = XeroLink.objects.filter(tenant_id=tenant_id, kind=KIND).values("local_id")
    for uuid in Invoice.objects.exclude(uuid__in=linked).values_list("uuid", flat=True).iterator():
        yield str(live.get(uuid) or DeepLink.uuid_of(tenant_id, KIND, uuid, resets.get(uuid, 0))), uuid


def _live(elements: Iterable[Element]) -> Iterator[Element]:
    return (each for each in elements if each.get("Type") == "ACCREC" and each.get("Status") not in GONE)


def _take(invoice: Invoice, element: Element, connection: XeroConnection, found: Found) -> None:
    number = str(element.get("InvoiceNumber") or "")
    told = f"{invoice.number} is {number or element['InvoiceID']} in Xero"
    if amount(element.get("Total")) != invoice.total:
        found.doubtful.append(f"{told}, with {element.get('Total')} there and {invoice.total} here.")
    elif job := job_holding(invoice, KIND):
        found.doubtful.append(f"{told}, and Job {job} has it in hand: that job will find it.")
    elif _link(invoice, str(element["InvoiceID"]), number, connection):
        found.linked.append(f"{told}.")
    else:
        found.doubtful.append(f"{told}, where it is linked to another invoice.")


def _link(invoice: Invoice, xero_id: str, number: str, connection: XeroConnection) -> bool:
    about = {
        "tenant_id": connection.tenant_id,
        "kind": KIND,
        "local_id": invoice.uuid,
        "xero_id": xero_id,
        "xero_number": number[:255],
    }
    try:
        with transaction.atomic():
            sent = export_kind(KIND).remember(invoice)
            XeroLink.objects.create(**about, matched_by=WHY, sent=sent, last_seen=clock.now())
            LinkEvent.objects.create(
                **about, action=LinkEvent.Action.LINKED, message=f"It was {WHY}.", time=clock.now()
            )
    except IntegrityError:
        return False
    return True
