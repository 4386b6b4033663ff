"""Export invoices."""

from __future__ import annotations

from bmsxero.listing import Column, Empty, Listing
from xero_sync import finder, selection
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.links import annotate_state
from xero_sync.models import Job
from xero_sync.wizard_forms import InvoiceFilter, LoadForm, RunOptionsForm
from xero_sync.wizards.base import Wizard, add_up

kind = InvoiceExport()

EXPORT = Wizard(
    name="invoices",
    kind="invoices",
    direction=Job.Direction.EXPORT,
    page="export_invoices",
    path="finance/xero/export-invoices/",
    title="Export invoices",
    noun=("invoice", "invoices"),
    steps=("Load", "Select", "Options", "Check", "Result"),
    matching=lambda filters, tenant_id: selection.matching(kind, filters, tenant_id),
    everything=lambda _: kind.all_records(),
    add_up=lambda rows: add_up(rows, "currency", "total"),
    label=lambda invoice: f"invoice {invoice.number}",
    excluded=lambda filters, tenant_id: annotate_state(kind.excluded(filters, tenant_id), "invoices"),
    why_excluded=finder.why_excluded,
    whole=lambda filters: kind.narrowed(kind.all_records(), filters),
    start=LoadForm,
    options=RunOptionsForm,
    options_title="Options of this export",
    has_finder=True,
    paste_fields=("number",),
    filter=InvoiceFilter,
    listing=Listing(
        caption="Invoices to export",
        columns=(
            Column("number", "No.", cell="link", sort=("number",)),
            Column("account", "Account", cell="record", sort=("account__name",)),
            Column("site", "Site", sort=("site__name",)),
            Column("date", "Date", cell="day", sort=("date",)),
            Column("due_date", "Due", cell="day", sort=("due_date",)),
            Column("total", "Total", cell="money", align="end", sort=("total",)),
            Column("total_tax", "Tax", cell="money", align="end", sort=("total_tax",)),
            Column("po_number", "PO"),
        ),
        empty=Empty(
            "No invoice can be exported",
            "Invoices show here when they are Ready to Send or Sent, and not in Xero yet. "
            "Type a number below to see why one is missing.",
            icon="file-invoice",
        ),
        sort="date",
        # To know which are linked already is dear, so all that match are looked for at once
        at_first=100_000,
    ),
)
