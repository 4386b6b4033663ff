"""Where to look after a job: the records that it made here, and their list in Xero."""

from __future__ import annotations

from django.urls import reverse

from bmsxero.listing import Action
from finance.models import Item
from xero_sync import job_words
from xero_sync.models import Job

#: Where Xero lists a kind of record, and what people call that list.
IN_XERO = {
    "contacts": ("contacts/", "Contacts"),
    "items": ("items/", "Products and services"),
    "account_codes": ("accounts/", "Chart of accounts"),
    "invoices": ("invoicing/", "Invoices"),
}
#: Where a kind is listed here, and what its records are called there.
HERE = {
    "contacts": ("/crm/accounts/", ("account", "accounts")),
    "account_codes": ("/admin/finance/account-codes/", ("account code", "account codes")),
    "payments": ("/finance/payments/", ("payment", "payments")),
}
#: Items are listed by kind.
ITEMS = {kind: f"/admin/finance/{kind.value.replace('_', '-')}s/" for kind in Item.Kind}

#: What one does next, when all of a job went well.
NEXT = {
    ("export", "invoices"): ("xero_sync:import_payments", "Import payments"),
    ("export", "contacts"): ("xero_sync:export_invoices", "Export invoices"),
    ("export", "items"): ("xero_sync:export_invoices", "Export invoices"),
    ("export", "account_codes"): ("xero_sync:export_items", "Export items"),
    ("import", "account_codes"): ("xero_sync:import_items", "Import items"),
    ("import", "items"): ("xero_sync:export_invoices", "Export invoices"),
}


def next_steps(job: Job) -> list[Action]:
    """Return where people go after a job that went well; empty where the records themselves are the next thing."""
    found = NEXT.get((job.direction, job.kind))
    return [Action(found[1], reverse(found[0]))] if found else []


def in_xero(job: Job) -> Action | None:
    """Return Xero's list of what an export has put there."""
    if job.direction != Job.Direction.EXPORT or job.kind not in IN_XERO or not job_words.counts(job, "how"):
        return None
    path, name = IN_XERO[job.kind]
    return Action(f"See {name} in Xero", job.connection.app_url(path))


def here(job: Job) -> list[Action]:
    """Return the lists of what an import has made here."""
    number = job_words.counts(job, "how").get("created", 0)
    if job.direction != Job.Direction.IMPORT or not number:
        return []
    if job.kind == "items":
        rows = job.rows.filter(requested=True, how="created").values("record_id")
        kinds = Item.objects.filter(pk__in=rows).order_by("kind").values_list("kind", flat=True).distinct()
        return [_of(ITEMS[Item.Kind(kind)], f"View the new {Item.Kind(kind).label.lower()}s", job) for kind in kinds]
    if job.kind not in HERE:
        return []
    path, (one, several) = HERE[job.kind]
    return [_of(path, f"View the {number:,} new {several}" if number > 1 else f"View the new {one}", job)]


def _of(path: str, label: str, job: Job) -> Action:
    return Action(label, f"{path}?job={job.number}")
