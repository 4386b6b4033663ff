"""Admin > Finance > Taxes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from finance.models import TaxRate
from tests.finance.admin_pages import AT, assert_constant, boss, csv_rows, names, organisation, text
from tests.records import account, invoice, item, tax
from xero_sync.models import TaxMapping, XeroLink, XeroRecord

__all__ = ["boss"]
pytestmark = pytest.mark.django_db
LIST = f"{AT}taxes/"


def filled(*parts: tuple[str, str, bool], initial: int = 0, **fields: str) -> dict[str, str]:
    """Fill in the form, with its parts and three rows left blank."""
    data = {"name": "GST + PST", "rate": "", "active": "on", **fields}
    data |= {"parts-TOTAL_FORMS": str(len(parts) + 3), "parts-INITIAL_FORMS": str(initial)}
    for number, (name, rate, compound) in enumerate(parts):
        data |= {f"parts-{number}-name": name, f"parts-{number}-rate": rate}
        data |= {f"parts-{number}-compound": "on"} if compound else {}
    return data


def group() -> TaxRate:
    made = tax("GST + PST", "0")
    made.set_components([("GST", Decimal(5), False), ("PST", Decimal(8), True)])
    return made


def mapping(rate: TaxRate) -> None:
    organisation()
    TaxMapping.objects.create(tenant_id="t-1", tax_rate=rate, tax_type="OUTPUT2")
    XeroRecord.objects.create(
        tenant_id="t-1",
        kind="tax_rates",
        xero_id="OUTPUT2",
        key="OUTPUT2",
        payload={"Name": "20% (VAT on Income)"},
        seen_at="2026-11-01T00:00:00Z",
    )


def test_the_list_tells_rate_parts_mapping_and_use(reader: Client) -> None:
    vat = tax()
    mapping(vat)
    group()
    invoice(tax=vat)
    account(sales_tax=vat)
    item(tax=vat)
    page = text(reader.get(LIST))
    assert "20% (VAT on Income)" in page
    assert "1 invoice line, 1 item, 1 account" in page
    assert "GST 5 %<br>PST 8 %, compound" in page
    assert "13.40 %" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "vat"}, ["VAT 20%"]),
        ({"mapped": "yes"}, ["VAT 20%"]),
        ({"mapped": "no"}, ["Old"]),
        ({"active": "no"}, ["Old"]),
        ({"sort": "rate"}, ["Old", "VAT 20%"]),
    ],
)
def test_taxes_are_found_filtered_and_sorted(reader: Client, query: dict[str, str], found: list[str]) -> None:
    mapping(tax())
    TaxRate.objects.filter(pk=tax("Old", "17.5").pk).update(active=False)
    assert names(reader.get(LIST, query)) == found


def test_the_list_asks_as_often_for_many(reader: Client) -> None:
    def make(number: int) -> Any:
        made = tax(f"Tax {number}", "0")
        made.set_components([("One", Decimal(5), False), ("Two", Decimal(1), False)])

    assert_constant(reader, f"{LIST}?rows=100", make, 8)


def test_a_record_asks_as_often_for_many(reader: Client) -> None:
    vat = tax()
    assert_constant(reader, vat.get_absolute_url(), lambda n: invoice(of=account(f"A {n}", sales_tax=vat), tax=vat), 18)


def test_csv_holds_the_parts(reader: Client) -> None:
    group()
    (row,) = csv_rows(reader.get(f"{AT}taxes.csv"))
    assert row | {"Name": "GST + PST", "Rate": "13.4000", "Parts": "GST 5.0000 % + PST 8.0000 %"} == row


def test_an_empty_list_leads_on(boss: Client) -> None:
    page = text(boss.get(LIST))
    assert "No taxes yet" in page
    assert f'href="{LIST}new/"' in page


def test_the_note_of_an_import_is_shown(reader: Client) -> None:
    made = tax()
    TaxRate.objects.update(note="kept as one rate; parts were: GST 5 %, PST 8 %")
    assert "kept as one rate; parts were: GST 5 %, PST 8 %" in text(reader.get(made.get_absolute_url()))


class TestEdit:
    def test_a_plain_tax_is_added(self, boss: Client) -> None:
        boss.post(f"{LIST}new/", filled(name="VAT 5%", rate="5"))
        made = TaxRate.objects.get()
        assert (made.name, made.rate, made.components.count()) == ("VAT 5%", 5, 0)

    def test_the_rate_of_a_group_is_reckoned_from_its_parts(self, boss: Client) -> None:
        boss.post(f"{LIST}new/", filled(("GST", "5", False), ("PST", "8", True)))
        made = TaxRate.objects.get()
        assert made.rate == Decimal("13.4")
        assert [part.name for part in made.components.all()] == ["GST", "PST"]

    def test_a_group_is_shown_with_its_parts_and_can_lose_one(self, boss: Client) -> None:
        made = group()
        page = text(boss.get(f"{LIST}{made.pk}/edit/"))
        assert 'value="PST"' in page
        boss.post(f"{LIST}{made.pk}/edit/", filled(("GST", "5", False), ("", "", False), initial=2))
        made.refresh_from_db()
        assert (made.rate, made.components.count()) == (5, 1)

    def test_a_group_becomes_a_plain_tax(self, boss: Client) -> None:
        made = group()
        boss.post(f"{LIST}{made.pk}/edit/", filled(("", "", False), ("", "", False), initial=2, rate="13"))
        made.refresh_from_db()
        assert (made.rate, made.components.count()) == (13, 0)

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            (filled(), "Type the rate, or fill in the parts"),
            (filled(rate="101"), "less than or equal to 100"),
            (filled(rate="-1"), "greater than or equal to 0"),
            (filled(rate="1.23456"), "no more than 4 decimal places"),
            (filled(name="vat 20%", rate="5"), "Choose another."),
            (filled(name="x" * 51, rate="5"), "at most 50 characters"),
            (filled(("GST", "", False)), "A part needs its rate."),
            (filled(("", "5", False)), "A part needs a name."),
            (filled(("GST", "5", True), ("PST", "5", True)), "Only one part can be compound"),
            (filled(("GST", "5", False), ("gst", "5", False)), "Two parts have the same name."),
            (filled(("GST", "60", False), ("PST", "50", False)), "a tax is 100 % at most"),
            (filled(("GST", "5", False), rate="20"), "The parts come to 5 %."),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_saved(self, boss: Client, data: dict[str, str], says: str) -> None:
        tax()
        page = text(boss.post(f"{LIST}new/", data))
        assert says in page
        assert "<title>Error: New tax" in page
        assert TaxRate.objects.count() == 1

    def test_a_form_without_its_parts_is_refused(self, boss: Client) -> None:
        boss.post(f"{LIST}new/", {"name": "VAT 5%", "rate": "5"})
        assert not TaxRate.objects.exists()


class TestNewRate:
    def test_invoices_that_nobody_has_seen_follow_it(self, boss: Client) -> None:
        vat = tax()
        draft, void = invoice(tax=vat, status="ready"), invoice(tax=vat, status="void")
        page = text(boss.post(f"{LIST}{vat.pk}/edit/", filled(name="VAT", rate="17.5"), follow=True))
        assert "1 invoice that nobody has seen yet was reckoned anew with 17.5 %." in page
        draft.refresh_from_db()
        void.refresh_from_db()
        assert (draft.total, void.total) == (Decimal("117.50"), Decimal("120.00"))

    def test_it_is_refused_where_a_customer_has_an_invoice(self, boss: Client) -> None:
        vat = tax()
        invoice(tax=vat, status="sent")
        page = text(boss.post(f"{LIST}{vat.pk}/edit/", filled(name="VAT", rate="17.5")))
        assert "1 invoice that was sent or is in Xero has this tax" in page
        vat.refresh_from_db()
        assert (vat.name, vat.rate) == ("VAT 20%", 20)

    def test_it_is_refused_where_xero_has_an_invoice(self, boss: Client) -> None:
        vat = tax()
        exported = invoice(tax=vat, status="ready")
        XeroLink.objects.create(tenant_id="t-1", kind="invoices", local_id=exported.uuid, xero_id="x-1")
        assert "is in Xero has this tax" in text(boss.post(f"{LIST}{vat.pk}/edit/", filled(name="VAT", rate="17.5")))

    def test_a_new_name_alone_is_always_possible(self, boss: Client) -> None:
        vat = tax()
        invoice(tax=vat, status="sent")
        boss.post(f"{LIST}{vat.pk}/edit/", filled(name="VAT", rate="20"))
        vat.refresh_from_db()
        assert vat.name == "VAT"


class TestDelete:
    def test_a_tax_in_use_cannot_be_deleted_and_says_where_it_is(self, boss: Client) -> None:
        vat = tax()
        invoice("INV-7", tax=vat)
        account("Bolt Ltd", sales_tax=vat)
        made = item(tax=vat)
        answer = boss.post(f"{LIST}{vat.pk}/delete/")
        assert answer.status_code == 400
        page = text(answer)
        assert ">INV-7</a>" in page
        assert ">Bolt Ltd</a>" in page
        assert f'<a href="{AT}products/?tax={vat.pk}">1 product</a>' in page
        assert names(boss.get(f"{AT}products/?tax={vat.pk}")) == [made.name]

    def test_an_unused_tax_is_deleted_with_its_parts_and_its_mapping(self, boss: Client) -> None:
        made = group()
        mapping(made)
        boss.post(f"{LIST}{made.pk}/delete/")
        assert not TaxRate.objects.exists()
        assert not TaxMapping.objects.exists()


def test_the_history_tells_which_parts_changed(boss: Client) -> None:
    made = group()
    address = f"{LIST}{made.pk}/"
    boss.post(f"{address}edit/", filled(("GST", "6", False), ("HST", "1", False), initial=2))
    told = text(boss.get(address))
    for words in ("Part GST: 5 % → 6 %", "Part HST added: 1 %", "Part PST removed: 8 %, compound"):
        assert words in told
    assert TaxRate.history.filter(id=made.pk).count() == 3  # made, its parts, one change
    boss.post(f"{address}edit/", filled(initial=2, rate="7"))
    assert "Part GST removed: 6 %" in text(boss.get(address))
