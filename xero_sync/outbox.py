"""Send: what is about to be written to Xero is committed first, then fenced, then sent, once.

    pending -> claimed -> sent -> succeeded | failed
                           `---> unknown -> succeeded (adopted) | pending (again) | failed | needs review

    transaction 1   rows claimed, XeroRequest with its key and exact bytes
    transaction 2   the fence: `sent_at`, if the lease is ours for long enough
    the call        in a thread that touches no database; no retries; one deadline
    transaction 3   each row its own outcome, links, log

One runner works on an organisation at a time (its lease). What has no usable answer is recovery.py's.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Min

from xero_sync import check, clock, jobs, lease, mirror, oauth, recovery
from xero_sync.batches import Batch
from xero_sync.errors import (
    Misconfigured,
    NotConnected,
    NotReached,
    PermissionMissing,
    ReconnectNeeded,
    Throttled,
    Unanswered,
    XeroError,
)
from xero_sync.gateway import Answer, Gateway, deadline, encode, lacks_scope, messages, refusal
from xero_sync.kinds import EXPORTS, export_kind
from xero_sync.kinds.base import Accepted, Decision, ExportKind
from xero_sync.mirror import Element
from xero_sync.models import Job, JobRow, XeroConnection, XeroRequest

logger = logging.getLogger(__name__)

State, Outcome, Request = JobRow.State, JobRow.Outcome, XeroRequest.State

#: A run hands back after this, so that other jobs of the worker get their turn.
SLICE = timedelta(seconds=180)
#: Shorter waits for the limiter are slept through, longer ones park the job.
SHORT_WAIT = timedelta(seconds=5)
MAX_BODY = 3_000_000  # bytes; Xero's own limit is 3.5 MB by one of its pages
FOREVER = timedelta(days=365)
#: Words of a refusal behind which the record may be there already.
TAKEN = ("must be unique", "already assigned", "already exists", "unique name", "unique code")


def run(job: Job, owner: str) -> None:
    """Work on a job until it is done, must wait, or the slice is over. The caller holds the organisation's lease."""
    runner = _Runner(job, owner)
    try:
        runner.work()
    finally:
        runner.close()


class _LostLease(Exception):
    """Another worker took over; nothing more may be sent."""


class _Flight(NamedTuple):
    """A call on the wire."""

    batch: Batch
    request: XeroRequest
    slot: str
    token: str


