"""The parts of setting Xero up, in the vendor's order, and how far each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bmsxero.listing import Badge, Grid
from bmsxero.roles import Who
from xero_sync import jobs, wizards
from xero_sync.job_lists import JOBS, SENT
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.models import Job, SyncOptions, XeroConnection
from xero_sync.navigating import opens
from xero_sync.standing import Standing
from xero_sync.wizards import Wizard

DONE, NEXT, LATER = Badge("Done", "success"), Badge("Do this next", "info"), Badge("Not started")
OPTIONAL = Badge("Whenever you like")
CHECK = Badge("Please check", "warning")
FIX = Badge("Needs attention", "danger")
#: What the overview shows of a job; the rest is on the page of jobs.
LAST_JOBS = JOBS.without(
    "duration", "retry_of", "created_rows", "updated_rows", "linked_rows", "skipped_rows", "warnings", "failed_rows"
)


@dataclass(frozen=True)
class Task:
    """One part: what it is called, what it is for, where it is done (blank: not by you), and how far it is."""

    title: str
    text: str
    url: str
    state: Badge


def tasks(standing: Standing, who: Who) -> list[Task]:
    """Return the parts that this installation has, each with its state; linked where the page opens for `who`."""
    connection = standing.connection
    options = getattr(connection, "options", None)
    sent = connection and jobs.last_ended(connection, "invoices", Job.Direction.EXPORT)
    paid = connection and jobs.last_ended(connection, "payments", Job.Direction.IMPORT)
    configured = options is not None and not options.suggested
    return [
        Task("Authenticate", "Connect your organisation", opens("xero_sync:setup", who), _authenticated(standing)),
        Task(
            "Configure", "Accounts, numbers, due dates, status", opens("xero_sync:options", who), _configured(options)
        ),
        Task(
            "Import data from Xero",
            "Accounts, chart of accounts, items",
            opens("xero_sync:import", who),
            _optional(connection, wizards.IMPORTS),
        ),
        Task(
            "Export data to Xero",
            "Accounts, chart of accounts, items",
            opens("xero_sync:export", who),
            _optional(connection, wizards.EXPORTS),
        ),
        Task(
            "Export invoices",
            "Send what is Ready to Send or Sent",
            opens("xero_sync:export_invoices", who),
            _in_turn(done=sent is not None, may_start=configured),
        ),
        Task(
            "Import payments",
            "Bring back what customers paid",
            opens("xero_sync:import_payments", who),
            _in_turn(done=paid is not None, may_start=sent is not None),
        ),
    ]


def ready(connection: XeroConnection) -> int:
    """Count the invoices that could be exported now."""
    return InvoiceExport().candidates({}, connection.tenant_id).count()


def last_jobs() -> Grid:
    """Return the five newest jobs; those that were only checked are left out, as in the list of jobs."""
    return LAST_JOBS.sample(Job.objects.filter(SENT).select_related("connection"), 5)


def last_payments_import(connection: XeroConnection) -> Job | None:
    return jobs.last_ended(connection, "payments", Job.Direction.IMPORT)


def _optional(connection: XeroConnection | None, offered: Sequence[Wizard]) -> Badge:
    """The part is done once one of its wizards went through; invoices bring along what they need without it."""
    if connection is None:
        return LATER
    direction = offered[0].direction if offered else Job.Direction.IMPORT
    ended = (Job.State.COMPLETED, Job.State.COMPLETED_WITH_FAILURES)
    done = Job.objects.filter(
        tenant_id=connection.tenant_id,
        direction=direction,
        kind__in=[wizard.kind for wizard in offered],
        state__in=ended,
    )
    return DONE if done.exists() else OPTIONAL


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
