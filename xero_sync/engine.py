"""Give a job to whichever part works on it, once at a time: the only place where any exception is caught."""

from __future__ import annotations

import logging
import random
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import InterfaceError, InternalError, OperationalError, connection, transaction
from kombu.exceptions import OperationalError as BrokerError

from bmsxero.logs import about_job
from xero_sync import (
    alerts,
    clock,
    deaths,
    imports,
    jobs,
    lease,
    loading,
    oauth,
    outbox,
    planning,
    pulse,
    recovery,
    schedule,
)
from xero_sync.errors import NotReached, Throttled, Unanswered, WrongOrganisation, XeroError
from xero_sync.models import Job, JobRow, LogLine, XeroConnection

logger = logging.getLogger(__name__)

#: A check that got no answer from Xero so often in a row is left to a person.
MOST_READS = 5


def run(job_id: int) -> bool:
    """Work on a job for a slice. Return False if another worker has it, or its organisation, in hand.

    Whatever goes wrong ends in a true state of the job, with an error id that leads to the log of the server.
    """
    with about_job(job_id):
        return _run(job_id)


def _run(job_id: int) -> bool:
    job = Job.objects.select_related("connection").filter(pk=job_id).first()
    leased = _leased(job) if job else None
    if job is None or leased is None:
        return True
    owner, last = lease.new_owner(), job.lease_owner
    if not lease.take(leased, owner):
        return False
    handed_back = False
    try:
        job.refresh_from_db()
        if _leased(job) == leased:  # else another worker was faster
            handed_back = _work(job, owner, last)
    except WrongOrganisation as error:
        _give_up(job, error.message)
    except (OperationalError, InterfaceError, InternalError):
        # The database was away or locked. What is committed is enough for the next run, which the sweep starts
        logger.exception("Job %s was interrupted by the database", job.number)
        if not connection.is_usable():
            connection.close()
    except Exception:
        error_id = secrets.token_hex(4)
        logger.exception("Job %s failed, error %s", job.number, error_id)
        # Else it is another worker's by now, and may be well
        if lease.renew(leased, owner):
            _give_up(job, f"Something went wrong here, not in Xero (error {error_id}).", error_id)
    finally:
        lease.release(leased, owner)
    _ring_for_what_is_left(leased, handed_back=handed_back)
    return True


def answer(job_id: int) -> None:
    """Answer the bell. It may ring late, and for what waits until some time by now: that is not begun before it."""
    if jobs.due(clock.now()).filter(pk=job_id).exists():
        run(job_id)


def _leased(job: Job) -> Job | XeroConnection | None:
    """Return whose lease working on a job takes: one job at a time writes to an organisation. None: nothing to do."""
    if job.is_open:
        return job.connection if job.direction == Job.Direction.EXPORT else job
    return job if job.state == Job.State.CHECKING else None


def _work(job: Job, owner: str, last: str) -> bool:
    """Return whether an import was handed back before its end, so that it has to be rung for."""
    handed_back = False
    if job.state == Job.State.CHECKING or job.direction == Job.Direction.IMPORT:
        handed_back = _read(job, owner, last)
    else:
        outbox.run(job, owner)
    if job.schedule_id:
        schedule.carry_on()
    return handed_back


def _read(job: Job, owner: str, last: str) -> bool:
    """Check, or import; return whether an import was handed back. `last` is the worker that had the job before and did
    not give it back."""
    checking = job.state == Job.State.CHECKING
    if job.deaths >= deaths.MOST:
        if checking:
            job.rows.all().delete()  # a part of a plan is none
        _give_up(job, deaths.OVER_A_CHECK if checking else deaths.OVER_AN_IMPORT, deaths.note(job, last))
        return False
    with deaths.counted(job, owner):
        if not checking:
            return imports.run(job, owner)
        _check(job, owner)
        return False


def _check(job: Job, owner: str) -> None:
    def keep_alive() -> None:
        lease.renew(job, owner)
        deaths.forgive_a_leaving_worker(job)

    keep_alive()
    Job.objects.filter(pk=job.pk, state=Job.State.CHECKING).update(wait_until=None, wait_why="")
    try:
        if job.direction == Job.Direction.IMPORT:
            imports.plan(job, keep_alive)
        else:
            planning.plan(job, keep_alive)
    except Throttled as error:
        why = Job.WaitWhy.DAY if error.why == "day" else Job.WaitWhy.LIMIT
        jobs.check_later(job, error.until, why, error.message)
    except (NotReached, Unanswered) as error:
        _try_again(job, error.message)
    except XeroError as error:
        _give_up(job, error.message)


