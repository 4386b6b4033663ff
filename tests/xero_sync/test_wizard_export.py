"""The wizard that exports invoices: load, select, options, check, send."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client

from finance import sample_data
from finance.models import Invoice
from tests.xero_sync.pages import check, run, text
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db
WIZARD = "/finance/xero/export-invoices/"


def test_two_chosen_invoices_end_in_xero(connection: XeroConnection, writer: Client, today: date) -> None:
    sample_data.create(sample_data.Size(2, 3, 3), today=today)
    page = writer.get(WIZARD, {"load": "all"}, follow=True)
    assert "INV-" in text(page)
    job = check(writer, [str(invoice.uuid) for invoice in Invoice.objects.all()[:2]])
    page = writer.get(f"/finance/jobs/{job.number}/")
    assert "Working out" in text(page)
    run(job)
    page = writer.get(f"/finance/jobs/{job.number}/")
    assert "This will create 2 invoices" in text(page)
    assert "as Draft in Acme MSP Ltd" in text(page)
    assert "Send 2 invoices to Xero" in text(page)
    writer.post(f"/finance/jobs/{job.number}/send/")
    run(job)
    page = writer.get(f"/finance/jobs/{job.number}/")
    assert "2 invoices: 2 in Xero, 0 failed, 0 unknown." in text(page)
    assert "Open in Xero" in text(page)
    for path in ("log/", "log.csv", "rows.csv"):
        assert writer.get(f"/finance/jobs/{job.number}/{path}").status_code == 200
    assert writer.get("/finance/jobs/").status_code == 200
