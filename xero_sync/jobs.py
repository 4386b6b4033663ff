"""The life of a job: start (Check), send, stop, retry; counts, log and the bell that wakes a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from kombu.exceptions import OperationalError

from bmsxero.bulk import insert_each
from xero_sync import clock
from xero_sync.errors import NotConnected
from xero_sync.links import may_be_sent
from xero_sync.models import Job, JobRow, LogLine, SyncOptions, XeroConnection, XeroRequest

logger = logging.getLogger(__name__)

#: A check that nobody sent is forgotten after this.
CHECK_LIFETIME = timedelta(days=7)
#: Send checks again what was checked longer ago.
CHECK_FRESHNESS = timedelta(minutes=15)
#: Options that a person may choose for one run; a retry keeps them, and takes the accounts from Setup anew.
CHOSEN_FOR_A_RUN = (
    "status",
    "invoice_number",
    "due_date",
    "po_in_reference",
    "keep_contacts",
    "archive_inactive",
    "allow_backorders",
    "destination",
    "bring_account_codes",
)
#: Outcomes of Check that Send acts upon.
ACTIONABLE = (JobRow.Outcome.CREATE, JobRow.Outcome.UPDATE, JobRow.Outcome.LINK, JobRow.Outcome.ARCHIVE)

#: Why rows wait that a trial left out.
LEFT_FOR_LATER = "left_for_later"
#: So many records go when somebody wants to try first.
TRIAL = 5

#: A job that did nothing for so long has a new pace afterwards.
PAUSE = timedelta(seconds=45)

#: Who writes to an organisation next: the one that was served longest ago, and of those that never were, the oldest.
TURNS = (F("served_at").asc(nulls_first=True), "id")

#: A running job is counted no more often than this: what one count takes grows with the job.
COUNT_EVERY = timedelta(seconds=1)

Row, Outcome = JobRow.State, JobRow.Outcome
#: States of a row with which nothing more happens in this job.
OVER = (Row.SUCCEEDED, Row.FAILED, Row.SKIPPED, Row.NEEDS_REVIEW)


def current_connection() -> XeroConnection:
    """Return the organisation that the pages work with. Raises NotConnected."""
    return usable(XeroConnection.objects.filter(is_current=True).first())


def usable(connection: XeroConnection | None) -> XeroConnection:
    """Return an organisation that there is, and that nobody has disconnected. Raises NotConnected."""
    if connection is None or connection.state == XeroConnection.State.DISCONNECTED:
        raise NotConnected
    return connection


def start_check(
    kind: str,
    direction: str,
    selection: dict[str, Any],
    *,
    user: User | None,
    overrides: dict[str, Any] | None = None,
    token: UUID | None = None,
    retry_of: Job | None = None,
    choices: dict[str, str] | None = None,
    started_as: str = "",
) -> Job:
    """Give a job its number and let a worker work out what it would do.

    `selection` is the rule the records are chosen by (see selection.py), `overrides` are options for this run
    only. The same `token` gives the same job. Raises NotConnected.
    """
    connection = retry_of.connection if retry_of else current_connection()
    options, _ = SyncOptions.objects.get_or_create(connection=connection)
    fields = {
        "kind": kind,
        "direction": direction,
        "connection": connection,
        "tenant_id": connection.tenant_id,
        "options": options.snapshot(**(overrides or {})),
        "selection": selection,
        "choices": choices or {},
        "created_by": user,
        "created_as": started_as or (user.get_username() if user else ""),
        "retry_of": retry_of,
    }
    with transaction.atomic():
        if token is None:
            job, created = Job.objects.create(**fields), True
        else:
            job, created = Job.objects.get_or_create(client_token=token, defaults=fields)
        if created:
            log(job, "job", "Check", message=f"Check started by {job.created_as or 'a command'}.")
            ring(job)
    return job


def send(job: Job, *, user: User | None = None, first: int | None = None) -> bool:
    """Hand a checked job to the worker. Return False if that has happened already: a double click sends once.

    A record that another job holds is left out, and says which job it is in. With `first`, only so many records go,
    to try it; the others wait for a retry. Raises ValueError for a trial that makes no sense: see `trial`.
    """
    if first is not None and not trial(job):
        raise ValueError("Only exports can be tried.")
    with transaction.atomic():
        now = clock.now()
        mine = Job.objects.filter(pk=job.pk, state=Job.State.CHECKED)
        if mine.update(state=Job.State.QUEUED, sent_at=now, last_activity=now) != 1:
            return False
        if first is not None:
            _leave_for_later(job, first)
        _claim_rows(job)
        _skip_the_rest(job)
        recount(job)
        who = user.get_username() if user else job.created_as
        log(job, "job", "Import" if job.direction == Job.Direction.IMPORT else "Send", message=f"Started by {who}.")
        ring(job)
    job.refresh_from_db()
    return True


def trial(job: Job) -> int:
    """Return how many records go when somebody wants to try a job first; none of an import. Nothing in Xero hangs on
    that one, and what comes along with its records can't be told from what only the others need."""
    return TRIAL if job.direction == Job.Direction.EXPORT else 0


