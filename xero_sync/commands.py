"""What the commands share: start a job, wait for it, and say how it went."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from xero_sync import clock, engine, jobs
from xero_sync.errors import XeroError
from xero_sync.models import Job

COMPLETED, SOME_FAILED, NOT_STARTED, STILL_WAITING = 0, 1, 2, 3
POLL_SECONDS = 1


class JobCommand(BaseCommand):
    """Starts the same job as a wizard does. Prints `Job# N` first and, when it waited, a last line of JSON.

    Exit: 0 completed, 1 rows failed or need review, 2 not started, 3 still waiting.
    """

    kinds: dict[str, str] = {}

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=list(self.kinds))
        parser.add_argument("--all", action="store_true", help="all records that can be chosen")
        parser.add_argument("--check", action="store_true", help="only say what would happen")
        parser.add_argument("--wait", action="store_true", help="work on the job until it ends")
        parser.add_argument("--timeout", type=int, default=900, metavar="SECONDS")

    def start(self, begin: Callable[[], Job], *, check: bool, wait: bool, timeout: int) -> None:
        """Begin a job, send it unless it is only to be checked, and leave with the exit code."""
        try:
            job = begin()
        except XeroError as error:
            self.stderr.write(error.message)
            sys.exit(NOT_STARTED)
        self.stdout.write(f"Job# {job.number}")
        self.stdout.flush()
        end = time.monotonic() + timeout
        until_checked(job, end)
        if job.state == Job.State.CHECKED and not check:
            jobs.send(job)
        if wait and not check:
            until_ended(job, end)
        sys.exit(self.report(job, check=check, wait=wait))

    def report(self, job: Job, *, check: bool, wait: bool) -> int:
        job.refresh_from_db()
        if job.problem:
            self.stderr.write(job.problem)
        if check or wait:
            self.stdout.write(json.dumps(jobs.results(job)))
        return exit_code(job, check=check, wait=wait)


def exit_code(job: Job, *, check: bool, wait: bool) -> int:
    """Return what the command exits with."""
    result = jobs.results(job)
    if job.state == Job.State.CHECKING:
        return STILL_WAITING
    if job.sent_at is None:
        # Nothing could be planned, or only a plan was asked for
        if job.state != Job.State.CHECKED:
            return NOT_STARTED
        return SOME_FAILED if result["failed"] else COMPLETED
    if not job.is_ended:
        return STILL_WAITING if wait else COMPLETED
    # The state knows of credits and prerequisites, too, which the counts of what was asked for leave out
    bad = job.state in {Job.State.NEEDS_ATTENTION, Job.State.COMPLETED_WITH_FAILURES} or result["unknown"]
    return SOME_FAILED if bad else COMPLETED


def until_checked(job: Job, end: Any) -> None:
    """Plan the job here, unless a worker is at it already."""
    told = ""
    while job.state == Job.State.CHECKING and time.monotonic() < end:
        if job.wait_until and job.wait_until > clock.now():
            time.sleep(_pause(job))
        elif not engine.run(job.pk):
            time.sleep(POLL_SECONDS / 5)
        job.refresh_from_db()
        told = _tell_wait(job, told)


def until_ended(job: Job, end: Any) -> None:
    """Work on whatever is due until this job has ended: older jobs first, so that a dead process's rows are
    finished, too. Where another worker is at it, look again in a second."""
    told = ""
    while time.monotonic() < end:
        job.refresh_from_db()
        told = _tell_wait(job, told)
        if job.is_ended or (job.state == Job.State.WAITING and job.wait_why == Job.WaitWhy.RECONNECT):
            return
        worked = [engine.run(each.pk) for each in jobs.due(clock.now()).filter(pk__lte=job.pk)]
        job.refresh_from_db()
        if not any(worked) and not job.is_ended:
            time.sleep(_pause(job))


def _tell_wait(job: Job, told: str) -> str:
    """Say why the job waits, unless that was told already. Return what was told."""
    if (why := _why_it_waits(job)) != told:
        sys.stderr.write(why)
    return why


def _why_it_waits(job: Job) -> str:
    if job.wait_until is None or job.state not in {Job.State.WAITING, Job.State.CHECKING}:
        return ""
    lines = job.log.filter(action="Wait").order_by("-id")
    return f"{lines[0].message}\n" if lines else ""


def _pause(job: Job) -> Any:
    """Return how many seconds to wait before looking again: short, and to the point where a wait has an end."""
    left = (job.wait_until - clock.now()) if job.wait_until else timedelta(seconds=POLL_SECONDS)
    return min(max(left, timedelta(milliseconds=50)), timedelta(seconds=POLL_SECONDS)).total_seconds()
