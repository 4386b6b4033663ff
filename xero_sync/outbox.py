"""Send: what is about to be written to Xero is committed first, then fenced, then sent, once.

    pending -> claimed -> sent -> succeeded | failed
                           `---> unknown -> succeeded (adopted) | pending (again) | failed | needs review

    rows claimed    by compare-and-set                                             intents.py
    transaction 1   XeroRequests, each with its key and exact bytes                intents.py
    transaction 2   the fence: `sent_at`, if the lease is ours for long enough     here
    the call        in a thread that touches no database; no retries; one deadline
    transaction 3   each row its own outcome, links, log                           answers.py
    no answer       doubt: wait, look up, adopt or send again                      recovery.py

One runner works on an organisation at a time (its lease). It is cut at the call: what comes before it decides
and writes down, what comes after it reads and records; this file is the loop and the call itself.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min

from xero_sync import answers, check, clock, intents, jobs, lease, oauth, organisation, recovery
from xero_sync.batches import Batch
from xero_sync.errors import (
    Misconfigured,
    NotConnected,
    NotReached,
    PermissionMissing,
    ReconnectNeeded,
    Throttled,
    TimedOut,
    Unanswered,
    XeroError,
)
from xero_sync.failpoints import reach
from xero_sync.gateway import Answer, Gateway, deadline, lacks_scope
from xero_sync.kinds import export_kind
from xero_sync.models import Job, JobRow, XeroConnection, XeroRequest

logger = logging.getLogger(__name__)

State, Request = JobRow.State, XeroRequest.State

#: A run hands back after this, so that other jobs of the worker get on.
SLICE = timedelta(seconds=60)
#: After so many calls it hands back if another job of the organisation is in line: a fifth of what Xero allows in a
#: minute, so that the minute is shared, too.
TURN = 12
#: Shorter waits for the limiter are slept through, longer ones park the job.
SHORT_WAIT = timedelta(seconds=5)
FOREVER = timedelta(days=365)
#: So many writes in a row without an answer are more than bad luck.
TROUBLE = 2


def run(job: Job, owner: str) -> None:
    """Work on a job until it is done, must wait, the slice is over or this process has to go. The caller holds the
    organisation's lease."""
    runner = _Runner(job, owner)
    try:
        runner.work()
    finally:
        runner.close()


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
        #: Written down and not sent yet
        self.ready: deque[tuple[Batch, XeroRequest]] = deque()
        self.in_flight: dict[Future[Answer], _Flight] = {}
        self.wanted = intents.Wanted(job)
        self.refused_token = ""
        self.renewed = -math.inf
        self.launched, self.turn_end = 0, TURN
        self.slice_end = time.monotonic() + SLICE.total_seconds()

    def close(self) -> None:
        self.threads.shutdown(wait=True)
        jobs.bump_calls(self.job, self.gateway.calls)

    # --- the loop

    def work(self) -> None:
        first_time = self.job.started_at is None
        if not self._start():
            return
        try:
            self._prepare(first_time=first_time)
            self._loop()
        except Throttled as error:
            self._park(error.until, "day" if error.why == "day" else "limit")
        except (ReconnectNeeded, PermissionMissing, Misconfigured, NotConnected) as error:
            self._park(clock.now() + FOREVER, "reconnect", error.message)
        except (NotReached, Unanswered) as error:
            # Ten to thirty seconds, where the settle time is seven minutes
            pause = recovery.settle_time() / random.randint(14, 42)  # noqa: S311 - spreads workers, guards nothing
            self._park(clock.now() + pause, "trouble", error.message)
        except lease.Lost:
            logger.warning("Job %s: another worker has taken over", self.job.number)
        finally:
            self._collect_all()
            self._hand_back_ready()
            jobs.recount(self.job)
            if self.launched:
                jobs.note_served(self.job)

    def _start(self) -> bool:
        now = clock.now()
        takable = Job.objects.filter(pk=self.job.pk, state__in=Job.OPEN).exclude(state=Job.State.STOPPING)
        takable.update(state=Job.State.RUNNING, wait_until=None, wait_why="", last_activity=now)
        Job.objects.filter(pk=self.job.pk, started_at=None).update(started_at=now)
        self.job.refresh_from_db()
        return self.job.is_open

    def _prepare(self, *, first_time: bool) -> None:
        organisation.assert_tenant(self.connection, self.job.tenant_id)
        recovery.take_over_abandoned(self.job)
        self._honour_stop()
        if self.job.state == Job.State.STOPPING:  # it will send nothing more, and needs no fresh copy
            return
        if first_time:  # before its first write a job makes sure whose books these are
            organisation.read(self.gateway)
        check.refresh(self.gateway, export_kind(self.job.kind), check.SEND_AGE)
        self.connection.refresh_from_db()
        intents.settle_hopeless(self.job, self._renew)

    def _loop(self) -> None:
        while time.monotonic() < self.slice_end and not self._gives_way():
            self._renew()
            self._honour_stop()
            if recovery.look_up_next(self.job, self.gateway) or (self._may_send() and self._send_next()):
                continue
            if not self.in_flight:
                self._wait_or_finish()
                return
            self._collect()

    def _gives_way(self) -> bool:
        """Say whether this process has to go, or the job has had its turn and another one of the organisation is in
        line."""
        if lease.leaving.is_set():
            return True
        if self.launched < self.turn_end:
            return False
        self.turn_end = self.launched + TURN
        return jobs.in_line(self.connection, clock.now()).exclude(pk=self.job.pk).exists()

    def _renew(self) -> None:
        """Keep the lease. The fence makes sure that it is still ours; until then now and then is enough."""
        now = time.monotonic()
        if now - self.renewed < lease.length().total_seconds() / 10:
            return
        if not lease.renew(self.connection, self.owner):
            raise lease.Lost
        self.renewed = now

    def _park(self, until: datetime, why: str, detail: str = "") -> None:
        if lease.renew(self.connection, self.owner):  # else the job is another worker's by now
            jobs.park(self.job, until, why, detail)

    def _honour_stop(self) -> None:
        if Job.objects.filter(pk=self.job.pk, state=Job.State.STOPPING).exists():
            self._hand_back_ready()
            self.job.rows.filter(state=State.PENDING).update(
                state=State.SKIPPED, reason="stopped", message="Not sent: the job was stopped."
            )

    def _may_send(self) -> bool:
        """Say whether another call may go out. While Xero leaves writes unanswered, they go one by one, and none
        as long as one is in doubt: asking about that one is how we learn whether Xero is back."""
        if self.connection.troubles < TROUBLE:
            return len(self.in_flight) < int(settings.XERO_PARALLEL)
        return not self.in_flight and not self.job.requests.filter(state=Request.UNKNOWN).exists()

    def _wait_or_finish(self) -> None:
        if due := self._next_due():
            self._park(due, "settle")
        elif self.job.rows.filter(state__in=JobRow.OPEN).exists():
            raise RuntimeError(f"{self.job} has open rows that nothing will move.")
        else:
            jobs.finish(self.job)

    def _next_due(self) -> datetime | None:
        """Return when a request in doubt, or one that a dead worker left on the wire, can be looked up."""
        doubtful = self.job.requests.filter(state=Request.UNKNOWN).aggregate(due=Min("due_at"))["due"]
        orphaned = self.job.requests.filter(state=Request.SENT).aggregate(due=Min("lease_until"))["due"]
        return min(filter(None, (doubtful, orphaned)), default=None)

    # --- the call

    def _send_next(self) -> bool:
        """Launch one request, claiming and writing down a few where none is ready. Return whether there was one."""
        if not self.ready:
            rows = intents.next_rows(self.job, {flight.batch.kind.name for flight in self.in_flight.values()})
            if not rows:
                return False
            intents.claim(rows)
            self.ready.extend(intents.write_down(self.job, rows, self.owner, self.wanted))
        if self.ready:  # else all of these rows were settled without a call
            self._launch(*self.ready[0])
        return True

    def _hand_back_ready(self) -> None:
        while self.ready:
            recovery.hand_back(self.ready.popleft()[1], "not sent")

    def _launch(self, batch: Batch, request: XeroRequest) -> None:
        """Get a token and a slot, commit the fence, hand the bytes to a thread."""
        token = oauth.access_token(self.connection.pk, refused=self.refused_token)
        slot = self._slot()
        self._renew()
        # Frozen for longer than this after the fence, others will have taken the call for lost
        start_by_ns = time.monotonic_ns() + lease.length() // timedelta(microseconds=4) * 1000
        if not self._fence(batch, request):
            self.gateway.release(slot, None)
            raise lease.Lost
        self.ready.popleft()  # from here on it may be on the wire, whatever goes wrong: never handed back
        reach("fenced", request.kind)
        # The key is the app's, not the organisation's, so it names the organisation, too
        headers = {"Idempotency-Key": f"{self.job.tenant_id}:{request.pk}"} if request.has_key else {}
        future = self.threads.submit(
            self.gateway.exchange,
            request.method,
            request.path,
            token=token,
            headers=headers,
            body=bytes(request.body),
            start_by_ns=start_by_ns,
        )
        self.in_flight[future] = _Flight(batch, request, slot, token)
        self.launched += 1

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
        try:
            answer = future.result()
        except NotReached:
            self.gateway.release(flight.slot, None)
            recovery.hand_back(flight.request, "not reached")
            raise
        except Unanswered as error:
            if not isinstance(error, TimedOut):
                self.gateway.release(flight.slot, None)
            self._in_doubt(flight, error.message)
            return
        reach("answered", flight.request.kind)
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
                self._answered()
                answers.record(flight.batch, flight.request, answer, elements)
            case 400 | 413:
                self._answered()
                answers.record_refusal(flight.batch, flight.request, answer)
            case 401 if not lacks_scope(answer) and self.refused_token in {"", flight.token}:
                # Not executed. The token is renewed once; a fresh one that is refused, too, means reconnect
                self.refused_token = flight.token
                recovery.hand_back(flight.request, "the token had expired")
            case 401 | 403 | 429:
                recovery.hand_back(flight.request, f"refused with {answer.status}")
                self.gateway.interpret(answer)
            case status:
                self._in_doubt(flight, f"Xero answered with an error of its own ({status}).", status)

    def _in_doubt(self, flight: _Flight, why: str, status: int | None = None) -> None:
        """One lost answer is bad luck; with the second in a row the job pauses."""
        recovery.doubt(self.job, flight.request, why, status=status)
        self._count_troubles(F("troubles") + 1)
        if self.connection.troubles >= TROUBLE:
            raise Unanswered(why)

    def _answered(self) -> None:
        if self.connection.troubles:
            self._count_troubles(0)

    def _count_troubles(self, number: object) -> None:
        XeroConnection.objects.filter(pk=self.connection.pk).update(troubles=number)
        self.connection.refresh_from_db(fields=["troubles"])