class _Runner:
    def __init__(self, job: Job, owner: str) -> None:
        self.job, self.owner = job, owner
        self.connection = job.connection
        self.gateway = Gateway(self.connection)
        self.gateway.keep_alive = self._renew
        self.threads = ThreadPoolExecutor(settings.XERO_PARALLEL, thread_name_prefix="xero")
        self.in_flight: dict[Future[Answer], _Flight] = {}
        self.refused_token = ""
        self.failures_in_a_row = 0
        self.slice_end = time.monotonic() + SLICE.total_seconds()

    def close(self) -> None:
        self.threads.shutdown(wait=True)
        jobs.bump_calls(self.job, self.gateway.calls)

    # --- the loop

    def work(self) -> None:
        if not self._start():
            return
        try:
            self._loop()
        except Throttled as error:
            jobs.park(self.job, error.until, "day" if error.why == "day" else "limit")
        except (ReconnectNeeded, PermissionMissing, Misconfigured, NotConnected) as error:
            jobs.park(self.job, clock.now() + FOREVER, "reconnect", error.message)
        except (NotReached, Unanswered) as error:
            pause = timedelta(seconds=random.randint(10, 30))  # noqa: S311 - spreads workers, guards nothing
            jobs.park(self.job, clock.now() + pause, "trouble", error.message)
        except _LostLease:
            logger.warning("Job %s: another worker has taken over", self.job.number)
        finally:
            self._collect_all()
            jobs.recount(self.job)

    def _start(self) -> bool:
        now = clock.now()
        takable = Job.objects.filter(pk=self.job.pk, state__in=Job.OPEN).exclude(state=Job.State.STOPPING)
        takable.update(state=Job.State.RUNNING, wait_until=None, wait_why="", last_activity=now)
        Job.objects.filter(pk=self.job.pk, started_at=None).update(started_at=now)
        self.job.refresh_from_db()
        return self.job.is_open

    def _loop(self) -> None:
        recovery.take_over_abandoned(self.job)
        self._honour_stop()
        if self.job.state != Job.State.STOPPING:  # a job that will send nothing more needs no fresh copy
            check.refresh(self.gateway, export_kind(self.job.kind), check.SEND_AGE)
        self.connection.refresh_from_db()
        while time.monotonic() < self.slice_end:
            self._renew()
            self._honour_stop()
            if recovery.look_up_next(self.job, self.gateway) or self._send_next():
                continue
            if not self.in_flight:
                self._wait_or_finish()
                return
            self._collect()
        jobs.ring(self.job)

    def _renew(self) -> None:
        if not lease.renew(self.connection, self.owner):
            raise _LostLease

    def _honour_stop(self) -> None:
        if Job.objects.filter(pk=self.job.pk, state=Job.State.STOPPING).exists():
            self.job.rows.filter(state=State.PENDING).update(
                state=State.SKIPPED, reason="stopped", message="Not sent: the job was stopped."
            )

    def _wait_or_finish(self) -> None:
        if due := self._next_due():
            jobs.park(self.job, due, "settle")
        elif self.job.rows.filter(state__in=JobRow.OPEN).exists():
            raise RuntimeError(f"{self.job} has open rows that nothing will move.")
        else:
            jobs.finish(self.job)

    def _next_due(self) -> datetime | None:
        """Return when a request in doubt, or one that a dead worker left on the wire, can be looked up."""
        doubtful = self.job.requests.filter(state=Request.UNKNOWN).aggregate(due=Min("due_at"))["due"]
        orphaned = self.job.requests.filter(state=Request.SENT).aggregate(due=Min("lease_until"))["due"]
        return min(filter(None, (doubtful, orphaned)), default=None)

    # --- choosing and writing down

    def _send_next(self) -> bool:
        """Claim, write down and launch one batch. Return whether there was one."""
        if len(self.in_flight) >= settings.XERO_PARALLEL:
            return False
        rows = self._next_rows()
        if not rows:
            return False
        for batch, request in self._write_down(Batch(self.job, export_kind(rows[0].kind), rows)):
            self._launch(batch, request)
        return True

    def _next_rows(self) -> list[JobRow]:
        """Return the rows of the next batch: of the first stage that has any, leaving out what must wait."""
        pending = self.job.rows.filter(state=State.PENDING).order_by("stage", "id")
        opened = self.job.rows.filter(requested=False, state__in=JobRow.OPEN)
        open_needs = set(opened.values_list("kind", "record_key"))
        for kind in EXPORTS:
            ready = (
                row
                for row in pending.filter(kind=kind.name).iterator(chunk_size=kind.batch_size)
                if open_needs.isdisjoint((name, key) for name, key in row.needs)
            )
            if rows := _alike(ready, kind.batch_size):
                # An earlier stage may still have answers to come
                return rows if all(flight.batch.kind is kind for flight in self.in_flight.values()) else []
        return []

    def _write_down(self, batch: Batch) -> list[tuple[Batch, XeroRequest]]:
        """Transaction 1: settle what needs no call, and commit the exact bytes of what does."""
        made = []
        with transaction.atomic():
            broken = self._broken_needs()
            # PUT only creates. A POST would change a document that happens to have the same number
            texts: dict[str, list[tuple[JobRow, str]]] = {"PUT": [], "POST": []}
            for row in batch.rows:
                if text := self._element(batch, row, broken):
                    texts["POST" if row.xero_id else "PUT"].append((row, text))
            for method, pairs in texts.items():
                for chunk in _by_size(pairs):
                    request = self._request(batch, method, chunk)
                    made.append((batch.part([row for row, _ in chunk], request), request))
            batch.flush()
        return made

    def _element(self, batch: Batch, row: JobRow, broken: dict[tuple[str, str], JobRow]) -> str:
        """Return the JSON of a row that must be sent. Settle it, and return nothing, if it need not or must not be."""
        record = batch.records.get(row.record_key)
        if record is None:
            batch.fail(row, "deleted_here", "The record was deleted here after the check.")
            return ""
        if need := next((broken[kind, key] for kind, key in row.needs if (kind, key) in broken), None):
            batch.fail(row, "need_failed", f"{export_kind(need.kind).label} {need.label} failed: {need.message}")
            return ""
        decision = check.decide(batch.kind, record, batch.books, requested=row.requested, choice=row.choice)
        if _needs_no_call(batch, row, decision):
            return ""
        if _differs(row, decision, record, batch) or not (decision.xero_id or _is_ready(batch, record)):
            batch.skip_changed(row)
            return ""
        row.outcome, row.xero_id = decision.outcome, decision.xero_id
        if not decision.xero_id:
            return encode(batch.kind.to_xero(record, batch.books))
        if decision.outcome == Outcome.ARCHIVE:
            return encode(batch.kind.to_archive(record, decision.xero_id))
        return encode(batch.kind.to_update(record, decision.xero_id, batch.books, requested=row.requested))

    def _broken_needs(self) -> dict[tuple[str, str], JobRow]:
        """Return the rows that others need and that will not make it into Xero."""
        ended = self.job.rows.filter(requested=False, state__in=(State.FAILED, State.SKIPPED, State.NEEDS_REVIEW))
        return {(row.kind, row.record_key): row for row in ended.exclude(reason="already_linked")}

    def _request(self, batch: Batch, method: str, pairs: Sequence[tuple[JobRow, str]]) -> XeroRequest:
        kind = batch.kind
        body = kind.envelope([text for _, text in pairs]).encode()
        request = XeroRequest.objects.create(
            job=self.job,
            tenant_id=self.job.tenant_id,
            kind=kind.name,
            method=method,
            path=kind.path(batch.books.options),
            body=body,
            sha256=hashlib.sha256(body).hexdigest(),
            # With a key, an update back to what was there minutes ago would be answered from Xero's memory
            has_key=method == "PUT",
            owner=self.owner,
            lease_until=clock.now() + lease.length(),
        )
        rows = [row for row, _ in pairs]
        for row in rows:
            row.state, row.request = State.CLAIMED, request
        for outcome in {row.outcome for row in rows}:
            JobRow.objects.filter(pk__in=[row.pk for row in rows if row.outcome == outcome]).update(
                state=State.CLAIMED, request=request, outcome=outcome
            )
        return request

    # --- the call

    def _launch(self, batch: Batch, request: XeroRequest) -> None:
        """Get a token and a slot, commit the fence, hand the bytes to a thread."""
        try:
            token = oauth.access_token(self.connection.pk, refused=self.refused_token)
            slot = self._slot()
        except XeroError:
            recovery.hand_back(request, "not sent")
            raise
        self._renew()
        if not self._fence(batch, request):
            self.gateway.release(slot, None)
            raise _LostLease
        # The key is the app's, not the organisation's, so it names the organisation, too
        headers = {"Idempotency-Key": f"{self.job.tenant_id}:{request.pk}"} if request.has_key else {}
        future = self.threads.submit(
            self.gateway.exchange, request.method, request.path, token=token, headers=headers, body=bytes(request.body)
        )
        self.in_flight[future] = _Flight(batch, request, slot, token)

    def _slot(self) -> str:
        """Take a slot, waiting a moment for one and recording answers meanwhile. Raises Throttled for long waits."""
        while True:
            try:
                return self.gateway.acquire()
            except Throttled as error:
                left = error.until - clock.now()
                if left > SHORT_WAIT:
                    raise
                if self.in_flight:
                    self._collect()
                else:
                    time.sleep(min(left, lease.length() / 4).total_seconds() if left > timedelta(0) else 0)
                self._renew()

    def _fence(self, batch: Batch, request: XeroRequest) -> bool:
        """Transaction 2: commit that the call is about to be made, if the lease outlasts it."""
        with transaction.atomic():
            now = clock.now()
            outlasting = now + deadline() + lease.length() / 10
            mine = XeroConnection.objects.select_for_update().filter(
                pk=self.connection.pk, lease_owner=self.owner, lease_until__gt=outlasting
            )
            if not mine:
                return False
            ours = XeroRequest.objects.filter(pk=request.pk, state=Request.READY, owner=self.owner)
            if not ours.update(state=Request.SENT, sent_at=now, lease_until=now + lease.length()):
                return False
            request.rows.filter(state=State.CLAIMED).update(state=State.SENT, attempts=jobs.one_more("attempts"))
        request.sent_at = now
        for row in batch.rows:
            row.state = State.SENT
            row.attempts += 1
        return True

    # --- answers

    def _collect(self) -> None:
        """Wait for the next answer, keeping the lease, and record it."""
        done: set[Future[Answer]] = set()
        while not done:
            done, _ = wait(self.in_flight, timeout=lease.length().total_seconds() / 4, return_when=FIRST_COMPLETED)
            self._renew()
        for future in done:
            self._settle(self.in_flight.pop(future), future)

    def _collect_all(self) -> None:
        """Before leaving: whatever is on the wire gets its outcome, though the run ends in trouble."""
        while self.in_flight:
            done, _ = wait(self.in_flight, return_when=FIRST_COMPLETED)
            for future in done:
                try:
                    self._settle(self.in_flight.pop(future), future)
                except XeroError as error:
                    logger.info("Job %s: %s", self.job.number, error.message)

    def _settle(self, flight: _Flight, future: Future[Answer]) -> None:
        answer = None
        try:
            answer = future.result()
        except NotReached:
            recovery.hand_back(flight.request, "not reached")
            raise
        except Unanswered as error:
            self._in_doubt(flight, error.message)
            return
        finally:
            self.gateway.release(flight.slot, answer)
        self._read(flight, answer)

    def _read(self, flight: _Flight, answer: Answer) -> None:
        match answer.status:
            case 200:
                try:
                    elements = self.gateway.interpret(answer).get(flight.batch.kind.endpoint) or []
                except Unanswered as error:
                    self._in_doubt(flight, error.message)
                    return
                self.failures_in_a_row = 0
                self._record(flight, answer, elements)
            case 400 | 413:
                self._record_refusal(flight, answer)
            case 401 if not lacks_scope(answer) and self.refused_token in {"", flight.token}:
                # Not executed. The token is renewed once; a fresh one that is refused, too, means reconnect
                self.refused_token = flight.token
                recovery.hand_back(flight.request, "the token had expired")
            case 401 | 403 | 429:
                recovery.hand_back(flight.request, f"refused with {answer.status}")
                self.gateway.interpret(answer)
            case status:
                self._in_doubt(flight, f"Xero answered with an error of its own ({status}).")

    def _in_doubt(self, flight: _Flight, why: str) -> None:
        """One lost answer is bad luck; with the second in a row the job pauses."""
        if self._still_ours(flight.request):
            recovery.doubt(self.job, flight.request, why)
        self.failures_in_a_row += 1
        if self.failures_in_a_row > 1:
            raise Unanswered(why)

    def _record(self, flight: _Flight, answer: Answer, elements: Sequence[Element]) -> None:
        """Transaction 3: each row its own outcome. Only one that the answer doesn't mention stays in doubt."""
        batch, shelf = flight.batch, _shelve(flight.batch.kind, elements)
        taken: list[Element] = []
        with transaction.atomic():
            if not self._still_ours(flight.request):
                return
            for row in batch.rows:
                # An update or archiving names the record by its id: it may carry another program's number
                keys = (row.xero_id, *batch.kind.element_keys(batch.records[row.record_key], batch.books))
                element = next((shelf[key] for key in keys if key in shelf), None)
                if element is None:
                    batch.doubt(row, "Xero's answer did not mention this one.")
                elif words := _refusal(batch.kind, element):
                    self._refused(batch, row, words)
                else:
                    taken.append(element)
                    self._accepted(batch, row, element)
            mirror.store(self.job.tenant_id, batch.kind.name, taken)
            self._answered(flight, answer)

    def _record_refusal(self, flight: _Flight, answer: Answer) -> None:
        """A complete 400: the answer is no, but not for which row. Look them up at once, then send one by one."""
        words = refusal(answer).message
        batch = flight.batch
        with transaction.atomic():
            if not self._still_ours(flight.request):
                return
            if len(batch.rows) == 1:
                self._refused(batch, batch.rows[0], words)
            else:
                for row in batch.rows:
                    row.alone = True
                    batch.doubt(row, f"Xero refused the whole batch: {words}")
            self._answered(flight, answer)

    def _still_ours(self, request: XeroRequest) -> bool:
        """Say whether no other runner has meanwhile taken this request for abandoned."""
        return XeroRequest.objects.filter(pk=request.pk, state=Request.SENT, owner=self.owner).exists()

    def _accepted(self, batch: Batch, row: JobRow, element: Element) -> None:
        accepted = batch.kind.accept(element)
        if row.outcome == Outcome.ARCHIVE:
            batch.archived(row, accepted)
            return
        how = "updated" if row.outcome == Outcome.UPDATE else "created"
        warnings = messages(element, "Warnings")
        if accepted.total is not None and row.our_total is not None and accepted.total != row.our_total:
            warnings.append(f"Xero's total is {accepted.total:.2f}, ours is {row.our_total:.2f}.")
        row.warning = " ".join(filter(None, [row.warning, *warnings]))
        row.xero_total = accepted.total
        as_number = f" as {accepted.number}" if accepted.number and accepted.number != row.label else ""
        message = f"{how.capitalize()} in Xero{as_number}."
        batch.succeed(row, accepted, how=how, matched_by=how, message=message)

    def _refused(self, batch: Batch, row: JobRow, words: str) -> None:
        """Xero's no. Where it says "already there", somebody looks whether that one is ours before it counts."""
        row.xero_message = words
        may_exist = row.outcome == Outcome.CREATE and any(each in words.lower() for each in TAKEN)
        if may_exist and row.attempts < recovery.MAX_ATTEMPTS:
            batch.doubt(row, f"Xero says: {words} Looking whether that one is ours.")
        else:
            batch.fail(row, "refused", words)

    def _answered(self, flight: _Flight, answer: Answer) -> None:
        """Close the request, or if rows of it are in doubt, have them looked up at once: an answer has come."""
        flight.batch.flush(answer.correlation_id)
        now = clock.now()
        doubtful = flight.request.rows.filter(state=State.UNKNOWN).exists()
        XeroRequest.objects.filter(pk=flight.request.pk).update(
            state=Request.UNKNOWN if doubtful else Request.DONE,
            due_at=now if doubtful else None,
            answered_at=now,
            lease_until=None,
            http_status=answer.status,
            correlation_id=answer.correlation_id[:100],
            answer=answer.body.decode(errors="replace")[:2000] if answer.status >= 400 else "",
        )
        jobs.recount(self.job)