def _claim_rows(job: Job) -> None:
    """Take the rows that Send will act upon, unless another job holds the same record."""
    held = JobRow.objects.filter(
        tenant_id=OuterRef("tenant_id"),
        kind=OuterRef("kind"),
        record_key=OuterRef("record_key"),
        requested=True,
        state__in=JobRow.HELD,
    )
    planned = job.rows.filter(state=Row.PLANNED, outcome__in=ACTIONABLE)
    for _ in range(3):
        try:
            with transaction.atomic():
                planned.filter(requested=True).filter(~Exists(held)).update(state=Row.PENDING)
            break
        except IntegrityError:
            continue  # another job took one of them this very moment: look again
    losers = planned.filter(requested=True).annotate(holder=Subquery(held.values("job_id")[:1]))
    for row in losers:
        row.state, row.reason = Row.SKIPPED, "in_another_job"
        row.message = f"Skipped: it is in Job {row.holder} at the moment."
        row.save(update_fields=["state", "reason", "message", "updated"])
        log(job, "send", "Skip", row=row, outcome=LogLine.Outcome.WARNING, message=row.message)
    planned.filter(requested=False).update(state=Row.PENDING)


def _leave_for_later(job: Job, first: int) -> None:
    """Let only the first records go, and what those need; all others wait."""
    planned = job.rows.filter(state=Row.PLANNED, outcome__in=ACTIONABLE)
    tried = list(planned.filter(requested=True).order_by("stage", "id")[:first])
    needed = {(kind, key): (pk, needs) for pk, kind, key, needs in
              planned.filter(requested=False).values_list("pk", "kind", "record_key", "needs")}  # fmt: skip
    kept, queue = {row.pk for row in tried}, [tuple(need) for row in tried for need in row.needs]
    while queue:
        if (found := needed.pop(queue.pop(), None)) is not None:
            kept.add(found[0])
            queue += [tuple(need) for need in found[1]]
    words = f"Left for later: only the first {first} were to be tried."
    rest = planned.exclude(pk__in=kept)
    rest.update(state=Row.SKIPPED, reason=LEFT_FOR_LATER, message=words)
    later = job.rows.filter(state=Row.SKIPPED, reason=LEFT_FOR_LATER)
    log_left_out(job, later.filter(requested=True), "Leave for later", LogLine.Outcome.INFO)


def _skip_the_rest(job: Job) -> None:
    """What Check said would fail, or needs a decision, is left out and says so; no change means skipped."""
    planned = job.rows.filter(state=Row.PLANNED)
    failing = planned.filter(outcome__in=(Outcome.FAIL, Outcome.DECIDE))
    skipping = planned.filter(outcome=Outcome.SKIP)
    log_left_out(job, failing, "Fail", LogLine.Outcome.FAILED)
    log_left_out(job, skipping, "Skip", LogLine.Outcome.INFO)
    failing.update(state=Row.FAILED)
    skipping.update(state=Row.SKIPPED)


