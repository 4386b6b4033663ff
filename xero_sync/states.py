"""How records stand between here and Xero, as far as one query can tell: what the chips above a list count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Value, When

from xero_sync.models import Job, XeroLink

Records = QuerySet[Any]
Condition = Callable[[str], Q]


@dataclass(frozen=True)
class State:
    """A group of records, and the condition that tells it from those that come after it; the last takes the rest.

    So every record is in exactly one, and the numbers add up.
    """

    name: str
    label: str
    where: Condition | None = None


def _linked(kind: str, **how: Any) -> Condition:
    return lambda tenant_id: Q(Exists(XeroLink.objects.filter(tenant_id=tenant_id, kind=kind, **how)))


def _export(kind: str) -> tuple[State, ...]:
    return (State("linked", "Already linked", _linked(kind, local_id=OuterRef("uuid"))), State("new", "New"))


def _import(kind: str) -> tuple[State, ...]:
    """By whether it is archived, has changed in Xero since we last looked, and is linked at all."""
    link = {"xero_id": OuterRef("xero_id")}
    return (
        State("archived", "Archived", lambda _: Q(status="ARCHIVED")),
        State("changed", "Changed in Xero", _linked(kind, **link, last_seen__lt=OuterRef("updated_utc"))),
        State("linked", "Already linked", _linked(kind, **link)),
        State("new", "New"),
    )


#: By direction and kind, in the order in which they are told apart.
STATES: dict[tuple[str, str], tuple[State, ...]] = {
    (Job.Direction.EXPORT, "contacts"): (
        State("inactive", "Inactive here", lambda _: Q(active=False)),
        *_export("contacts"),
    ),
    (Job.Direction.EXPORT, "account_codes"): _export("account_codes"),
    (Job.Direction.EXPORT, "items"): _export("items"),
    (Job.Direction.IMPORT, "contacts"): _import("contacts"),
    (Job.Direction.IMPORT, "account_codes"): _import("account_codes"),
    (Job.Direction.IMPORT, "items"): _import("items"),
    (Job.Direction.IMPORT, "payments"): (
        State("linked", "Already imported", _linked("payments", xero_id=OuterRef("xero_id"))),
        State("new", "New", _linked("invoices", xero_id=OuterRef("key"))),
        State("foreign", "Not an invoice from here"),
    ),
}


def states(direction: str, kind: str) -> tuple[State, ...]:
    """Return the states that a list tells apart, the most useful first; none where all its records stand alike."""
    return tuple(reversed(STATES.get((direction, kind), ())))


def _state(direction: str, kind: str, tenant_id: str) -> Case:
    found = STATES[direction, kind]
    cases = [When(each.where(tenant_id), then=Value(each.name)) for each in found if each.where]
    return Case(*cases, default=Value(found[-1].name))


def narrow(records: Records, direction: str, kind: str, filters: dict[str, Any], tenant_id: str) -> Records:
    """Return the records of the state that the filters name; all of them where they name none."""
    found = STATES.get((direction, kind), ())
    wanted = filters.get("state")
    if wanted not in {each.name for each in found}:
        return records
    for each in found:
        if each.where is None:
            return records
        if each.name == wanted:
            return records.filter(each.where(tenant_id))
        records = records.filter(~each.where(tenant_id))
    return records


def numbers(records: Records, direction: str, kind: str, tenant_id: str) -> dict[str, int]:
    """Count the records of each state, in one query that looks each record up once."""
    if (direction, kind) not in STATES:
        return {}
    told = records.order_by().annotate(standing=_state(direction, kind, tenant_id))
    groups = dict(told.values_list("standing").annotate(number=Count("pk")))
    return {each.name: groups.get(each.name, 0) for each in STATES[direction, kind]}