def _needs_no_call(batch: Batch, row: JobRow, decision: Decision) -> bool:
    """Settle a row that is linked, skipped or refused here. Return whether it was."""
    match decision.outcome:
        case Outcome.LINK:
            accepted = Accepted(decision.xero_id, decision.xero_number)
            batch.succeed(row, accepted, how="linked", matched_by=decision.how, message=decision.message)
        case Outcome.SKIP:
            batch.skip(row, decision)
        case Outcome.FAIL | Outcome.DECIDE:
            batch.fail(row, decision.reason, decision.message, fix_url=decision.fix_url)
        case _:
            return False
    return True


def _differs(row: JobRow, decision: Decision, record: Any, batch: Batch) -> bool:
    """Say whether a chosen record would not go as Check has shown it. What it needs is decided when its turn comes."""
    if not row.requested:
        return False
    if decision.outcome != row.outcome:
        return True
    return bool(row.fingerprint) and row.fingerprint != check.fingerprint(batch.kind, record, batch.books)


def _is_ready(batch: Batch, record: Any) -> bool:
    """Say whether all that a record needs is in Xero. What was unlinked after the check would be sent as a blank,
    and Xero would fill that in: a tax, say, from the account."""
    needs = {(name, need.uuid): need for name, need in batch.kind.needs(record)}
    return all(export_kind(name).find(need, batch.books).linked for (name, _), need in needs.items())


