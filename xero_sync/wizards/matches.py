"""What records of ours are in Xero, as the grids of exports show it: the very answer that Check goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bmsxero.listing import Badge
from xero_sync.books import Books, RunOptions
from xero_sync.kinds.base import ExportKind, Found, R
from xero_sync.models import MirrorStamp, SyncOptions, XeroConnection

UNKNOWN = Badge("Check tells", "neutral")


@dataclass(frozen=True)
class Match:
    """Whether a record is in Xero, in words, and what it is there."""

    badge: Badge
    detail: str = ""


def books_of(connection: XeroConnection) -> Books:
    """Return the books of an organisation with Setup's options, for showing what would happen."""
    return Books(connection, RunOptions(**SyncOptions.of(connection).snapshot()))


def add_matches(kind: ExportKind[R], records: Sequence[R], books: Books) -> None:
    """Give each record its `match`, in a fixed number of queries."""
    kind.learn(records, books)
    is_known = MirrorStamp.objects.filter(tenant_id=books.tenant_id, kind=kind.name, complete_at__isnull=False).exists()
    for record in records:
        shown: Any = record
        shown.match = _match(kind, record, books, is_known=is_known)


def _match(kind: ExportKind[R], record: R, books: Books, *, is_known: bool) -> Match:
    found = kind.find(record, books)
    if found.linked:
        link = books.link(kind.name, record.uuid)
        words = [link.xero_number, f"Job {link.job_number}" if link.job_number else ""] if link else []
        state = Badge("Archived in Xero", "warning") if found.problem else Badge("Linked", "success")
        return Match(state, " · ".join(filter(None, words)))
    if len(found.remotes) > 1:
        return Match(Badge(f"{len(found.remotes)} could be it", "warning"), "Check asks which")
    if found.problem:
        return Match(Badge("Can't be used", "warning"), found.problem.message)
    if found.remotes:
        return _recognised(kind, found)
    return Match(Badge("New", "info")) if is_known else Match(UNKNOWN, "Xero wasn't read yet")


def _recognised(kind: ExportKind[R], found: Found) -> Match:
    (remote,) = found.remotes
    return Match(Badge("Will be linked", "info"), f"{found.how}: {kind.number(remote.payload) or remote.name}")