def log_left_out(job: Job, rows: QuerySet[JobRow], action: str, outcome: str, step: str = "check") -> None:
    """Let the log tell of every record, also of those that Send never touches."""
    lines = (
        LogLine(job=job, **line_fields(step, action, row=row, outcome=outcome, message=row.message))
        for row in rows.iterator(chunk_size=500)
    )
    while batch := list(islice(lines, 500)):
        insert_each(batch)


def recheck(job: Job) -> bool:
    """Throw the plan of an unsent job away and make it anew. Return False if it has been sent.

    What was chosen for this run stays; the accounts come from Setup as it is now.
    """
    with transaction.atomic():
        mine = Job.objects.filter(pk=job.pk, state=Job.State.CHECKED)
        if mine.update(state=Job.State.CHECKING, checked_at=None, counts={}, options=renewed_options(job)) != 1:
            return False
        job.rows.all().delete()
        ring(job)
    return True


def renewed_options(job: Job) -> dict[str, Any]:
    """Return the options of an unsent job: what was chosen for this run, and the rest from Setup as it is now."""
    setup, _ = SyncOptions.objects.get_or_create(connection=job.connection)
    return setup.snapshot(**{name: job.options[name] for name in CHOSEN_FOR_A_RUN if name in job.options})


def decide(job: Job, choices: dict[str, str]) -> bool:
    """Note what a person decided about rows of an unsent job, {"contacts:<record key>": choice}.

    A choice is the id of one of the candidates, "create" or "skip"; a blank one takes the decision back. What it
    comes to shows in the next check. Return False if the job has been sent.
    """
    with transaction.atomic():
        mine = Job.objects.select_for_update().filter(pk=job.pk, state=Job.State.CHECKED).first()
        if mine is None:
            return False
        mine.choices = {key: choice for key, choice in (mine.choices | choices).items() if choice}
        mine.save(update_fields=["choices"])
    return True


def stop(job: Job, *, user: User | None) -> None:
    """Ask a running job to stop: the batch in flight still ends, the rest is left unsent."""
    with transaction.atomic():
        stopped = Job.objects.filter(pk=job.pk, state__in=Job.OPEN).exclude(state=Job.State.STOPPING)
        if stopped.update(state=Job.State.STOPPING, wait_until=None, wait_why=""):
            log(job, "job", "Stop", message=f"Stop asked for by {user.get_username() if user else 'a command'}.")
            ring(job)


def retryable(job: Job) -> QuerySet[JobRow]:
    """Return the rows that a retry takes up again: what failed or was left for later, and may still be sent."""
    again = Q(state=Row.FAILED) | Q(state=Row.SKIPPED) & ~Q(outcome=Outcome.SKIP)
    return may_be_sent(job.rows.filter(again, requested=True))


def retry(job: Job, *, user: User | None, token: UUID | None = None) -> Job:
    """Start a new check of the rows that failed, linked to this job."""
    keys = list(retryable(job).values_list("record_key", flat=True))
    overrides = {name: job.options[name] for name in CHOSEN_FOR_A_RUN if name in job.options}
    return start_check(
        job.kind,
        job.direction,
        {"ids": keys},
        user=user,
        overrides=overrides,
        token=token,
        retry_of=job,
        choices=job.choices,
    )


