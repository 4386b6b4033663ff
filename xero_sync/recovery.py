"""What to do about doubt: wait, ask Xero for the very records, then adopt them or send them anew.

Why wait: while Xero may still be working on a call, a look-up that finds nothing proves nothing. After the
settle time Xero's remembered answer (six minutes) is gone, and a slow call has been made or never will be.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet

from xero_sync import clock, jobs
from xero_sync.batches import Batch
from xero_sync.errors import NotReached, Unanswered, XeroError
from xero_sync.failpoints import reach
from xero_sync.gateway import Gateway, decode
from xero_sync.kinds import export_kind
from xero_sync.models import Job, JobRow, XeroRequest

State, Request = JobRow.State, XeroRequest.State

#: When a look-up fails it is tried again after so many settle times: half an hour, two hours, twelve hours where
#: these are seven minutes. Then a person has to look.
LADDER = (4, 17, 103)
MAX_ATTEMPTS = 4
#: After so many deaths of its worker a batch is split; after so many more a row that is alone is left to a person.
MAX_DEATHS = 3
DEADLY = "Three workers have died over this one."
DEADLY_TO_ASK = "Three workers have died while Xero was asked about this one, so it is not known whether it is there."


def settle_time() -> timedelta:
    """Return how long a write without an answer is left alone before anybody asks."""
    return timedelta(seconds=settings.XERO_SETTLE_SECONDS)


def take_over_abandoned(job: Job) -> None:
    """Deal with what a dead worker left: requests never sent go back, sent ones are in doubt.

    The caller holds the organisation's lease, so nobody else has one of them in hand, unless it is on the wire.
    """
    unwritten = job.rows.filter(state=State.CLAIMED, request=None)
    _mourn(unwritten)
    unwritten.update(state=State.PENDING)
    for number, request in enumerate(job.requests.filter(state=Request.READY)):
        if number == 0:  # its turn had come; nobody can have died over those behind it
            _mourn(request.rows.filter(state=State.CLAIMED))
        hand_back(request, "never sent")
    for request in job.requests.filter(state=Request.SENT, lease_until__lt=clock.now()):
        _mourn(request.rows.filter(state=State.SENT))
        doubt(job, request, "The worker that sent this was gone before the answer came.")
    _isolate_the_deadly(job)


def _mourn(rows: QuerySet[JobRow]) -> None:
    rows.update(deaths=F("deaths") + 1)


def may_try_again(row: JobRow) -> bool:
    """Say whether Xero has not yet failed this row too often. A worker that died says nothing of Xero."""
    return row.attempts - row.deaths < MAX_ATTEMPTS


def _isolate_the_deadly(job: Job) -> None:
    """What has killed its worker again and again goes by itself; if that kills, too, a person has to look."""
    deadly = job.rows.filter(state__in=(State.PENDING, State.UNKNOWN), deaths__gte=MAX_DEATHS)
    with transaction.atomic():
        for kind in set(deadly.values_list("kind", flat=True)):
            rows = list(deadly.filter(kind=kind, state=State.PENDING, alone=True))
            batch = Batch(job, export_kind(kind), rows)
            for row in rows:
                batch.review(row, f"{DEADLY} It was not sent.")
            batch.flush()
        deadly.filter(alone=False).update(alone=True, deaths=0)


def hand_back(request: XeroRequest, why: str) -> None:
    """Note that a request was not executed: its rows may go into another. Not if another worker has taken over."""
    with transaction.atomic():
        if not still_ours(request):
            return
        request.rows.filter(state=State.SENT).update(attempts=F("attempts") - 1)  # it does not count as one
        request.rows.filter(state__in=(State.CLAIMED, State.SENT)).update(state=State.PENDING, request=None)
        close(request, answer=why)


def still_ours(request: XeroRequest) -> bool:
    """Lock a request, and say whether no other worker has meanwhile taken it for abandoned."""
    live = XeroRequest.objects.select_for_update().filter(pk=request.pk, state__in=(Request.READY, Request.SENT))
    return bool(live)


def doubt(job: Job, request: XeroRequest, why: str, *, status: int | None = None) -> None:
    """Note that nobody knows what became of a request. Its rows are looked up when the settle time is over."""
    with transaction.atomic():
        if not still_ours(request):
            return
        due = (request.sent_at or clock.now()) + settle_time()
        rows = list(request.rows.filter(state=State.SENT))
        batch = Batch(job, export_kind(request.kind), rows, request)
        for row in rows:
            batch.doubt(row, f"{why} Looked up in Xero after {due:%H:%M:%S} UTC, before anything is sent again.")
        batch.flush()
        XeroRequest.objects.filter(pk=request.pk).update(
            state=Request.UNKNOWN, due_at=due, lease_until=None, http_status=status
        )
        jobs.recount(job)


def look_up_next(job: Job, gateway: Gateway) -> bool:
    """Settle the rows of one request in doubt whose time has come. Return whether there was one.

    Raises any of errors.py when Xero can't be asked; the request is then tried again later.
    """
    request = job.requests.filter(state=Request.UNKNOWN, due_at__lte=clock.now()).first()
    if request is None:
        return False
    if request.deaths >= MAX_DEATHS:
        _leave_to_a_person(job, request)
        return True
    with _survived(request):
        _look_up(job, request, gateway)
    return True


@contextmanager
def _survived(request: XeroRequest) -> Iterator[None]:
    """Count a death of this worker beforehand, and take it back if it lives, whatever else may go wrong."""
    mine = XeroRequest.objects.filter(pk=request.pk)
    mine.update(deaths=F("deaths") + 1)
    try:
        yield
    finally:
        mine.update(deaths=0)


def _leave_to_a_person(job: Job, request: XeroRequest) -> None:
    with transaction.atomic():
        batch = Batch(job, export_kind(request.kind), list(request.rows.filter(state=State.UNKNOWN)), request)
        for row in batch.rows:
            batch.review(row, DEADLY_TO_ASK)
        batch.flush()
        close(request)
        jobs.recount(job)


def _look_up(job: Job, request: XeroRequest, gateway: Gateway) -> None:
    rows = list(request.rows.filter(state=State.UNKNOWN))
    batch = Batch(job, export_kind(request.kind), rows, request)
    reach("looking", request.kind)
    try:
        sent = batch.kind.elements(decode(bytes(request.body)))
        batch.kind.look(gateway, list(batch.records.values()), batch.books, sent)
    except (NotReached, Unanswered) as error:
        _look_again_later(batch, request, error)
        raise
    with transaction.atomic():
        for row in batch.rows:
            _resolve(batch, row, request)
        batch.flush()
        close(request)
        jobs.recount(job)
        reach("resolving", request.kind)
    reach("resolved", request.kind)


def _look_again_later(batch: Batch, request: XeroRequest, error: XeroError) -> None:
    with transaction.atomic():
        if request.tries < len(LADDER):
            due = clock.now() + LADDER[request.tries] * settle_time()
            XeroRequest.objects.filter(pk=request.pk).update(tries=request.tries + 1, due_at=due)
            return
        for row in batch.rows:
            batch.review(row, f"Xero could not be asked whether it has this one. {error.message}")
        batch.flush()
        close(request)


def _resolve(batch: Batch, row: JobRow, request: XeroRequest) -> None:
    """Decide one row from what Xero has now."""
    record = batch.records.get(row.record_key)
    if record is None:
        batch.review(row, "The record was deleted here while Xero might have saved it.")
        return
    found = batch.kind.find(record, batch.books)
    if found.linked and request.method == "POST" and may_try_again(row):
        batch.send_again(row, "The update may not have arrived; it is compared again.")
    elif found.problem:
        batch.fail(row, found.problem.reason, found.problem.message, fix_url=found.problem.fix_url)
    elif len(found.remotes) > 1:
        ids = ", ".join(remote.xero_id for remote in found.remotes)
        batch.review(row, f"Xero has this one more than once: {ids}. Keep one and void the others.")
    elif found.linked and request.method == "PUT":
        batch.send_again(row, "It has been linked meanwhile; what there is to do is looked at again.")
    elif found.remotes and not found.linked:
        accepted = batch.kind.accept(found.remotes[0].payload)
        if row.outcome == JobRow.Outcome.ARCHIVE:
            batch.archived(row, accepted)
            return
        message = "Found in Xero as it was sent; only the answer had been lost."
        batch.succeed(row, accepted, how="adopted", matched_by=found.how, message=message)
    else:
        _not_there(batch, row)


def _not_there(batch: Batch, row: JobRow) -> None:
    """Xero does not have it: send it again, if that makes sense."""
    if row.alone and row.deaths >= MAX_DEATHS:
        batch.review(row, f"{DEADLY} Xero does not have it.")
    elif may_try_again(row):
        batch.send_again(row, "Xero does not have it; it is sent again.")
    elif row.xero_message:
        batch.refuse(row, row.xero_message)
    else:
        batch.review(row, f"Sent {row.attempts} times, and Xero never gave an answer.")


def close(request: XeroRequest, *, answer: str = "") -> None:
    """Note that a request needs nothing more."""
    fields: dict[str, Any] = {"state": Request.DONE, "lease_until": None, "due_at": None}
    XeroRequest.objects.filter(pk=request.pk).update(**fields, **({"answer": answer} if answer else {}))
