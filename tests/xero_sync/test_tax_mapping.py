"""Setup > Tax mapping: what each of our taxes is in Xero, what a person has to decide, and what may be saved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as db
from django.test import Client
from django.test.utils import CaptureQueriesContext

from finance.models import Invoice, TaxRate
from tests import records
from tests.records import invoice, tax
from tests.xero_sync.conftest import connect
from tests.xero_sync.driving import check, outcome
from tests.xero_sync.pages import text
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import tax_matches
from xero_sync.books import Books, RunOptions
from xero_sync.models import SyncOptions, TaxMapping, XeroConnection, XeroRecord

pytestmark = pytest.mark.django_db
TAXES = "/finance/xero/setup/taxes/"


@pytest.fixture
def me(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    return client


@pytest.fixture
def rates() -> dict[str, TaxRate]:
    """Ours: the same name and rate, the same rate only, several as high, none as high, a name with another rate."""
    made = {
        name: tax(name, rate)
        for name, rate in {
            "20% (VAT on Income)": "20",
            "VAT 20%": "20",
            "Nothing": "0",
            "Levy": "7.25",
            "5% (VAT on Income)": "6",
        }.items()
    }
    return made | {"Group": group("Group")}


def group(name: str, *parts: tuple[str, str]) -> TaxRate:
    made = tax(name, "0")
    parts = parts or (("State", "4"), ("City", "2.5"))
    made.set_components([(part, Decimal(rate), False) for part, rate in parts])
    return made


def map_to(rate: TaxRate, tax_type: str, connection: XeroConnection) -> None:
    TaxMapping.objects.create(tenant_id=connection.tenant_id, tax_rate=rate, tax_type=tax_type)


def found(connection: XeroConnection) -> dict[str, tax_matches.Match]:
    return {match.rate.name: match for match in tax_matches.matches(Books(connection, RunOptions()))}


def remote(connection: XeroConnection, name: str, rate: str, *parts: tuple[str, str], **fields: Any) -> str:
    """Put a rate into our copy of Xero."""
    tax_type = fields.pop("tax_type", f"TAX-{name}")
    XeroRecord.objects.create(
        tenant_id=connection.tenant_id,
        kind="tax_rates",
        xero_id=tax_type,
        key=tax_type,
        folded_name=name.casefold(),
        status=fields.pop("status", "ACTIVE"),
        seen_at=connection.connected_at,
        payload={
            "Name": name,
            "EffectiveRate": rate,
            "CanApplyToRevenue": True,
            "TaxComponents": [{"Name": part, "Rate": value, "IsCompound": False} for part, value in parts],
            **fields,
        },
    )
    return tax_type


# --- what each would be


def test_each_tax_says_what_it_would_be_in_xero(connection: XeroConnection, rates: dict[str, TaxRate]) -> None:
    map_to(rates["Levy"], "OUTPUT2", connection)
    told = {name: (match.badge.label, match.notes[0].split(" ")[0]) for name, match in found(connection).items()}
    assert told == {
        "20% (VAT on Income)": ("Would match", "By"),
        "VAT 20%": ("Would match", "By"),
        "Nothing": ("Needs a decision", "Several"),
        "Levy": ("Saved", "7.25"),
        "5% (VAT on Income)": ("Needs a decision", "Xero"),
        "Group": ("Would be created", "No"),
    }
    assert (found(connection)["Levy"].differs, found(connection)["VAT 20%"].differs) == (True, False)


def test_a_match_under_another_name_says_under_which(connection: XeroConnection, rates: dict[str, TaxRate]) -> None:
    told = found(connection)
    assert told["VAT 20%"].notes == ["By same rate, under another name: “20% (VAT on Income)”."]
    assert told["20% (VAT on Income)"].notes == ["By same name and rate."]


def test_a_saved_rate_that_differs_says_what_that_means(connection: XeroConnection, rates: dict[str, TaxRate]) -> None:
    map_to(rates["Levy"], "OUTPUT2", connection)
    (note,) = found(connection)["Levy"].notes
    assert note.startswith("7.25 % here, 20 % in Xero: invoices with it are held back.")


def test_several_that_fit_are_offered_first(connection: XeroConnection, rates: dict[str, TaxRate], me: Client) -> None:
    match = found(connection)["Nothing"]
    assert {Decimal(each.payload["EffectiveRate"]) for each in match.candidates} == {Decimal(0)}
    assert len(match.candidates) > 1
    assert match.remote is None
    assert not {each.xero_id for each in match.candidates} & {each.xero_id for each in match.others}
    assert '<optgroup label="Most likely">' in text(me.get(TAXES))


def test_a_group_with_other_parts_than_in_xero_says_which(connection: XeroConnection) -> None:
    group("Local", ("State", "4"), ("City", "2.5"))
    remote(connection, "Local", "6.5", ("State", "5"), ("City", "1.5"))
    match = found(connection)["Local"]
    assert match.badge.label == "Would match"
    assert match.notes[1] == (
        "Xero has it with different parts: State 5 %, City 1.5 %. Here: State 4 %, City 2.5 %. "
        "The total is the same; to keep them apart, rename the tax here."
    )


def test_a_group_of_the_same_parts_in_another_order_is_the_same(connection: XeroConnection) -> None:
    group("Local", ("State", "4"), ("City", "2.5"))
    remote(connection, "Local", "6.5", ("city", "2.5"), ("State", "4.0"))
    assert found(connection)["Local"].notes == ["By same name and rate."]


def test_a_tax_of_one_part_is_not_told_apart_by_its_parts_name(connection: XeroConnection) -> None:
    tax("Levy", "7")
    remote(connection, "Levy", "7", ("Anything", "7"))
    assert found(connection)["Levy"].notes == ["By same name and rate."]


def test_a_name_that_xero_has_with_other_parts_and_rate_needs_a_decision(connection: XeroConnection) -> None:
    group("Local", ("State", "4"), ("City", "2.5"))
    there = remote(connection, "Local", "9", ("State", "5"), ("City", "4"))
    match = found(connection)["Local"]
    assert match.badge.label == "Needs a decision"
    assert "Xero has “Local” with 9 % instead of 6.5 %, made of State 5 %, City 4 %." in match.notes[0]
    assert [each.xero_id for each in match.candidates] == [there]


@pytest.mark.parametrize(
    ("country", "rate", "report"),
    [
        ("AU", "7.25", "“Sales” (OUTPUT)"),
        ("NZ", "7.25", "“Sales” (OUTPUT)"),
        ("UK", "7.25", "“Sales” (OUTPUT)"),
        ("US", "7.25", ""),
        ("GLOBAL", "7.25", ""),
    ],
)
def test_a_rate_that_would_be_created_says_what_it_is_in_the_tax_return(
    connection: XeroConnection, country: str, rate: str, report: str
) -> None:
    tax("Levy", rate)
    connection.version = country
    notes = " ".join(found(connection)["Levy"].notes)
    assert "Check lists it before it happens." in notes
    assert ("For the tax return it would be" in notes, report in notes) == (bool(report), True)


def test_a_new_rate_of_nothing_is_exempt_in_the_tax_return(connection: XeroConnection) -> None:
    XeroRecord.objects.filter(kind="tax_rates", payload__EffectiveRate__in=["0", "0.00", "0.0000", 0]).delete()
    tax("Nothing", "0")
    assert "“Sales exempt” (EXEMPTOUTPUT)" in " ".join(found(connection)["Nothing"].notes)


# --- a saved mapping that no longer holds


def test_a_mapping_to_a_rate_that_sales_no_longer_take_holds_the_invoice_back(
    connection: XeroConnection, me: Client
) -> None:
    ours = tax("Levy", "7")
    map_to(ours, remote(connection, "Old levy", "7", status="ARCHIVED"), connection)
    match = found(connection)["Levy"]
    assert (match.badge.label, match.stale) == ("Needs a decision", "Old levy")
    assert "which Xero no longer allows on sales" in match.notes[0]
    assert "Old levy (no longer for sales)" in text(me.get(TAXES))
    # Saving the page as it is leaves it
    me.post(TAXES, {f"rate-{ours.pk}": "TAX-Old levy"})
    assert TaxMapping.objects.get().tax_type == "TAX-Old levy"
    records.invoice("INV-1", tax=ours, status=Invoice.Status.READY)
    assert "which Xero no longer allows on sales" in outcome(check())["INV-1"][1]


def test_a_mapping_to_a_rate_that_is_gone_says_so_and_is_matched_anew(connection: XeroConnection) -> None:
    ours = tax("VAT 20%", "20")
    map_to(ours, "TAX-gone", connection)
    match = found(connection)["VAT 20%"]
    assert match.badge.label == "Would match"
    assert match.notes[0] == "It was mapped to TAX-gone, which Xero no longer has."
    assert match.stale == "TAX-gone"


# --- what isn't taxed


@pytest.mark.parametrize(
    ("organisation", "tax_type", "name"),
    [
        ("Acme MSP Ltd", "NONE", "No VAT"),
        ("Demo Company (NZ)", "NONE", "No GST"),
        ("Acme Pty Ltd", "EXEMPTOUTPUT", "GST Free Income"),
        ("Acme Inc", "NONE", "Tax Exempt"),
    ],
)
def test_what_is_not_taxed_is_no_vat_or_tax_exempt_by_country(
    xero: SimulatedXero, admin: User, me: Client, organisation: str, tax_type: str, name: str
) -> None:
    made = connect(xero, admin, organisation)
    assert SyncOptions.objects.get().non_taxable_tax_type == tax_type
    invoice()
    told = tax_matches.untaxed(Books(made, RunOptions()), tax_type, made.version)
    assert (told.badge.label, told.note, told.used_by) == ("Saved", "", 1)
    assert told.remote is not None
    assert name.casefold() in f"{told.remote.name} ({told.tax_type})".casefold()
    assert told.remote.name in text(me.get(TAXES))


@pytest.mark.parametrize(
    ("tax_type", "words"),
    [
        ("", "Nothing can't be used on a sale"),
        ("INPUT2", "INPUT2 can't be used on a sale"),
        ("OUTPUT2", "20% (VAT on Income) is 20 %."),
    ],
)
def test_what_cannot_stand_for_no_tax_needs_a_decision(
    connection: XeroConnection, me: Client, tax_type: str, words: str
) -> None:
    told = tax_matches.untaxed(Books(connection, RunOptions()), tax_type, "UK")
    assert told.badge.label == "Needs a decision"
    assert words in told.note
    assert "Usual in this organisation's country: No VAT." in told.note


def test_another_choice_than_the_usual_one_is_told_and_fine(connection: XeroConnection) -> None:
    told = tax_matches.untaxed(Books(connection, RunOptions()), "EXEMPTOUTPUT", "UK")
    assert (told.badge.label, told.note) == ("Saved", "Usual in this organisation's country: No VAT.")


# --- the page


def test_the_page_shows_both_rates_the_parts_and_how_many_invoices(
    me: Client, connection: XeroConnection, rates: dict[str, TaxRate]
) -> None:
    map_to(rates["Levy"], "OUTPUT2", connection)
    invoice(tax=rates["Levy"])
    page = text(me.get(TAXES))
    for words in ("7.25 %", "20 %", "Rates differ", "State 4 %", "City 2.50 %", "Not taxable", "No VAT"):
        assert words in page, words
    assert '<td class="to-end">1</td>' in page


def test_a_mapping_is_saved_and_taken_back(me: Client, connection: XeroConnection, rates: dict[str, TaxRate]) -> None:
    ours = rates["Nothing"]
    answer = me.post(TAXES, {f"rate-{ours.pk}": "ZERORATEDOUTPUT"}, follow=True)
    assert "1 tax rate is mapped as you chose." in text(answer)
    mapping = TaxMapping.objects.get()
    assert (mapping.tax_rate, mapping.tax_type, mapping.tenant_id) == (ours, "ZERORATEDOUTPUT", connection.tenant_id)
    assert "Nothing was changed." in text(me.post(TAXES, {f"rate-{ours.pk}": "ZERORATEDOUTPUT"}, follow=True))
    me.post(TAXES, {f"rate-{ours.pk}": ""})
    assert not TaxMapping.objects.exists()


@pytest.mark.parametrize("value", ["INPUT2", "no such", "NONE' OR 1=1"])
def test_only_active_rates_for_sales_can_be_mapped(
    me: Client, connection: XeroConnection, rates: dict[str, TaxRate], value: str
) -> None:
    fields = {f"rate-{rates['Levy'].pk}": value, f"rate-{rates['Nothing'].pk}": "ZERORATEDOUTPUT"}
    answer = me.post(TAXES, fields)
    assert answer.status_code == 400
    page = text(answer)
    assert "Nothing was saved" in page
    assert page.count("Xero has no such tax rate for sales any more.") == 1
    assert not TaxMapping.objects.exists()


def test_what_was_chosen_for_others_is_kept_when_one_is_refused(
    me: Client, connection: XeroConnection, rates: dict[str, TaxRate]
) -> None:
    fields = {f"rate-{rates['Levy'].pk}": "INPUT2", f"rate-{rates['Nothing'].pk}": "ZERORATEDOUTPUT"}
    assert '<option value="ZERORATEDOUTPUT" selected>' in text(me.post(TAXES, fields))


def test_more_taxes_cost_no_more_queries(
    me: Client, connection: XeroConnection, django_assert_num_queries: Any
) -> None:
    group("Tax 0")
    me.get(TAXES)
    with CaptureQueriesContext(db) as once:
        me.get(TAXES)
    assert len(once) <= 14
    for number in range(1, 30):
        group(f"Tax {number}", ("One", str(number)), ("Two", "1"))
    with django_assert_num_queries(len(once)):
        me.get(TAXES)
