"""What waits for somebody: the to-do list of the home page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q
from django.urls import reverse

from bmsxero.listing import Tone
from bmsxero.roles import Who
from xero_sync import clock, job_words, jobs
from xero_sync.errors import NotConnected
from xero_sync.kinds import export_kind
from xero_sync.links import may_be_sent
from xero_sync.models import Job, JobRow, XeroConnection

#: Older jobs are history.
RECENT = timedelta(days=30)
MOST = 5


@dataclass(frozen=True)
class Task:
    """One thing to do, and where."""

    text: str
    url: str
    action: str
    tone: Tone
    icon: str


def tasks(who: Who, current: XeroConnection | None) -> list[Task]:
    """Return what waits for a person with these roles, the most pressing first."""
    try:
        connection = jobs.usable(current)
    except NotConnected:
        return [_connect(who)] if who.reads else []
    found = [*_reconnect(connection), *_troubled(connection)]
    if who.writes:
        found += [*_unsent(connection), *_ready(connection)]
    return found


def _connect(who: Who) -> Task:
    setup = reverse("xero_sync:setup")
    if who.administers:
        return Task("Xero isn't connected.", setup, "Connect to Xero", "info", "plug-connected")
    return Task("Xero isn't connected. A finance admin can connect it.", setup, "See Setup", "info", "plug-connected")


def _reconnect(connection: XeroConnection) -> Iterator[Task]:
    if connection.is_connected:
        return
    waiting = Job.objects.filter(
        tenant_id=connection.tenant_id, state=Job.State.WAITING, wait_why=Job.WaitWhy.RECONNECT
    ).count()
    words = "Xero needs somebody to sign in again."
    if waiting:
        words += f" {waiting} {'job waits' if waiting == 1 else 'jobs wait'} for that; nothing was lost."
    yield Task(words, reverse("xero_sync:setup"), "Reconnect", "warning", "plug-connected-x")


def _troubled(connection: XeroConnection) -> Iterator[Task]:
    """Jobs that ended with something left to mend, unless they were retried, or their schedule has run again since:
    it takes everything up that it can. Failed invoices that are to stay here need nothing any more."""
    retried = Job.objects.filter(retry_of=OuterRef("pk"))
    again = Job.objects.filter(schedule=OuterRef("schedule"), pk__gt=OuterRef("pk"), state__in=Job.ENDED)
    doubt = JobRow.objects.filter(job=OuterRef("pk"), state=JobRow.State.NEEDS_REVIEW)
    failed = JobRow.objects.filter(job=OuterRef("pk"), requested=True, state=JobRow.State.FAILED)
    settled = Q(state=Job.State.COMPLETED_WITH_FAILURES) & ~Exists(may_be_sent(failed))
    states = (Job.State.COMPLETED_WITH_FAILURES, Job.State.NEEDS_ATTENTION)
    found = Job.objects.filter(
        ~Exists(retried),
        ~Exists(again) | Exists(doubt),
        ~settled,
        tenant_id=connection.tenant_id,
        state__in=states,
        created__gt=clock.now() - RECENT,
    )
    for job in found.order_by("-pk")[:MOST]:
        yield Task(_trouble(job), job.get_absolute_url(), f"Open Job {job.number}", "danger", "alert-circle")


def _trouble(job: Job) -> str:
    result = jobs.results(job)
    what = f"Job {job.number}, {job_words.title(job).lower()}: "
    told = [
        f"{result[name]} {words}" for name, words in (("failed", "failed"), ("unknown", "in doubt")) if result[name]
    ]
    return what + (", ".join(told) or job.problem or "it needs a look") + ("." if told else "")


def _unsent(connection: XeroConnection) -> Iterator[Task]:
    """Checks that somebody made and did not send."""
    found = Job.objects.filter(tenant_id=connection.tenant_id, state=Job.State.CHECKED).order_by("-pk")
    for job in [each for each in found[: MOST * 2] if job_words.sendable(each)][:MOST]:
        decide = job_words.counts(job, "outcome").get("decide", 0)
        words = f"Job {job.number} is checked and not sent: {job_words.noun(job.kind, job_words.sendable(job))}"
        words += f", {decide} more {'needs a decision' if decide == 1 else 'need a decision'}." if decide else "."
        yield Task(words, job.get_absolute_url(), f"Open Job {job.number}", "info", "list-check")


def _ready(connection: XeroConnection) -> Iterator[Task]:
    if number := export_kind("invoices").candidates({}, connection.tenant_id).count():
        words = f"{job_words.noun('invoices', number)} can go to Xero."
        yield Task(words, f"{reverse('xero_sync:export_invoices')}?load=all", "Export invoices", "info", "upload")