def _try_again(job: Job, problem: str) -> None:
    """Let a check wait that got no answer: reading does no harm, so it is repeated, each time a little later."""
    job.refresh_from_db(fields=["failed_reads"])
    tries = job.failed_reads + 1
    if tries >= MOST_READS:
        _give_up(job, f"{problem} It was tried {tries} times.")
        return
    # Ten to thirty seconds at first, where the settle time is seven minutes
    pause = tries * recovery.settle_time() / random.randint(14, 42)  # noqa: S311 - spreads workers, guards nothing
    words = f"{problem} Try {tries} of {MOST_READS}."
    jobs.check_later(job, clock.now() + pause, Job.WaitWhy.TROUBLE, words, failed_reads=tries)


def _give_up(job: Job, problem: str, error_id: str = "") -> None:
    """End a job that can't go on. What was not sent says so; what is in doubt stays for a person to look at."""
    step, left = ("import", "Not imported.") if job.direction == Job.Direction.IMPORT else ("send", "Not sent.")
    with transaction.atomic():
        pending = job.rows.filter(state__in=(JobRow.State.PENDING, JobRow.State.CLAIMED))
        pending.update(message=f"{left} {problem}")
        jobs.log_left_out(job, pending, "Fail", LogLine.Outcome.FAILED, step)
        pending.update(state=JobRow.State.FAILED, reason="gave_up")
        doubtful = job.rows.filter(state__in=(JobRow.State.SENT, JobRow.State.UNKNOWN))
        jobs.log_left_out(job, doubtful, "Needs review", LogLine.Outcome.WARNING, "send")
        doubtful.update(state=JobRow.State.NEEDS_REVIEW, reason="needs_review")
        Job.objects.filter(pk=job.pk).update(
            state=Job.State.NEEDS_ATTENTION, problem=problem, error_id=error_id, finished_at=clock.now()
        )
        jobs.log(job, "job", "End", outcome=LogLine.Outcome.FAILED, message=problem)
        jobs.recount(job)


def _ring_for_what_is_left(leased: Job | XeroConnection, *, handed_back: bool) -> None:
    """One writing job per organisation at a time: the next in line may start now, or the same one go on. An import
    rings for itself, and so stands behind all that waits for a worker."""
    if isinstance(leased, XeroConnection):
        if job := jobs.in_line(leased, clock.now()).first():
            jobs.ring(job)
    elif handed_back:
        jobs.ring(leased)


def sweep() -> list[int]:
    """Find the jobs that are due and ring for each. Return their numbers.

    This is what makes the bell dispensable: a message that was lost, a worker that died, a wait that is over.
    """
    now = clock.now()
    pulse.beat(pulse.SWEEP)
    jobs.expire(now)
    oauth.keep_alive()
    schedule.run_due()
    loading.ring_again(now)
    due = list(jobs.due(now))
    for job in due:
        jobs.ring(job)
    return [job.number for job in due]


def nudge() -> None:
    """Ask a worker for a sweep, because somebody looks at a job and nothing has swept for long: beat has stopped."""
    if embedded() or not pulse.is_late(pulse.last(pulse.SWEEP)):
        return
    if not pulse.beat_once_in(pulse.NUDGE, timedelta(seconds=60)):
        return
    from xero_sync.tasks import sweep as task

    alerts.note_late_sweep()
    try:
        task.delay()
    except BrokerError:
        logger.warning("neither a sweep nor the broker: nothing will go on by itself")


def embedded() -> bool:
    """Say whether the broker lives in a process, so that other processes can't ring its worker."""
    return bool(settings.CELERY_BROKER_URL == settings.EMBEDDED_BROKER)


def broker_answers() -> bool:
    """Say whether the bell can be rung: the embedded broker always, another within two seconds or so."""
    if embedded():
        return True
    from bmsxero.celery import app

    try:
        with app.connection_for_write(settings.CELERY_BROKER_URL) as connection:
            connection.ensure_connection(max_retries=1, timeout=2)
    except (BrokerError, OSError):
        return False
    return True
