"""What the grids of imports show of Xero's records: the fields of its JSON, and what they are linked to here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from bmsxero.listing import Badge, Decorate
from xero_sync.models import XeroConnection, XeroLink, XeroRecord

STATUSES: dict[str, Badge | str] = {
    "ACTIVE": "Active",
    "ARCHIVED": Badge("Archived"),
    "GDPRREQUEST": Badge("Data removed", "warning"),
}


@dataclass(frozen=True)
class Linked:
    """Which record of ours a record of Xero's is linked to."""

    label: str
    url: str


def lines(
    kind: str, model: type[Model], *, mark: Callable[[XeroRecord], str] = lambda _: ""
) -> Callable[[XeroConnection], Decorate]:
    """Return what gives Xero's records their links and the names of their taxes, in three queries for a page.

    `mark` says what is special about one.
    """

    def of(connection: XeroConnection) -> Decorate:
        def decorate(records: QuerySet[XeroRecord]) -> list[Any]:
            found: list[Any] = list(records)
            linked = _linked(kind, model, found, connection.tenant_id)
            taxes = _taxes(connection.tenant_id)
            for record in found:
                record.linked = linked.get(record.xero_id)
                record.tax = taxes.get(tax_type(record), tax_type(record))
                record.mark = mark(record)
                record.currency = connection.base_currency
            return found

        return decorate

    return of


def _linked(kind: str, model: type[Model], records: Sequence[XeroRecord], tenant_id: str) -> dict[str, Linked]:
    links = dict(
        XeroLink.objects.filter(
            tenant_id=tenant_id, kind=kind, xero_id__in=[record.xero_id for record in records]
        ).values_list("local_id", "xero_id")
    )
    ours: list[Any] = list(model._default_manager.filter(uuid__in=list(links)))
    return {
        links[each.uuid]: Linked(str(each), each.get_absolute_url() if hasattr(each, "get_absolute_url") else "")
        for each in ours
    }


def _taxes(tenant_id: str) -> dict[str, str]:
    rates = XeroRecord.objects.filter(tenant_id=tenant_id, kind="tax_rates").values_list("xero_id", "payload__Name")
    return {tax: str(name) for tax, name in rates} | {"NONE": ""}


def tax_type(record: XeroRecord) -> str:
    """Return the tax type of sales: of a contact, an account or an item."""
    payload = record.payload
    sales = payload.get("SalesDetails") or {}
    return str(payload.get("AccountsReceivableTaxType") or payload.get("TaxType") or sales.get("TaxType") or "")


def field(*path: str) -> Callable[[XeroRecord], str]:
    """Return what reads a field of Xero's JSON, blank where it is absent."""

    def read(record: XeroRecord) -> str:
        value: Any = record.payload
        for name in path:
            value = (value or {}).get(name)
        return str(value if value is not None else "")

    return read


def status(record: XeroRecord) -> Badge | str:
    """Return what a record's status is called; items have none."""
    return STATUSES.get(record.status, record.status.capitalize())
