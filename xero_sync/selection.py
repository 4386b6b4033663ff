"""The rule that records are chosen by: a list, or everything that matches a filter except some.

Stored with the job as plain data: {"ids": [...]} or {"all": true, "filters": {...}, "except": [...]}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from xero_sync import states
from xero_sync.kinds.base import ExportKind, R
from xero_sync.kinds.importing import ImportKind
from xero_sync.kinds.payments import PaymentImport
from xero_sync.models import Job, XeroRecord

CHUNK = 200


def matching(kind: ExportKind[R], filters: dict[str, Any], tenant_id: str) -> QuerySet[R]:
    """Return what the filters match: the wizard lists it and a job takes it, from this one place."""
    found = kind.candidates(filters, tenant_id)
    return states.narrow(found, Job.Direction.EXPORT, kind.name, filters, tenant_id)


def matching_remote(
    kind: ImportKind[Any] | PaymentImport, filters: dict[str, Any], tenant_id: str
) -> QuerySet[XeroRecord]:
    """Return what of Xero's the filters match: the same for an import."""
    found = kind.candidates(filters, tenant_id)
    return states.narrow(found, Job.Direction.IMPORT, kind.name, filters, tenant_id)


def chosen(kind: ExportKind[R], selection: dict[str, Any], tenant_id: str) -> Iterator[list[R]]:
    """Yield the chosen records in chunks, loaded as mapping them needs it.

    Records named one by one come whatever their state, so that Check can say what stands against them.
    """
    ids = _matching(kind, selection, tenant_id) if selection.get("all") else list(selection.get("ids") or [])
    for start in range(0, len(ids), CHUNK):
        yield kind.load(ids[start : start + CHUNK])


def _matching(kind: ExportKind[R], selection: dict[str, Any], tenant_id: str) -> list[UUID]:
    records = matching(kind, selection.get("filters") or {}, tenant_id)
    if left_out := selection.get("except"):
        records = records.exclude(uuid__in=left_out)
    return list(records.values_list("uuid", flat=True))
