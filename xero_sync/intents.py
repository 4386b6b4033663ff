"""Before the call: which rows go next, which of them need no call, and the exact bytes of the rest.

What is decided here was decided at Check; it is decided again on fresh books, and what would go differently
from what was shown is not sent. After this a request stands in the database with its key and its bytes, and
outbox.py may send it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from xero_sync import check, clock, lease
from xero_sync.batches import Batch
from xero_sync.failpoints import reach
from xero_sync.gateway import encode
from xero_sync.kinds import EXPORTS, export_kind, stage
from xero_sync.kinds.base import Accepted, Decision
from xero_sync.kinds.invoices import OUR_DEEP_LINK
from xero_sync.models import Job, JobRow, XeroRequest

State, Outcome = JobRow.State, JobRow.Outcome
#: Kind and key of a record.
Key = tuple[str, str]

MAX_BODY = 3_000_000  # bytes; Xero's own limit is 3.5 MB by one of its pages
#: So many batches are loaded and written down together: what many records share is then loaded once.
AHEAD = 4
NOT_NEEDED = Decision(Outcome.SKIP, "not_needed", "Not sent: nothing that goes to Xero needs it any more.")


def next_rows(job: Job, busy_kinds: set[str]) -> list[JobRow]:
    """Return the rows of the next few batches: of the first stage that has any, leaving out what must wait.

    `busy_kinds` are on the wire. Another kind goes beside them if nothing of it waits for an answer: else its batches
    would be cut where they need not be, and each costs a call.
    """
    pending = job.rows.filter(state=State.PENDING).order_by("stage", "id")
    opened = job.rows.filter(requested=False, state__in=JobRow.OPEN)
    open_needs = set(opened.values_list("kind", "record_key"))

    def is_ready(row: JobRow) -> bool:
        return open_needs.isdisjoint((name, key) for name, key in row.needs)

    first = pending.values_list("stage", flat=True).first()
    for kind in EXPORTS[first:] if first is not None else ():
        some = AHEAD * kind.batch_size
        rows = _in_order(pending.filter(stage=stage(kind.name)), some)
        if busy_kinds <= {kind.name}:
            ready = _alike(filter(is_ready, rows), kind.batch_size)
        elif all(map(is_ready, next_few := list(islice(rows, some)))):
            ready = _alike(next_few, kind.batch_size)
        else:
            return []
        if ready:
            return ready
    return []


def _in_order(rows: QuerySet[JobRow], size: int) -> Iterator[JobRow]:
    """Yield rows by their ids, a batch at a time: few are looked at, and a cursor would have PostgreSQL fetch all."""
    last = 0
    while found := list(rows.filter(pk__gt=last)[:size]):
        yield from found
        last = found[-1].pk


def _alike(rows: Iterable[JobRow], size: int) -> list[JobRow]:
    """Return the first row and those that are sent like it, for a few requests of up to `size` rows.

    One that must be sent alone shares none. After a death there is only one request, to see whose fault it was.
    """
    chosen: list[JobRow] = []
    most = size
    for row in rows:
        if not chosen:
            chosen.append(row)
            if row.alone:
                break
            most = size if row.deaths else AHEAD * size
        elif not row.alone and row.outcome == chosen[0].outcome:
            chosen.append(row)
        if len(chosen) == most:
            break
    return chosen


def claim(rows: Sequence[JobRow]) -> None:
    """Take the rows by compare-and-set. If their worker dies over them, this is how the next one knows."""
    taken = JobRow.objects.filter(pk__in=[row.pk for row in rows], state=State.PENDING).update(state=State.CLAIMED)
    if taken != len(rows):
        raise lease.Lost
    for row in rows:
        row.state = State.CLAIMED
    reach("claimed", rows[0].kind)


class Wanted:
    """What rows that may still be sent need. It is read anew when one of them has ended, or something is broken."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self._known: tuple[int, frozenset[Key]] | None = None
        self._keys: set[Key] = set()

    def keys(self, broken: Iterable[Key]) -> set[Key]:
        """Return what is needed by rows that need nothing `broken`, and what that needs in turn."""
        open_rows = self.job.rows.filter(requested=True, state__in=JobRow.OPEN)
        known = open_rows.count(), frozenset(broken)
        if known != self._known:
            self._keys = _wanted(self.job, broken)
            self._known = known
        return self._keys


