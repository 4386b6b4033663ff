"""The rule that records are chosen by: a list, or everything that matches a filter except some.

Stored with the job as plain data: {"ids": [...]} or {"all": true, "filters": {...}, "except": [...]}.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xero_sync.kinds.base import ExportKind, R

CHUNK = 500


def chosen(kind: ExportKind[R], selection: dict[str, Any], tenant_id: str) -> Iterator[R]:
    """Yield the chosen records, a chunk at a time.

    Records named one by one come whatever their state, so that Check can say what stands against them.
    """
    if selection.get("all"):
        yield from _matching(kind, selection, tenant_id)
        return
    ids = selection.get("ids") or []
    for start in range(0, len(ids), CHUNK):
        yield from kind.load(ids[start : start + CHUNK])


def _matching(kind: ExportKind[R], selection: dict[str, Any], tenant_id: str) -> Iterator[R]:
    records = kind.candidates(selection.get("filters") or {}, tenant_id)
    if left_out := selection.get("except"):
        records = records.exclude(uuid__in=left_out)
    yield from records.iterator(chunk_size=CHUNK)
