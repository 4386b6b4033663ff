"""Two items of ours that would be one in Xero, as Xero tells items apart by their codes."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from finance.models import Item
from xero_sync.kinds.items import CODE_LENGTH, code_unless_linked, free_code
from xero_sync.links import annotate_state
from xero_sync.mirror import MISSING, fold
from xero_sync.models import XeroConnection, XeroRecord

#: Room for a suffix such as "-1000".
STEM = CODE_LENGTH - 5


@dataclass(frozen=True)
class CodeClash:
    """Another item that has, or would get, the same code in Xero; `free` is a code that nobody has."""

    code: str
    other: Item
    free: str


def code_clash(item: Item) -> CodeClash | None:
    """Return the item that would share its code in the current organisation with this one, if there is any.

    `item` comes from `annotate_state`: once it is linked, its code is the one that Xero has.
    """
    code = _code(item)
    stem = fold(code)[:STEM]
    rows = annotate_state(Item.objects.exclude(pk=item.pk), "items").filter(
        Q(xero_number__istartswith=stem) | Q(code__istartswith=stem) | Q(code="", name__istartswith=stem)
    )
    taken = {fold(_code(each)): each for each in rows.order_by("-pk")}
    other = taken.get(fold(code))
    return CodeClash(code, other, free_code(code, {*taken, *_in_xero(stem)})) if other else None


def _code(item: Item) -> str:
    return getattr(item, "xero_number", "") or code_unless_linked(item)


def _in_xero(stem: str) -> set[str]:
    tenants = XeroConnection.objects.filter(is_current=True).values("tenant_id")
    rows = XeroRecord.objects.filter(tenant_id__in=tenants, kind="items", key__startswith=stem)
    return set(rows.exclude(status=MISSING).values_list("key", flat=True))