def write_down(job: Job, rows: Sequence[JobRow], owner: str, wanting: Wanted) -> list[tuple[Batch, XeroRequest]]:
    """Transaction 1: settle what needs no call, and commit the key and the exact bytes of what does."""
    batch = Batch(job, export_kind(rows[0].kind), rows)
    made = []
    with transaction.atomic():
        broken = _broken_needs(job)
        wanted = None if rows[0].requested else wanting.keys(broken.keys())
        # PUT only creates. A POST would change a document that happens to have the same number
        texts: dict[str, list[tuple[JobRow, str]]] = {"PUT": [], "POST": []}
        for row in batch.rows:
            if wanted is not None and not row.requested and (row.kind, row.record_key) not in wanted:
                batch.skip(row, NOT_NEEDED)
            elif text := _element(batch, row, broken):
                texts["POST" if row.xero_id else "PUT"].append((row, text))
        for method, pairs in texts.items():
            for chunk in _by_size(pairs, batch.kind.batch_size):
                request = _request(batch, method, chunk, owner)
                made.append((batch.part([row for row, _ in chunk], request), request))
        batch.flush()
        reach("writing", batch.kind.name)
    reach("written", batch.kind.name)
    return made


def settle_hopeless(job: Job, keep_alive: Callable[[], None]) -> None:
    """Before anything is created for them: settle the rows that would not be sent anyway, whatever they need.

    These are records that were touched since Check; what else may have changed shows when their turn comes.
    """
    kind = export_kind(job.kind)
    if not job.rows.filter(requested=False, state=State.PENDING, outcome=Outcome.CREATE).exists():
        return
    pending = job.rows.filter(requested=True, state=State.PENDING).exclude(needs=[])
    keys = iter(list(pending.values_list("record_key", flat=True)))
    while chunk := list(islice(keys, 200)):
        as_checked = kind.all_records().filter(uuid__in=chunk, updated__lt=job.checked_at)
        untouched = {str(uuid) for uuid in as_checked.values_list("uuid", flat=True)}
        if not (touched := list(pending.filter(record_key__in=set(chunk) - untouched))):
            continue
        batch = Batch(job, kind, touched)
        with transaction.atomic():
            for row in batch.rows:
                _decided(batch, row, {})
            batch.flush()
        keep_alive()


def _element(batch: Batch, row: JobRow, broken: dict[Key, JobRow]) -> str:
    """Return the JSON of a row that must be sent. Settle it, and return nothing, if it need not or must not be."""
    decision = _decided(batch, row, broken)
    if decision is None:
        return ""
    record = batch.records[row.record_key]
    if not (decision.xero_id or _is_ready(batch, record)):
        batch.skip_changed(row)
        return ""
    row.outcome, row.xero_id = decision.outcome, decision.xero_id
    if not decision.xero_id:
        return encode(batch.kind.to_xero(record, batch.books))
    if decision.outcome == Outcome.ARCHIVE:
        return encode(batch.kind.to_archive(record, decision.xero_id))
    return encode(batch.kind.to_update(record, decision.xero_id, batch.books, requested=row.requested))


def _decided(batch: Batch, row: JobRow, broken: dict[Key, JobRow]) -> Decision | None:
    """Return what is to be sent of a row; settle it, and return nothing, where nothing is."""
    record = batch.records.get(row.record_key)
    if record is None:
        batch.fail(row, "deleted_here", "The record was deleted here after the check.")
        return None
    if need := next((broken[kind, key] for kind, key in row.needs if (kind, key) in broken), None):
        row.xero_message = need.xero_message
        batch.fail(row, "need_failed", f"{export_kind(need.kind).label} {need.label} failed: {need.message}")
        return None
    decision = check.decide(batch.kind, record, batch.books, requested=row.requested, choice=row.choice)
    if decision.outcome == Outcome.CREATE and row.outcome == Outcome.LINK and row.how == OUR_DEEP_LINK:
        # Check saw it in Xero, with our own address in it; Send does not ask about each number again
        found = Accepted(row.xero_id, row.xero_number)
        batch.succeed(row, found, how="linked", matched_by=row.how, message=row.message)
        return None
    match decision.outcome:
        case Outcome.LINK:
            accepted = Accepted(decision.xero_id, decision.xero_number)
            batch.succeed(row, accepted, how="linked", matched_by=decision.how, message=decision.message)
            return None
        case Outcome.SKIP:
            batch.skip(row, decision)
            return None
        case Outcome.FAIL | Outcome.DECIDE:
            batch.fail(row, decision.reason, decision.message, fix_url=decision.fix_url)
            return None
    if _differs(row, decision, record, batch):
        batch.skip_changed(row)
        return None
    return decision


