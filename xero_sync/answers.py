"""After the call: what Xero's answer says of each row. Outcome, link and log line are one transaction.

No answer at all is recovery.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction

from xero_sync import clock, jobs, mirror, recovery
from xero_sync.batches import Batch
from xero_sync.failpoints import reach
from xero_sync.gateway import Answer, refusal, told
from xero_sync.kinds.base import ExportKind
from xero_sync.mirror import Element
from xero_sync.models import JobRow, XeroRequest
from xero_sync.texts import storable

State, Outcome, Request = JobRow.State, JobRow.Outcome, XeroRequest.State

#: Words of a refusal behind which the record may be there already.
TAKEN = ("must be unique", "already assigned", "already exists", "unique name", "unique code")


def record(batch: Batch, request: XeroRequest, answer: Answer, elements: Sequence[Element]) -> None:
    """Transaction 3: each row its own outcome. Only one that the answer doesn't mention stays in doubt."""
    shelf = _shelve(batch.kind, elements)
    taken: list[Element] = []
    with transaction.atomic():
        if not recovery.still_ours(request):
            return
        for row in batch.rows:
            element = _element_of(batch, row, shelf, elements)
            if element is None:
                batch.doubt(row, "Xero's answer did not mention this one.")
                continue
            says = told(element)
            if words := _refusal(batch.kind, element, says.errors):
                _refused(batch, row, words)
            else:
                taken.append(element)
                _accepted(batch, row, element, says.warnings)
        mirror.store(batch.job.tenant_id, batch.kind.name, taken)
        _close(batch, request, answer)
        reach("recording", batch.kind.name)
    reach("recorded", batch.kind.name)


def record_refusal(batch: Batch, request: XeroRequest, answer: Answer) -> None:
    """A complete 400: the answer is no, but not for which row. Look them up at once, then send one by one."""
    words = refusal(answer).message
    with transaction.atomic():
        if not recovery.still_ours(request):
            return
        if len(batch.rows) == 1:
            _refused(batch, batch.rows[0], words)
        else:
            for row in batch.rows:
                row.alone = True
                batch.doubt(row, f"Xero refused the whole batch: {words}")
        _close(batch, request, answer)


def _element_of(batch: Batch, row: JobRow, shelf: dict[str, Element], elements: Sequence[Element]) -> Element | None:
    if row.without_url and row.alone and len(batch.rows) == len(elements) == 1:
        return elements[0]  # without our link it may carry nothing of ours
    # An update or archiving names the record by its id: it may carry another program's number
    keys = (row.xero_id, *batch.kind.element_keys(batch.records[row.record_key], batch.books))
    return next((shelf[key] for key in keys if key in shelf), None)


def _accepted(batch: Batch, row: JobRow, element: Element, warnings: list[str]) -> None:
    accepted = batch.kind.accept(element)
    if row.outcome == Outcome.ARCHIVE:
        batch.archived(row, accepted)
        return
    how = "updated" if row.outcome == Outcome.UPDATE else "created"
    if accepted.total is not None and row.our_total is not None and accepted.total != row.our_total:
        warnings.append(f"Xero's total is {accepted.total:.2f}, ours is {row.our_total:.2f}.")
    row.warning = " ".join(filter(None, [row.warning, *warnings]))
    row.xero_total = accepted.total
    as_number = f" as {accepted.number}" if accepted.number and accepted.number != row.label else ""
    message = f"{how.capitalize()} in Xero{as_number}."
    batch.succeed(row, accepted, how=how, matched_by=how, message=message)


def _refused(batch: Batch, row: JobRow, words: str) -> None:
    """Xero's no. Where it says "already there", somebody looks whether that one is ours before it counts."""
    row.xero_message = words
    may_exist = row.outcome == Outcome.CREATE and any(each in words.lower() for each in TAKEN)
    if may_exist and recovery.may_try_again(row):
        batch.doubt(row, f"Xero says: {words} Looking whether that one is ours.")
    elif batch.kind.can_do_without(words) and not row.without_url:
        row.without_url = row.alone = True
        row.warning = f"{row.warning} Sent without the link back here, which Xero refused: {words}".strip()
        batch.send_again(row, "Xero refused its link back to this invoice; it is sent once more without.")
    else:
        batch.refuse(row, words)


def _close(batch: Batch, request: XeroRequest, answer: Answer) -> None:
    """Close the request, or if rows of it are in doubt, have them looked up at once: an answer has come."""
    batch.flush(answer.correlation_id)
    now = clock.now()
    doubtful = request.rows.filter(state=State.UNKNOWN).exists()
    XeroRequest.objects.filter(pk=request.pk).update(
        state=Request.UNKNOWN if doubtful else Request.DONE,
        due_at=now if doubtful else None,
        answered_at=now,
        lease_until=None,
        http_status=answer.status,
        correlation_id=answer.correlation_id[:100],
        answer=storable(answer.body.decode(errors="replace")[:2000]) if answer.status >= 400 else "",
    )
    jobs.recount_now_and_then(batch.job)


def _shelve(kind: ExportKind[Any], elements: Iterable[Element]) -> dict[str, Element]:
    shelf: dict[str, Element] = {}
    for element in elements:
        for key in (str(element.get(kind.id_field) or ""), *kind.remote_keys(element)):
            if key.strip("0-"):
                shelf.setdefault(key, element)
    return shelf


def _refusal(kind: ExportKind[Any], element: Element, words: list[str]) -> str:
    """Return why Xero did not take an element; nothing if it did. A failed create carries an all-zero id."""
    refused = (
        words
        or element.get("StatusAttributeString") == "ERROR"
        or not str(element.get(kind.id_field) or "").strip("0-")
    )
    return "; ".join(words) or "Xero refused it without saying why." if refused else ""
