"""The search box: accounts, invoices, and jobs by their number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.db.models import Q

from bmsxero.roles import Who
from crm.models import Account
from finance.badges import invoice_badge
from finance.models import Invoice
from xero_sync.models import Job

FEW = 20
JOB = re.compile(r"(?:job\s*)?#?\s*(\d{1,15})", re.IGNORECASE)


@dataclass(frozen=True)
class Hit:
    """A record that was found, and where it lives."""

    kind: str
    title: str
    detail: str
    url: str


def find(text: str, who: Who) -> list[Hit]:
    """Return what `text` may mean. An invoice's exact number, or a Job# written as such, is the only hit."""
    if not text:
        return []
    exact = _jobs(text) if text[:1] == "#" or text[:3].lower() == "job" else []
    if exact or not who.reads:
        return exact or _jobs(text)
    number = Invoice.objects.filter(number__iexact=text).select_related("account")
    return [_invoice(found) for found in number] or [*_jobs(text), *_accounts(text), *_invoices(text)]


def _jobs(text: str) -> list[Hit]:
    asked = JOB.fullmatch(text)
    jobs = Job.objects.filter(pk=asked[1]) if asked else Job.objects.none()
    return [Hit("Job", f"Job {job.number}", job.get_state_display(), job.get_absolute_url()) for job in jobs]


def _accounts(text: str) -> list[Hit]:
    found = Account.objects.filter(Q(name__icontains=text) | Q(code__iexact=text))[:FEW]
    return [Hit("Account", account.name, account.code, account.get_absolute_url()) for account in found]


def _invoices(text: str) -> list[Hit]:
    found = Invoice.objects.filter(Q(number__icontains=text) | Q(po_number__iexact=text)).select_related("account")
    return [_invoice(invoice) for invoice in found[:FEW]]


def _invoice(invoice: Invoice) -> Hit:
    detail = f"{invoice.account}, {invoice_badge(invoice)}"
    return Hit("Invoice", invoice.number, detail, invoice.get_absolute_url())
