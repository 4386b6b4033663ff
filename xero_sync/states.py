"""How records stand between here and Xero, as far as one query can tell: what the chips above a list count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from xero_sync.models import Job, XeroLink

Records = QuerySet[Any]


@dataclass(frozen=True)
class State:
    """A group of records, and the condition that tells it. The states of one list leave nothing out and overlap
    nowhere, so that their numbers add up."""

    name: str
    label: str
    where: Callable[[str], Q]


def _linked(kind: str, tenant_id: str, **how: Any) -> Q:
    return Q(Exists(XeroLink.objects.filter(tenant_id=tenant_id, kind=kind, **how)))


def _ours_linked(kind: str) -> Callable[[str], Q]:
    return lambda tenant_id: _linked(kind, tenant_id, local_id=OuterRef("uuid"))


def _export(kind: str) -> tuple[State, ...]:
    linked = _ours_linked(kind)
    return (State("new", "New", lambda tenant_id: ~linked(tenant_id)), State("linked", "Already linked", linked))


def _export_contacts() -> tuple[State, ...]:
    new, linked = _export("contacts")
    return (
        State("new", new.label, lambda tenant_id: Q(active=True) & new.where(tenant_id)),
        State("linked", linked.label, lambda tenant_id: Q(active=True) & linked.where(tenant_id)),
        State("inactive", "Inactive here", lambda _: Q(active=False)),
    )


def _import(kind: str) -> tuple[State, ...]:
    """Archived first; the rest by whether it is linked, and whether Xero has changed it since we last looked."""
    live = ~Q(status="ARCHIVED")

    def linked(tenant_id: str) -> Q:
        return _linked(kind, tenant_id, xero_id=OuterRef("xero_id"))

    def changed(tenant_id: str) -> Q:
        return _linked(kind, tenant_id, xero_id=OuterRef("xero_id"), last_seen__lt=OuterRef("updated_utc"))

    return (
        State("new", "New", lambda tenant_id: live & ~linked(tenant_id)),
        State("changed", "Changed in Xero", lambda tenant_id: live & changed(tenant_id)),
        State("linked", "Already linked", lambda tenant_id: live & linked(tenant_id) & ~changed(tenant_id)),
        State("archived", "Archived", lambda _: Q(status="ARCHIVED")),
    )


def _import_payments() -> tuple[State, ...]:
    def known(tenant_id: str) -> Q:
        return _linked("payments", tenant_id, xero_id=OuterRef("xero_id"))

    def ours(tenant_id: str) -> Q:
        return _linked("invoices", tenant_id, xero_id=OuterRef("key"))

    return (
        State("new", "New", lambda tenant_id: ours(tenant_id) & ~known(tenant_id)),
        State("linked", "Already imported", known),
        State("foreign", "Not an invoice from here", lambda tenant_id: ~ours(tenant_id) & ~known(tenant_id)),
    )


#: By direction and kind, in the order of the chips.
STATES: dict[tuple[str, str], tuple[State, ...]] = {
    (Job.Direction.EXPORT, "contacts"): _export_contacts(),
    (Job.Direction.EXPORT, "account_codes"): _export("account_codes"),
    (Job.Direction.EXPORT, "items"): _export("items"),
    (Job.Direction.IMPORT, "contacts"): _import("contacts"),
    (Job.Direction.IMPORT, "account_codes"): _import("account_codes"),
    (Job.Direction.IMPORT, "items"): _import("items"),
    (Job.Direction.IMPORT, "payments"): _import_payments(),
}


def states(direction: str, kind: str) -> tuple[State, ...]:
    """Return the states that a list tells apart; none where all its records stand alike."""
    return STATES.get((direction, kind), ())


def narrow(records: Records, direction: str, kind: str, filters: dict[str, Any], tenant_id: str) -> Records:
    """Return the records of the state that the filters name; all of them where they name none."""
    wanted = next((state for state in states(direction, kind) if state.name == filters.get("state")), None)
    return records.filter(wanted.where(tenant_id)) if wanted else records


def numbers(records: Records, direction: str, kind: str, tenant_id: str) -> dict[str, int]:
    """Count the records of each state, in one query."""
    found = states(direction, kind)
    counts = {state.name: Count("pk", filter=state.where(tenant_id)) for state in found}
    return records.order_by().aggregate(**counts) if counts else {}