def _alike(rows: Iterable[JobRow], size: int) -> list[JobRow]:
    """Return the first row and those that may share its request; one that must be sent alone shares none."""
    chosen: list[JobRow] = []
    for row in rows:
        if not chosen:
            chosen.append(row)
            if row.alone:
                break
        elif not row.alone and row.outcome == chosen[0].outcome:
            chosen.append(row)
        if len(chosen) == size:
            break
    return chosen


def _by_size(pairs: Sequence[tuple[JobRow, str]]) -> Iterator[list[tuple[JobRow, str]]]:
    """Split what would be too large for one body."""
    chunk: list[tuple[JobRow, str]] = []
    size = 0
    for row, text in pairs:
        length = len(text.encode())
        if chunk and size + length > MAX_BODY:
            yield chunk
            chunk, size = [], 0
        chunk.append((row, text))
        size += length
    if chunk:
        yield chunk


def _shelve(kind: ExportKind[Any], elements: Iterable[Element]) -> dict[str, Element]:
    shelf: dict[str, Element] = {}
    for element in elements:
        for key in (str(element.get(kind.id_field) or ""), *kind.remote_keys(element)):
            if key.strip("0-"):
                shelf.setdefault(key, element)
    return shelf


def _refusal(kind: ExportKind[Any], element: Element) -> str:
    """Return why Xero did not take an element; nothing if it did. A failed create carries an all-zero id."""
    words = messages(element)
    refused = (
        words
        or element.get("StatusAttributeString") == "ERROR"
        or not str(element.get(kind.id_field) or "").strip("0-")
    )
    return "; ".join(words) or "Xero refused it without saying why." if refused else ""