def _differs(row: JobRow, decision: Decision, record: Any, batch: Batch) -> bool:
    """Say whether a chosen record would not go as Check has shown it. What it needs is decided when its turn comes."""
    if not row.requested:
        return False
    if decision.outcome != row.outcome:
        return True
    if decision.outcome == Outcome.UPDATE:
        # What somebody has edited in Xero since then was not shown as about to be overwritten
        shown = {(label, before) for label, before, _ in row.diff}
        if not shown.issuperset((label, before) for label, before, _ in decision.diff):
            return True
    return bool(row.fingerprint) and row.fingerprint != check.fingerprint(batch.kind, record, batch.books)


def _is_ready(batch: Batch, record: Any) -> bool:
    """Say whether all that a record needs is in Xero. What was unlinked after the check would be sent as a blank,
    and Xero would fill that in: a tax, say, from the account."""
    needs = {(name, need.uuid): need for name, need in batch.kind.needs(record)}
    return all(export_kind(name).find(need, batch.books).linked for (name, _), need in needs.items())


def _broken_needs(job: Job) -> dict[Key, JobRow]:
    """Return the rows that others need and that will not make it into Xero."""
    ended = job.rows.filter(requested=False, state__in=(State.FAILED, State.SKIPPED, State.NEEDS_REVIEW))
    return {(row.kind, row.record_key): row for row in ended.exclude(reason="already_linked")}


def _wanted(job: Job, broken: Iterable[Key]) -> set[Key]:
    """Return what rows that may still be sent need, and what that needs in turn."""
    lost, wanted = set(broken), set[Key]()
    for needs in job.rows.filter(requested=True, state__in=JobRow.OPEN).values_list("needs", flat=True):
        pairs = {(name, key) for name, key in needs}
        if lost.isdisjoint(pairs):
            wanted |= pairs
    chain = job.rows.filter(requested=False, state__in=JobRow.OPEN).order_by("-stage")
    for kind, key, needs in chain.values_list("kind", "record_key", "needs"):
        if (kind, key) in wanted:
            wanted |= {(name, other) for name, other in needs}
    return wanted


def _request(batch: Batch, method: str, pairs: Sequence[tuple[JobRow, str]], owner: str) -> XeroRequest:
    kind = batch.kind
    body = kind.envelope([text for _, text in pairs]).encode()
    request = XeroRequest.objects.create(
        job=batch.job,
        tenant_id=batch.job.tenant_id,
        kind=kind.name,
        method=method,
        path=kind.path(batch.books.options),
        body=body,
        sha256=hashlib.sha256(body).hexdigest(),
        # With a key, an update back to what was there minutes ago would be answered from Xero's memory
        has_key=method == "PUT",
        owner=owner,
        lease_until=clock.now() + lease.length(),
    )
    rows = [row for row, _ in pairs]
    for row in rows:
        row.request = request
    for outcome in {row.outcome for row in rows}:
        same = [row.pk for row in rows if row.outcome == outcome]
        JobRow.objects.filter(pk__in=same).update(request=request, outcome=outcome)
    return request


def _by_size(pairs: Sequence[tuple[JobRow, str]], most: int) -> Iterator[list[tuple[JobRow, str]]]:
    """Split what would be too much, or too large, for one body."""
    chunk: list[tuple[JobRow, str]] = []
    size = 0
    for row, text in pairs:
        length = len(text.encode())
        if chunk and (len(chunk) == most or size + length > MAX_BODY):
            yield chunk
            chunk, size = [], 0
        chunk.append((row, text))
        size += length
    if chunk:
        yield chunk
