"""Jobs that start by themselves, by schedules that a person saved. Part of every sweep, so beat and cron both do it.

A scheduled job is a job like any other. It is checked and then sent without a person, so it sends only what Check
found nothing against: rows that need a decision are left to people.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone

from bmsxero.roles import WRITERS, who
from xero_sync import clock, jobs
from xero_sync.kinds import export_kind
from xero_sync.limiter import DAY_RESERVE
from xero_sync.models import Job, JobRow, Schedule, SyncOptions, XeroConnection

logger = logging.getLogger(__name__)

Task, Unit = Schedule.Task, Schedule.Unit

#: What each task is as a job.
JOBS = {
    Task.IMPORT_PAYMENTS: ("payments", Job.Direction.IMPORT),
    Task.EXPORT_INVOICES: ("invoices", Job.Direction.EXPORT),
}
#: A hint from Xero brings the next run forward, but not closer to the last one than this: each costs calls.
LEAST_PAUSE = timedelta(minutes=5)
#: A check this old is never sent by itself: the schedule was off meanwhile, and nobody expects it any more.
STALE = timedelta(hours=1)
#: What is said of a row that a person has to decide.
LEFT = "A schedule leaves decisions to people. "
#: A hint waits a moment: changes come in groups.
GATHER = timedelta(seconds=20)


def next_run(schedule: Schedule, after: datetime) -> datetime:
    """Return when a schedule is due next. A time of day is one of the installation's time zone."""
    if schedule.unit == Unit.DAILY and schedule.at:
        local = timezone.localtime(after)
        day = local.date() if local.time() < schedule.at else local.date() + timedelta(days=1)
        return timezone.make_aware(datetime.combine(day, schedule.at))
    if schedule.unit == Unit.HOURS:
        return after + timedelta(hours=schedule.every)
    return after + timedelta(minutes=schedule.every)


def run_due() -> list[int]:
    """Start what is due and send what was checked. Return the numbers of the jobs that were started.

    Each due schedule is taken by compare-and-set, so any number of sweeps start one job.
    """
    carry_on()
    now = clock.now()
    started = []
    due = Schedule.objects.filter(is_on=True, next_at__lte=now, connection__is_current=True)
    for schedule in due.select_related("connection", "runs_as"):
        taken = Schedule.objects.filter(pk=schedule.pk, is_on=True, next_at=schedule.next_at)
        if not taken.update(next_at=next_run(schedule, now)):
            continue
        if why := _why_not(schedule):
            _note(schedule, why)
        else:
            started.append(_start(schedule).number)
    return started


def carry_on() -> None:
    """Send the checks that schedules began: what needs a decision is left to people, and says so."""
    checked = Job.objects.filter(
        schedule__is_on=True, state=Job.State.CHECKED, checked_at__gt=clock.now() - STALE, retry_of=None
    )
    for job in checked.select_related("created_by"):
        _send(job)


def name_of(schedule: Schedule) -> str:
    """Return what the list of jobs says of who started a job."""
    return f"schedule of {schedule.runs_as.get_username() if schedule.runs_as else 'nobody'}"


def hurry(tenant_ids: set[str]) -> int:
    """Bring the next import of payments of these organisations forward. Return how many were."""
    now = clock.now()
    hurried = 0
    imports = Schedule.objects.filter(
        is_on=True, task=Task.IMPORT_PAYMENTS, connection__tenant_id__in=tenant_ids, next_at__gt=now + GATHER
    )
    for schedule in imports:
        soon = max(now + GATHER, (schedule.started_at or now - LEAST_PAUSE) + LEAST_PAUSE)
        hurried += Schedule.objects.filter(pk=schedule.pk, next_at__gt=soon).update(next_at=soon)
    return hurried


def _why_not(schedule: Schedule) -> str:
    """Return why a due schedule does nothing this time; blank if it runs."""
    connection, user = schedule.connection, schedule.runs_as
    last = schedule.jobs.order_by("-pk").first()
    if user is None or not user.is_active or not who(user).any_of(WRITERS):
        return "The person it runs as may not do this any more. Choose another."
    if not connection.is_connected:
        return "Xero needs somebody to sign in again."
    if last and (last.is_open or last.state == Job.State.CHECKING or _is_fresh(last)):
        return f"Job {last.number}, started before, has not ended yet."
    if _is_spent(connection):
        return "The rest of today's calls to Xero is kept for people."
    if schedule.task == Task.EXPORT_INVOICES:
        if not SyncOptions.objects.filter(connection=connection, suggested=False).exists():
            return "Nobody has saved the options yet; they are only our suggestions."
        if not export_kind("invoices").candidates({}, connection.tenant_id).exists():
            return "No invoice was ready."
    return ""


def _is_fresh(job: Job) -> bool:
    """Say whether a check waits to be sent, and not for so long that nobody will."""
    return job.state == Job.State.CHECKED and job.checked_at is not None and job.checked_at > clock.now() - STALE


def _is_spent(connection: XeroConnection) -> bool:
    """Say whether background work may not call Xero: the day's last calls are for people."""
    blocked = connection.background_blocked_until or connection.blocked_until
    if blocked is None or blocked <= clock.now():
        return False
    return (connection.day_remaining or 0) < DAY_RESERVE or connection.blocked_why == "day"


def _start(schedule: Schedule) -> Job:
    kind, direction = JOBS[Task(schedule.task)]
    selection: dict[str, Any] = {"all": True, "filters": {}}
    if direction == Job.Direction.IMPORT:
        # What is known already would only be skipped, one row each, every time
        selection = {"all": True, "filters": {"state": "new"}, "fresh": True}
    with transaction.atomic():
        job = jobs.start_check(kind, direction, selection, user=schedule.runs_as, started_as=name_of(schedule))
        Job.objects.filter(pk=job.pk).update(schedule=schedule)
        Schedule.objects.filter(pk=schedule.pk).update(started_at=clock.now(), note="", note_at=None)
    logger.info("%s started job %s", schedule, job.number)
    return job


def _send(job: Job) -> None:
    with transaction.atomic():
        # The lock keeps a person who decides this very moment from being overruled
        if not Job.objects.select_for_update().filter(pk=job.pk, state=Job.State.CHECKED).exists():
            return
        undecided = job.rows.filter(state=JobRow.State.PLANNED, outcome=JobRow.Outcome.DECIDE)
        undecided.update(outcome=JobRow.Outcome.SKIP, message=Concat(Value(LEFT), "message"))
        jobs.send(job)


def _note(schedule: Schedule, why: str) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(note=why, note_at=clock.now())
    logger.info("%s did not run: %s", schedule, why)