def look_again(job: Job, *, user: User | None) -> bool:
    """Ask Xero once more about the rows that a person was to look at. Return whether there are any to ask about.

    What Xero has by now is adopted; what it lacks is sent; what it still has twice comes back to the person.
    """
    with transaction.atomic():
        ended = Job.objects.select_for_update().filter(pk=job.pk, state=Job.State.NEEDS_ATTENTION)
        reviewed = job.rows.filter(state=Row.NEEDS_REVIEW)
        if not ended or not reviewed.exists():
            return False
        # What never got as far as a request can simply be sent
        unsent = reviewed.filter(request=None)
        unsent.update(state=Row.PENDING, attempts=0, deaths=0, message="Sent once more.")
        requests = set(reviewed.values_list("request_id", flat=True))
        now = clock.now()
        XeroRequest.objects.filter(pk__in=requests).update(
            state=XeroRequest.State.UNKNOWN, due_at=now, lease_until=None, tries=0, deaths=0
        )
        reviewed.update(state=Row.UNKNOWN, attempts=0, deaths=0, message="Xero is asked again.")
        ended.update(state=Job.State.QUEUED, finished_at=None, problem="", error_id="", last_activity=now)
        recount(job)
        log(job, "job", "Look again", message=f"Asked for by {user.get_username() if user else 'a command'}.")
        ring(job)
    job.refresh_from_db()
    return True


def last_ended(connection: XeroConnection, kind: str, direction: str) -> Job | None:
    """Return the newest job of a kind that went through, with or without failures."""
    ended = (Job.State.COMPLETED, Job.State.COMPLETED_WITH_FAILURES)
    return Job.objects.filter(tenant_id=connection.tenant_id, kind=kind, direction=direction, state__in=ended).first()


def recount(job: Job) -> None:
    """Write how the job's rows stand into the job, so that lists and polls need not count."""
    groups = (
        job.rows.order_by()
        .values("requested", "kind", "outcome", "state", "how")
        .annotate(number=Count("id"), warned=Count("id", filter=~Q(warning="")))
    )
    counts: dict[str, Any] = {"outcome": {}, "state": {}, "how": {}, "warnings": 0, "total": 0, "also": {}}
    for group in groups:
        number = group["number"]
        if not group["requested"]:
            kind = counts["also"].setdefault(group["kind"], {})
            for name in (group["outcome"], group["state"], group["how"]):
                if name:
                    kind[name] = kind.get(name, 0) + number
            continue
        counts["total"] += number
        counts["warnings"] += group["warned"]
        for shelf in ("outcome", "state", "how"):
            if name := group[shelf]:
                counts[shelf][name] = counts[shelf].get(name, 0) + number
    now = clock.now()
    counts["pace"] = _pace(job, counts, now)
    Job.objects.filter(pk=job.pk).update(counts=counts, last_activity=now)
    job.counts, job.last_activity = counts, now


def recount_now_and_then(job: Job) -> None:
    """Keep the counts of a running job about right. Whoever ends its run counts once more."""
    if job.last_activity is None or clock.stamp() - job.last_activity >= COUNT_EVERY:
        recount(job)


def done(counts: dict[str, Any]) -> int:
    """Return how many rows, requested or not, are over and done with."""
    return sum(shelf.get(state, 0) for shelf in (counts.get("state") or {}, *(counts.get("also") or {}).values())
               for state in OVER)  # fmt: skip


