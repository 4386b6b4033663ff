"""What people do to links by hand: look a record up again, unlink, link to another, reset an exported invoice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from bmsxero.bulk import update_each
from crm.models import Record
from finance.models import Invoice, Payment
from xero_sync import clock, mirror
from xero_sync.errors import NotFound
from xero_sync.gateway import Gateway
from xero_sync.kinds import LINKED, export_kind
from xero_sync.kinds.contacts import merged_into
from xero_sync.kinds.invoices import STATES
from xero_sync.links import job_holding
from xero_sync.mirror import MISSING, SOURCES, Element, Source
from xero_sync.models import DeepLink, LinkEvent, XeroConnection, XeroLink, XeroRecord

Action = LinkEvent.Action

#: Our records by the name of their kind.
MODELS: dict[str, type[Record]] = {kind.name: kind.all_records().model for kind in LINKED} | {"payments": Payment}
#: Kinds that a person may link and unlink. Invoices are reset instead, payments only follow Xero.
BY_HAND = ("contacts", "account_codes", "items")
GONE = {"VOIDED", "DELETED", MISSING}


class NotPossible(Exception):
    """What was asked for can't be done; the text says why, to a person."""


@dataclass(frozen=True)
class Found:
    """What Xero says of a linked record now."""

    words: str
    status: str


def record_of(link: XeroLink) -> Record | None:
    """Return our record of a link; None if it was deleted here."""
    return MODELS[link.kind]._default_manager.filter(uuid=link.local_id).first()


def label(link: XeroLink) -> str:
    """Return how a link is named to people."""
    return str(record_of(link) or link.xero_number or link.xero_id)


def refresh(tenant_id: str, kind: str, seen: Mapping[UUID, tuple[str, dict[str, Any]]]) -> None:
    """Note of linked records that both sides agree again: by our uuid, Xero's number where
    that may have changed, and what a link keeps of ours."""
    found = list(XeroLink.objects.filter(tenant_id=tenant_id, kind=kind, local_id__in=list(seen)))
    for link in found:
        number, link.sent = seen[link.local_id]
        link.xero_number = number[:255] or link.xero_number
        link.last_seen = clock.stamp()
    update_each(found, ["xero_number", "sent", "last_seen"])


# --- looking it up


def look_up(link: XeroLink, connection: XeroConnection, *, user: User | None) -> Found:
    """Ask Xero for the record of a link now, and note what came of it. Raises any of errors.py.

    A contact that was merged lives on under another id, which only the answer to this very question tells.
    """
    source = SOURCES[link.kind]
    gateway = Gateway(connection, background=False)
    elements = _read(gateway, source, link.xero_id)
    survivors = _read(gateway, source, merged_into(elements[0])) if elements and merged_into(elements[0]) else []
    with transaction.atomic():
        found = _seen(link, elements[0]) if elements else _missing(link)
        mirror.store(link.tenant_id, link.kind, survivors)
        _note(link, Action.CHECKED, user, found.words)
    return found


def _read(gateway: Gateway, source: Source, xero_id: str) -> list[Element]:
    try:
        return gateway.read(f"{source.endpoint}/{xero_id}").get(source.endpoint) or []
    except NotFound:
        return []


def survivor(link: XeroLink) -> XeroRecord | None:
    """Return the contact that the one of a link was merged into, as far as Xero has told us."""
    mine = XeroRecord.objects.filter(tenant_id=link.tenant_id, kind=link.kind)
    remote = mine.filter(xero_id=link.xero_id).first()
    other = merged_into(remote.payload) if remote else ""
    return mine.filter(xero_id=other).exclude(status__in=GONE).first() if other else None


def _seen(link: XeroLink, element: Element) -> Found:
    mirror.store(link.tenant_id, link.kind, [element])
    XeroLink.objects.filter(pk=link.pk).update(last_seen=clock.now())
    status = str(element.get("ContactStatus") or element.get("Status") or "ACTIVE")
    if merged_into(element):
        return Found("It was merged into another contact in Xero.", "MERGED")
    if link.kind == "invoices":
        return Found(f"It is {STATES.get(status, status)} in Xero.", status)
    words = {"ACTIVE": "It is in Xero.", "ARCHIVED": "It is archived in Xero.", "DELETED": "It was deleted in Xero."}
    return Found(words.get(status, f"It is in Xero: {status.lower()}."), status)


def _missing(link: XeroLink) -> Found:
    XeroRecord.objects.filter(tenant_id=link.tenant_id, kind=link.kind, xero_id=link.xero_id).update(status=MISSING)
    return Found("Xero does not have it any more.", MISSING)


# --- linking and unlinking


def unlink(link: XeroLink, *, user: User) -> None:
    """Take a link off. Nothing is changed in Xero. Raises NotPossible."""
    if link.kind not in BY_HAND:
        raise NotPossible("An exported invoice is reset, and a payment follows Xero: neither is unlinked by hand.")
    with transaction.atomic():
        locked = _locked(link)
        _note(locked, Action.UNLINKED, user, f"It was {locked.xero_number or locked.xero_id}.")
        locked.delete()


def _locked(link: XeroLink) -> XeroLink:
    """Return the link as it is now, for changing it. Raises NotPossible if a job or somebody else has it in hand."""
    locked = XeroLink.objects.select_for_update().filter(pk=link.pk).first()
    if locked is None:
        raise NotPossible("It has been unlinked meanwhile.")
    record = record_of(locked)
    if record and (job := job_holding(record, locked.kind)):
        raise NotPossible(f"Job {job} has it in hand. Wait for that job, or stop it.")
    return locked


