"""The parts of setting Xero up, in the vendor's order, and how far each is."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from bmsxero.listing import Badge, Column, Empty, Grid, Listing, Tone
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.models import Job, SyncOptions, XeroConnection
from xero_sync.standing import Standing

DONE, NEXT, LATER = Badge("Done", "success"), Badge("Do this next", "info"), Badge("Not started")
CHECK = Badge("Please check", "warning")
FIX = Badge("Needs attention", "danger")
TONES: dict[str, Tone] = {
    Job.State.COMPLETED: "success",
    Job.State.COMPLETED_WITH_FAILURES: "danger",
    Job.State.NEEDS_ATTENTION: "danger",
    Job.State.STOPPED: "warning",
}
JOBS = Listing(
    caption="Last jobs",
    columns=(
        Column("number", "Job#", cell="link", sort=("pk",)),
        Column("what", "What", value=lambda job: f"{job.get_direction_display()} {job.kind.replace('_', ' ')}"),
        Column("organisation", "Organisation", value=lambda job: job.connection.name),
        Column("created_as", "Who"),
        Column("sent_at", "Started", cell="moment"),
        Column(
            "state",
            "State",
            value=lambda job: Badge(job.get_state_display(), TONES.get(job.state, "info")),
            cell="badge",
        ),
    ),
    empty=Empty("No jobs yet"),
    sort="-number",
)


@dataclass(frozen=True)
class Task:
    """One part: what it is called, what it is for, where it is done and how far it is."""

    title: str
    text: str
    url: str
    state: Badge


def tasks(standing: Standing) -> list[Task]:
    """Return the parts that this installation has, each with its state."""
    connection = standing.connection
    options = SyncOptions.objects.filter(connection=connection).first() if connection else None
    sent = _ended(connection, "invoices", Job.Direction.EXPORT)
    paid = _ended(connection, "payments", Job.Direction.IMPORT)
    configured = options is not None and not options.suggested
    return [
        Task("Authenticate", "Connect your organisation", reverse("xero_sync:setup"), _authenticated(standing)),
        Task("Configure", "Accounts, numbers, due dates, status", reverse("xero_sync:options"), _configured(options)),
        Task(
            "Export invoices",
            "Send what is Ready to Send or Sent",
            reverse("xero_sync:export_invoices"),
            _in_turn(done=sent is not None, may_start=configured),
        ),
        Task(
            "Import payments",
            "Bring back what customers paid",
            reverse("xero_sync:import_payments"),
            _in_turn(done=paid is not None, may_start=sent is not None),
        ),
    ]


def ready(connection: XeroConnection) -> int:
    """Count the invoices that could be exported now."""
    return InvoiceExport().candidates({}, connection.tenant_id).count()


def _state(job: Job) -> Badge:
    return Badge(job.get_state_display(), TONES.get(job.state, "info"))


def last_jobs() -> Grid:
    """Return the five newest jobs; those that were only checked are left out, as in the list of jobs."""
    return JOBS.sample(Job.objects.exclude(sent_at=None).select_related("connection"), 5)


def last_payments_import(connection: XeroConnection) -> Job | None:
    return _ended(connection, "payments", Job.Direction.IMPORT)


def _ended(connection: XeroConnection | None, kind: str, direction: str) -> Job | None:
    if connection is None:
        return None
    ended = (Job.State.COMPLETED, Job.State.COMPLETED_WITH_FAILURES)
    jobs = Job.objects.filter(tenant_id=connection.tenant_id, kind=kind, direction=direction, state__in=ended)
    return jobs.first()


def _authenticated(standing: Standing) -> Badge:
    if standing.needs_reconnect:
        return FIX
    return DONE if standing.is_connected else NEXT


def _configured(options: SyncOptions | None) -> Badge:
    if options is None:
        return LATER
    return CHECK if options.suggested else DONE


def _in_turn(*, done: bool, may_start: bool) -> Badge:
    if done:
        return DONE
    return NEXT if may_start else LATER
