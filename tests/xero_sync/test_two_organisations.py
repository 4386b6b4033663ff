"""Another organisation starts clean, is told apart, and coming back finds the links again."""

from __future__ import annotations

from typing import Any

import pytest

from finance.models import Invoice
from tests import records
from tests.xero_sync.conftest import connect
from tests.xero_sync.driving import check, export, states, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db


def test_an_invoice_that_another_organisation_has_says_so_at_check(
    connection: XeroConnection, xero: SimulatedXero, admin: Any
) -> None:
    made = records.invoice("INV-1", of=records.account("Bolt Ltd"), status=Invoice.Status.READY)
    first = export()
    connect(xero, admin, "Demo Company (NZ)")
    row = the_row(check(), "INV-1")
    assert row.outcome == "create"
    assert f"Already in Acme MSP Ltd (Job {first.number}), another organisation" in row.warning
    connect(xero, admin, "Acme MSP Ltd")
    assert states(export({"ids": [str(made.uuid)]})) == {"INV-1": "skipped"}
    assert len(xero.invoices()) == 1
