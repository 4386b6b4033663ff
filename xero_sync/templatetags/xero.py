"""What crm, finance and home pages show of Xero: `{% load xero %}`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import template
from django.template import Context

from bmsxero.listing import Badge
from bmsxero.roles import Who
from bmsxero.xero_state import BADGES, NOT_SENT
from crm.models import Account, Record
from finance.models import AccountCode, Invoice, Item, Payment
from xero_sync import attention, clock, first_run, pictures, standing
from xero_sync.item_codes import CodeClash, code_clash
from xero_sync.job_lists import APP_PATHS
from xero_sync.link_lists import STATES, links
from xero_sync.linking import BY_HAND
from xero_sync.links import DONT_SEND, why_read_only
from xero_sync.models import Job, JobRow, XeroConnection, XeroLink, XeroRecord
from xero_sync.wizards import wizard_of

register = template.Library()


#: What our records are called in Xero's part, and which way the job goes that makes the link.
KINDS: dict[type[Record], str] = {
    Account: "contacts",
    AccountCode: "account_codes",
    Item: "items",
    Invoice: "invoices",
    Payment: "payments",
}


@dataclass(frozen=True)
class InXero:
    """What one of our records is in the current organisation."""

    kind: str
    badge: Badge
    organisation: str
    name: str = ""
    number: str = ""
    matched_by: str = ""
    url: str = ""
    job: int | None = None
    last_seen: datetime | None = None
    message: str = ""
    read_only: str = ""
    #: Why it must not go to Xero
    kept_here: str = ""
    wizard: str = ""
    key: UUID | None = None
    token: UUID | None = None
    link: XeroLink | None = None

    @property
    def may_link(self) -> bool:
        """Whether a person may say by hand what it is in Xero."""
        return self.link is None and self.kind in BY_HAND


@register.simple_tag(takes_context=True)
def in_xero(context: Context, record: Record) -> InXero | None:
    """Return what a record is in Xero; nothing where none was ever connected."""
    connection = standing.of(context["request"]).connection
    if connection is None:
        return None
    kind = KINDS[type(record)]
    ours = {"tenant_id": connection.tenant_id, "kind": kind}
    link = links(connection).filter(kind=kind, local_id=record.uuid).first()
    if isinstance(record, Payment):  # they come from Xero, and never go there
        return _linked(connection, link, None) if link else None
    rows = JobRow.objects.filter(**ours, record_id=record.pk, requested=True).exclude(
        state__in=(JobRow.State.PLANNED, JobRow.State.SKIPPED)
    )
    row = rows.select_related("job__connection").order_by("-pk").first()
    read_only = _why_read_only(context, record) if isinstance(record, Invoice) else ""
    if link:
        return replace(_linked(connection, link, row), read_only=read_only)
    kept_here = record.dont_send if isinstance(record, Invoice) else ""
    if kept_here:
        return InXero(kind=kind, badge=BADGES[DONT_SEND], organisation=connection.name, kept_here=kept_here)
    return InXero(
        kind=kind,
        badge=BADGES.get(row.state, Badge(NOT_SENT)) if row else Badge(NOT_SENT),
        organisation=connection.name,
        job=row.job_id if row else None,
        message=row.message if row and row.state in {JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW} else "",
        read_only=read_only,
        wizard="" if row and row.state in JobRow.HELD else _wizard_for(record, kind),
        key=record.uuid,
        token=uuid4(),
    )


def _why_read_only(context: Context, invoice: Invoice) -> str:
    """Return the page's own answer, where it has asked already."""
    can = context.get("can")
    return can.read_only if can is not None else why_read_only(invoice)


def _wizard_for(record: Record, kind: str) -> str:
    """Return the name of the wizard that could take the record to Xero; blank where none can."""
    wizard = wizard_of(kind, Job.Direction.EXPORT)
    if wizard is None or (isinstance(record, Invoice) and record.status not in Invoice.EXPORTABLE):
        return ""
    return wizard.name


def _linked(connection: XeroConnection, link: XeroLink, row: JobRow | None) -> InXero:
    warning = row.warning if row and row.job_id == link.job_id else ""
    badge = STATES[link.state_name][0]  # type: ignore[attr-defined]
    if warning and badge == BADGES["in_xero"]:
        badge = Badge("In Xero, with warning", "warning")
    remote = XeroRecord.objects.filter(tenant_id=link.tenant_id, kind=link.kind, xero_id=link.xero_id).first()
    page = APP_PATHS.get(link.kind)
    return InXero(
        kind=link.kind,
        badge=badge,
        organisation=connection.name,
        name=str(remote.payload.get("Name") or "") if remote else "",
        number=link.xero_number,
        matched_by=link.matched_by,
        url=connection.app_url(f"{page}/{link.xero_id}") if page else "",
        job=link.job_id,
        last_seen=link.last_seen or link.created,
        message=warning,
        link=link,
    )


@register.simple_tag
def item_code_clash(item: Item) -> CodeClash | None:
    """Return the other item that would have the same code in Xero."""
    return code_clash(item)


@register.simple_tag(takes_context=True)
def sync_health(context: Context) -> dict[str, Any]:
    """Return the plot of the last ninety days, and when it was drawn."""
    now = standing.of(context["request"])
    return {"plot": pictures.sync_health(), "as_of": clock.now(), "light": now.badge}


@register.simple_tag(takes_context=True)
def first_run_for(context: Context, who: Who) -> first_run.FirstRun | None:
    """Return how far the first run is, for who can go on with it; nothing once it is over."""
    if not who.writes:
        return None
    run = first_run.current(who, standing.of(context["request"]))
    return None if run.is_over else run


@register.simple_tag(takes_context=True)
def tasks_for(context: Context, who: Who) -> list[attention.Task]:
    """Return what waits for a person with these roles."""
    return attention.tasks(who, standing.of(context["request"]).connection)