def link_to(kind: str, record: Record, remote: XeroRecord, *, user: User) -> XeroLink:
    """Say by hand which record in Xero one of ours is. Raises NotPossible if either is linked or in a job's hand."""
    if kind not in BY_HAND or remote.kind != kind:
        raise NotPossible("These two can't be linked by hand.")
    if job := job_holding(record, kind):
        raise NotPossible(f"Job {job} has it in hand. Wait for that job, or stop it.")
    if remote.status in {*GONE, "GDPRREQUEST"}:
        raise NotPossible("Xero does not have that record any more.")
    exporting = export_kind(kind)
    link = XeroLink(
        tenant_id=remote.tenant_id,
        kind=kind,
        local_id=record.uuid,
        xero_id=remote.xero_id,
        xero_number=exporting.number(remote.payload)[:255],
        matched_by="linked by hand",
        sent=exporting.remember(record),
        last_seen=remote.seen_at,
    )
    try:
        with transaction.atomic():
            link.save()
            _note(link, Action.LINKED, user, f"To {link.xero_number or link.xero_id}.")
    except IntegrityError:
        raise NotPossible(_why_taken(link)) from None
    return link


def move(link: XeroLink, remote: XeroRecord, *, user: User) -> XeroLink:
    """Let a link lead to another record in Xero, the one that survived a merging. Raises NotPossible."""
    try:
        with transaction.atomic():
            locked = _locked(link)
            former = locked.xero_number or locked.xero_id
            locked.xero_id, locked.last_seen = remote.xero_id, remote.seen_at
            locked.xero_number = export_kind(link.kind).number(remote.payload)[:255]
            locked.matched_by = "merged in Xero"
            locked.save(update_fields=["xero_id", "xero_number", "matched_by", "last_seen"])
            _note(locked, Action.LINKED, user, f"It was {former}, which Xero has merged into this one.")
    except IntegrityError:
        taken = XeroLink.objects.filter(tenant_id=link.tenant_id, kind=link.kind, xero_id=remote.xero_id).first()
        raise NotPossible(
            f"That contact is linked to {label(taken) if taken else 'another account'} already."
        ) from None
    return locked


def _why_taken(wanted: XeroLink) -> str:
    same = XeroLink.objects.filter(tenant_id=wanted.tenant_id, kind=wanted.kind)
    if mine := same.filter(local_id=wanted.local_id).first():
        return f"It is linked to {mine.xero_number or mine.xero_id} already. Unlink that first."
    theirs = same.filter(xero_id=wanted.xero_id).first()
    return f"That record in Xero is linked to {label(theirs) if theirs else 'another record'} already."


# --- resetting an invoice


def why_not_reset(invoice: Invoice, tenant_id: str) -> str:
    """Return why an exported invoice can't be reset, in plain words; blank where it can."""
    if not XeroLink.objects.filter(tenant_id=tenant_id, kind="invoices", local_id=invoice.uuid).exists():
        return f"{invoice.number} is not in this organisation, so there is nothing to reset."
    if job := job_holding(invoice, "invoices"):
        return f"Job {job} has {invoice.number} in hand. Wait for that job, or stop it."
    if invoice.payments.filter(reversed=False, source=Payment.Source.XERO).exists():
        return (
            f"{invoice.number} has payments or credits from Xero. Take them off there, import payments, "
            "and reset it then: otherwise the same money would count for two invoices in Xero."
        )
    return ""


def reset(invoice: Invoice, tenant_id: str, *, user: User, reason: str) -> None:
    """Clear the link of an exported invoice, so that it can be changed, voided or exported again.

    Nothing is changed in Xero. The old document is never taken for the next export: its id is released for good, and
    the next export carries an address of its own. Raises NotPossible.
    """
    with transaction.atomic():
        locked = Invoice.objects.select_for_update().get(pk=invoice.pk)
        if why := why_not_reset(locked, tenant_id):
            raise NotPossible(why)
        link = XeroLink.objects.select_for_update().get(tenant_id=tenant_id, kind="invoices", local_id=locked.uuid)
        _release(link, locked.number)
        _note(link, Action.RESET, user, reason)
        link.delete()


def _release(link: XeroLink, number: str) -> None:
    live = DeepLink.objects.filter(
        tenant_id=link.tenant_id, kind=link.kind, local_id=link.local_id, released_at__isnull=True
    )
    fields: dict[str, Any] = {
        "released_at": clock.now(),
        "released_xero_id": link.xero_id,
        "released_number": number,
    }
    if not live.update(**fields):
        DeepLink.objects.create(tenant_id=link.tenant_id, kind=link.kind, local_id=link.local_id, **fields)


def events(kind: str, local_id: UUID) -> list[LinkEvent]:
    """Return what people did to the links of one of our records, the newest first."""
    return list(LinkEvent.objects.filter(kind=kind, local_id=local_id).select_related("user")[:50])


def _note(link: XeroLink, action: str, user: User | None, message: str) -> None:
    LinkEvent.objects.create(
        tenant_id=link.tenant_id,
        kind=link.kind,
        local_id=link.local_id,
        xero_id=link.xero_id,
        xero_number=link.xero_number,
        action=action,
        message=message,
        user=user,
        time=clock.now(),
    )