def _pace(job: Job, counts: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return since when the job has gone on without a long pause, and how many rows were done by then."""
    before = (job.counts or {}).get("pace")
    goes_on = job.last_activity is not None and now - job.last_activity < PAUSE
    return before if before and goes_on else {"since": now.isoformat(), "done": done(counts)}


def finish(job: Job) -> None:
    """Give a job without open rows its final state, a true one."""
    recount(job)
    states = job.counts["state"]
    also = job.counts["also"].values()
    if states.get(Row.NEEDS_REVIEW) or any(kind.get(Row.NEEDS_REVIEW) for kind in also):
        state = Job.State.NEEDS_ATTENTION
    elif Job.objects.filter(pk=job.pk, state=Job.State.STOPPING).exists():
        state = Job.State.STOPPED
    elif states.get(Row.FAILED) or any(kind.get(Row.FAILED) for kind in also):
        state = Job.State.COMPLETED_WITH_FAILURES
    else:
        state = Job.State.COMPLETED
    now = clock.now()
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=now, last_activity=now, wait_until=None, wait_why="")
    job.refresh_from_db()
    log(job, "job", "End", outcome=LogLine.Outcome.OK, message=f"{Job.State(state).label}: {summary(job)}.")


def summary(job: Job) -> str:
    """Return the counts of a job in words."""
    result = results(job)
    words = [f"{result[name]} {name}" for name in ("created", "updated", "linked", "skipped", "failed") if result[name]]
    if result["unknown"]:
        words.append(f"{result['unknown']} in doubt")
    return ", ".join(words) or "nothing to do"


def results(job: Job) -> dict[str, Any]:
    """Return what commands print: counts of the kind named and the rows requested, prerequisites under `also`."""
    counts = job.counts or {}
    how, state, outcome = (counts.get(shelf) or {} for shelf in ("how", "state", "outcome"))
    if job.sent_at is None:
        made = {"created": "create", "updated": "update", "linked": "link", "skipped": "skip"}
        also = {kind: n for kind, n in _also(counts, ("create", "update", "link")).items() if n}
        return {
            "job": job.number,
            "state": job.state,
            **{name: outcome.get(key, 0) for name, key in made.items()},
            "updated": outcome.get("update", 0) + outcome.get("archive", 0),
            "warnings": counts.get("warnings", 0),
            "failed": outcome.get("fail", 0) + outcome.get("decide", 0),
            "unknown": 0,
            "also": also,
        }
    return {
        "job": job.number,
        "state": job.state,
        "created": how.get("created", 0) + how.get("adopted", 0),
        "updated": how.get("updated", 0) + how.get("archived", 0),
        "linked": how.get("linked", 0),
        "skipped": state.get(Row.SKIPPED, 0),
        "warnings": counts.get("warnings", 0),
        "failed": state.get(Row.FAILED, 0),
        "unknown": state.get(Row.UNKNOWN, 0) + state.get(Row.NEEDS_REVIEW, 0),
        "also": {kind: n for kind, n in _also(counts, ("created", "adopted", "updated", "linked")).items() if n},
    }


def outcome_words(job: Job) -> str:
    """Return what a check found, in words."""
    outcomes = job.counts.get("outcome") or {}
    words = ", ".join(f"{number} {Outcome(name).label.lower()}" for name, number in outcomes.items())
    return words or "Nothing was chosen."


def _also(counts: dict[str, Any], names: Iterable[str]) -> dict[str, int]:
    return {kind: sum(row.get(name, 0) for name in names) for kind, row in (counts.get("also") or {}).items()}


def log(
    job: Job,
    step: str,
    action: str,
    *,
    row: JobRow | None = None,
    outcome: str = LogLine.Outcome.INFO,
    message: str = "",
    request: XeroRequest | None = None,
    correlation_id: str = "",
) -> None:
    """Add a line to the transaction log of a job."""
    LogLine.objects.create(
        job=job,
        **line_fields(step, action, row=row, outcome=outcome, message=message),
        request=request,
        correlation_id=correlation_id,
    )


def line_fields(step: str, action: str, *, row: JobRow | None, outcome: str, message: str) -> dict[str, Any]:
    """Return the columns of a log line; line breaks are escaped, so that one line is one line."""
    return {
        "row_id": row.pk if row else None,
        "time": clock.stamp(),
        "step": step,
        "record": row.label if row else "",
        "action": action,
        "outcome": outcome,
        "message": message.replace("\r", "\\r").replace("\n", "\\n"),
    }


def park(job: Job, until: datetime, why: str, detail: str = "") -> None:
    """Let a job wait; the sweep takes it up again. One that is being stopped keeps its state and waits for doubt."""
    Job.objects.filter(pk=job.pk, state=Job.State.STOPPING).update(wait_until=until, wait_why=why)
    waiting = Job.objects.filter(pk=job.pk, state__in=(Job.State.RUNNING, Job.State.QUEUED, Job.State.WAITING))
    if waiting.update(state=Job.State.WAITING, wait_until=until, wait_why=why, last_activity=clock.now()):
        then = "" if why == Job.WaitWhy.RECONNECT else f" Goes on by itself at {until:%Y-%m-%d %H:%M:%S} UTC."
        log(job, "job", "Wait", message=f"{detail or Job.WaitWhy(why).label + '.'}{then}")


def check_later(job: Job, until: datetime, why: str, detail: str, *, failed_reads: int = 0) -> None:
    """Let a check wait for Xero; the sweep takes it up again. `failed_reads`: how often in a row it got no answer."""
    checking = Job.objects.filter(pk=job.pk, state=Job.State.CHECKING)
    if checking.update(wait_until=until, wait_why=why, failed_reads=failed_reads, last_activity=clock.now()):
        job.rows.all().delete()  # what it had planned by then may be another plan by the time it goes on
        log(job, "check", "Wait", message=f"{detail} Goes on by itself at {until:%Y-%m-%d %H:%M:%S} UTC.")


def ring(job: Job) -> None:
    """Wake a worker once this transaction is through. Whatever happens to the bell, the sweep finds the job."""
    transaction.on_commit(lambda: _ring_now(job.pk), robust=True)


def _ring_now(job_id: int) -> None:
    from xero_sync.tasks import run_job

    try:
        run_job.delay(job_id)
    except OperationalError as error:
        logger.warning("the broker does not answer; the sweep will take Job %s up: %s", job_id, error)


def due(now: datetime) -> Any:
    """Return the jobs that a worker should take up: queued, waiting and due, or left behind by a dead worker."""
    untouched = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
    unwritten = Q(connection__lease_until__isnull=True) | Q(connection__lease_until__lt=now)
    abandoned = Q(direction=Job.Direction.EXPORT) & unwritten | Q(direction=Job.Direction.IMPORT) & untouched
    return Job.objects.filter(
        Q(state__in=(Job.State.QUEUED, Job.State.RUNNING)) & abandoned
        | Q(state=Job.State.STOPPING) & (Q(wait_until=None) | Q(wait_until__lte=now)) & abandoned
        | Q(state=Job.State.WAITING, wait_until__lte=now)
        | Q(state=Job.State.CHECKING) & (Q(wait_until=None) | Q(wait_until__lte=now)) & untouched
    ).order_by(*TURNS)


def in_line(connection: XeroConnection, now: datetime) -> QuerySet[Job]:
    """Return the jobs that want to write to an organisation now, in the order in which they may: one at a time."""
    return Job.objects.filter(
        Q(state__in=(Job.State.QUEUED, Job.State.RUNNING))
        | Q(state=Job.State.STOPPING, wait_until=None)
        | Q(state__in=(Job.State.STOPPING, Job.State.WAITING), wait_until__lte=now),
        connection=connection,
        direction=Job.Direction.EXPORT,
    ).order_by(*TURNS)


def note_served(job: Job) -> None:
    """Send a job that has had calls to the end of the line. One that was refused any stays where it is."""
    Job.objects.filter(pk=job.pk).update(served_at=clock.now())


def expire(now: datetime) -> int:
    """Forget checks that nobody sent for a week. Return how many."""
    return Job.objects.filter(state=Job.State.CHECKED, checked_at__lt=now - CHECK_LIFETIME).update(
        state=Job.State.EXPIRED, finished_at=now
    )


def one_more(column: str) -> Any:
    """Return the expression that adds one to a column."""
    return F(column) + 1


def resume_after_reconnect(connection: XeroConnection) -> None:
    """Let the jobs go on that waited for somebody to sign in again to this very organisation."""
    waits = Job.objects.filter(tenant_id=connection.tenant_id, wait_why=Job.WaitWhy.RECONNECT)
    for job in waits.filter(state__in=(Job.State.WAITING, Job.State.STOPPING)):
        Job.objects.filter(pk=job.pk).update(wait_until=None, wait_why="")
        Job.objects.filter(pk=job.pk, state=Job.State.WAITING).update(state=Job.State.QUEUED)
        log(job, "job", "Go on", message="Reconnected.")
        ring(job)


def bump_calls(job: Job, calls: int) -> None:
    """Add to the number of calls that the job has cost."""
    Job.objects.filter(pk=job.pk).update(calls=F("calls") + calls)
