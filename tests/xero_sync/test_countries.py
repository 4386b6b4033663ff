"""The same work in organisations of every region: taxes, what isn't taxed, tracked items, currencies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from crm.models import Account
from finance.models import Invoice, InvoiceLine, Item
from tests import records
from tests.xero_sync.conftest import connect
from tests.xero_sync.driving import bring, check, export, outcome, send, the_row
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.models import SyncOptions, TaxMapping

pytestmark = pytest.mark.django_db

ORGANISATIONS = {
    "UK": "Acme MSP Ltd",
    "NZ": "Demo Company (NZ)",
    "AU": "Acme Pty Ltd",
    "US": "Acme Inc",
    "GLOBAL": "Acme Canada Ltd",
}
everywhere = pytest.mark.parametrize("region", ORGANISATIONS)


def sale(number: str = "INV-1", **fields: Any) -> Invoice:
    """An invoice of one taxed line of 100.00 and one that isn't taxed, of 50.00."""
    tax = fields.pop("tax", None)
    made = records.invoice(number, tax=tax, status=Invoice.Status.READY, **fields)
    InvoiceLine.objects.create(
        invoice=made, position=2, description="Stamps", quantity=1, unit_price=Decimal(50), taxable=False
    )
    made.recalculate()
    return made


def lines(xero: SimulatedXero, region: str) -> list[dict[str, Any]]:
    (invoice,) = xero.read("Invoices", ORGANISATIONS[region], page="1", unitdp="4")
    return invoice["LineItems"]


@everywhere
def test_a_new_tax_says_what_it_is_where_the_country_demands_it_and_only_there(
    xero: SimulatedXero, admin: Any, region: str
) -> None:
    connect(xero, admin, ORGANISATIONS[region])
    sale(tax=records.tax("Local levy", "3.5"))
    job = export()
    assert jobs.results(job)["created"] == 1, outcome(job)
    rate = next(each for each in xero.read("TaxRates", ORGANISATIONS[region]) if each["Name"] == "Local levy")
    assert (rate.get("ReportTaxType") == "OUTPUT") is (region in {"UK", "NZ", "AU"})
    assert TaxMapping.objects.get().tax_type == rate["TaxType"]
    assert lines(xero, region)[0]["TaxType"] == rate["TaxType"]


@everywhere
def test_what_is_not_taxed_carries_the_regions_own_tax_type(xero: SimulatedXero, admin: Any, region: str) -> None:
    connect(xero, admin, ORGANISATIONS[region])
    wanted = "EXEMPTOUTPUT" if region == "AU" else "NONE"
    assert SyncOptions.objects.get().non_taxable_tax_type == wanted
    sale(tax=records.tax("Local levy", "3.5"))
    job = export(status="AUTHORISED")
    assert outcome(job)["INV-1"][0] == "succeeded", outcome(job)
    taxed, untaxed = lines(xero, region)
    assert (untaxed["TaxType"], Decimal(untaxed["TaxAmount"])) == (wanted, 0)
    assert Decimal(taxed["TaxAmount"]) == Decimal("3.50")
    assert the_row(job, "INV-1").xero_total == Decimal("153.50")


@everywhere
def test_the_regions_own_rates_are_matched_and_not_made_again(xero: SimulatedXero, admin: Any, region: str) -> None:
    connect(xero, admin, ORGANISATIONS[region])
    rates = xero.read("TaxRates", ORGANISATIONS[region])
    theirs = next(
        each
        for each in rates
        if each["Status"] == "ACTIVE" and each["CanApplyToRevenue"] and Decimal(str(each["EffectiveRate"])) > 0
    )
    sale(tax=records.tax(theirs["Name"], str(theirs["EffectiveRate"])))
    assert jobs.results(export())["created"] == 1
    assert len(xero.read("TaxRates", ORGANISATIONS[region])) == len(rates)


@everywhere
def test_a_currency_that_is_not_switched_on_is_refused_at_check(xero: SimulatedXero, admin: Any, region: str) -> None:
    connection = connect(xero, admin, ORGANISATIONS[region])
    foreign = next(each for each in ("JPY", "CHF") if each not in connection.currencies)
    sale("INV-1", currency=foreign)
    sale("INV-2", of=records.account("Home Ltd"), currency=connection.base_currency)
    job = check()
    row = the_row(job, "INV-1")
    assert (row.outcome, row.reason) == ("fail", "currency")
    assert row.message == f"{foreign} isn't switched on in your Xero."
    assert the_row(job, "INV-2").outcome == "create"


def test_a_currency_that_is_switched_on_goes_through(xero: SimulatedXero, admin: Any) -> None:
    connect(xero, admin, ORGANISATIONS["UK"])
    sale(currency="EUR")
    assert jobs.results(export())["created"] == 1
    assert xero.invoices()[0]["currency_code"] == "EUR"


@everywhere
def test_a_tracked_product_is_created_with_the_regions_inventory_account(
    xero: SimulatedXero, admin: Any, region: str
) -> None:
    connect(xero, admin, ORGANISATIONS[region])
    Item.objects.create(kind="product", name="Firewall", code="FW", requires_procurement=True, taxable=False)
    job = export(kind="items")
    assert jobs.results(job)["created"] == 1, outcome(job)
    made = next(each for each in xero.read("Items", ORGANISATIONS[region]) if each["Code"] == "FW")
    assert made["IsTrackedAsInventory"] is True


@everywhere
def test_contacts_items_and_chart_come_over_whole(xero: SimulatedXero, admin: Any, region: str) -> None:
    connect(xero, admin, ORGANISATIONS[region])
    for kind in ("account_codes", "contacts", "items"):
        job = bring(kind)
        assert jobs.results(job)["failed"] == 0, outcome(job)
        assert jobs.results(job)["created"] > 0
    # and nothing of it is sent back as new
    for kind in ("account_codes", "contacts", "items"):
        job = export(kind=kind)
        assert jobs.results(job)["created"] == 0, outcome(job)


def test_a_group_of_taxes_goes_over_with_its_parts(xero: SimulatedXero, admin: Any) -> None:
    connect(xero, admin, ORGANISATIONS["GLOBAL"])
    group = records.tax("GST and PST")
    group.set_components([("GST", Decimal(5), False), ("PST", Decimal(7), False)])
    sale(tax=group)
    job = check()
    assert job.rows.get(kind="tax_rates").outcome == "create"
    send(job)
    rate = next(each for each in xero.read("TaxRates", ORGANISATIONS["GLOBAL"]) if each["Name"] == "GST and PST")
    assert [(part["Name"], Decimal(str(part["Rate"]))) for part in rate["TaxComponents"]] == [("GST", 5), ("PST", 7)]
    assert Account.objects.count() == 1
