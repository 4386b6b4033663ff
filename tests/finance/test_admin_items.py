"""Admin > Finance > Products, Services, Work Types, Expense Types, Discount Types."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django.test import Client

from finance.item_kinds import ITEM_KINDS, ItemKind
from finance.models import InvoiceLine, Item
from tests.finance.admin_pages import AT, assert_constant, csv_rows, names, organisation, text
from tests.records import account_code, invoice, item, tax
from xero_sync.models import XeroLink, XeroRecord

pytestmark = pytest.mark.django_db
EVERY_KIND = pytest.mark.parametrize("kind", ITEM_KINDS, ids=lambda kind: kind.slug)


def sell(made: Item, number: str) -> None:
    InvoiceLine.objects.filter(invoice=invoice(number)).update(item=made)


@EVERY_KIND
def test_each_kind_lists_its_own(reader: Client, kind: ItemKind) -> None:
    for each in ITEM_KINDS:
        item(f"One {each.slug}", each.kind)
    assert names(reader.get(kind.list_url)) == [f"One {kind.slug}"]
    assert reader.get(f"{kind.list_url}{Item.objects.exclude(kind=kind.kind)[0].pk}/").status_code == 404


@EVERY_KIND
def test_each_kind_is_added_shown_and_edited(writer: Client, kind: ItemKind) -> None:
    given: dict[str, Any] = {
        "name": "Thing",
        "code": "T-1",
        "description": "A thing",
        "unit_price": "12.3456",
        "unit_cost": "7",
        "discount_value": "25.50",
        "income_account": account_code().pk,
        "requires_procurement": "on",
        "taxable": "on",
        "tax": tax().pk,
        "active": "on",
    }
    answer = writer.post(f"{kind.list_url}new/", {name: given[name] for name in kind.fields if name in given})
    made = Item.objects.get()
    assert answer.headers["Location"] == made.get_absolute_url() == f"{kind.list_url}{made.pk}/"
    assert (made.kind, made.code, made.taxable, made.tax_id) == (kind.kind, "T-1", True, given["tax"])
    assert (made.unit_price == Decimal("12.3456")) == ("unit_price" in kind.fields)
    assert (made.discount_value == Decimal("25.5")) == (kind.kind == "discount_type")
    assert (made.income_account_id is not None) == ("income_account" in kind.fields)
    page = text(writer.get(made.get_absolute_url()))
    assert "A thing" in page
    assert kind.code_label in page
    numbers = {"unit_price": "1", "unit_cost": "1", "discount_value": "1"}
    writer.post(f"{kind.list_url}{made.pk}/edit/", numbers | {"name": "Other"})
    made.refresh_from_db()
    assert (made.name, made.active) == ("Other", False)


@EVERY_KIND
def test_each_list_asks_as_often_for_many(reader: Client, kind: ItemKind) -> None:
    organisation()
    code = account_code()
    assert_constant(
        reader, f"{kind.list_url}?rows=100", lambda n: item(f"Item {n}", kind.kind, income_account=code), 10
    )


def test_a_record_asks_as_often_for_many(reader: Client) -> None:
    organisation()
    made = item()
    assert_constant(reader, made.get_absolute_url(), lambda n: sell(made, f"INV-{n}"), 20)


@EVERY_KIND
def test_each_empty_list_leads_on(writer: Client, kind: ItemKind) -> None:
    page = text(writer.get(kind.list_url))
    assert f"No {kind.plural.lower()} yet" in page
    assert f'href="{kind.list_url}new/"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "lap"}, ["Laptop"]),
        ({"q": "p-2"}, ["Dock"]),
        ({"active": "no"}, ["Dock"]),
        ({"xero": "in_xero"}, ["Laptop"]),
        ({"sort": "-unit_price"}, ["Laptop", "Dock"]),
    ],
)
def test_products_are_found_filtered_and_sorted(reader: Client, query: dict[str, str], found: list[str]) -> None:
    organisation()
    linked = item(unit_price=Decimal(900))
    XeroLink.objects.create(tenant_id="t-1", kind="items", local_id=linked.uuid, xero_id="i-1", xero_number="P-1")
    item("Dock", code="P-2", active=False)
    assert names(reader.get(f"{AT}products/", query)) == found


def test_csv_has_the_fields_of_the_kind(reader: Client) -> None:
    item("Loyalty", "discount_type", discount_value=Decimal("25.5"), income_account=account_code())
    (row,) = csv_rows(reader.get(f"{AT}discount-types.csv"))
    assert row | {"Name": "Loyalty", "Type": "Amount", "Value": "25.5000", "Income account": "200 Sales"} == row
    assert "Unit cost" not in row


class TestForm:
    FILLED: ClassVar = {"name": "Laptop", "unit_price": "1", "unit_cost": "1"}

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            ({"name": ""}, "This field is required."),
            ({"code": "x" * 31}, "at most 30 characters"),
            ({"unit_price": "ten"}, "Enter a number."),
            ({"unit_price": "1.23456"}, "no more than 4 decimal places"),
            ({"unit_cost": "-1"}, "greater than or equal to 0"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_saved(self, writer: Client, data: dict[str, str], says: str) -> None:
        assert says in text(writer.post(f"{AT}products/new/", self.FILLED | data))
        assert not Item.objects.exists()

    def test_numbers_are_shown_without_needless_zeros(self, writer: Client) -> None:
        made = item(unit_price=Decimal("1234.5"), unit_cost=Decimal("-0.0001") * 0)
        page = text(writer.get(f"{AT}products/{made.pk}/edit/"))
        assert 'value="1234.50"' in page
        assert 'value="0"' in page

    def test_an_inactive_account_is_not_offered_unless_the_item_has_it(self, writer: Client) -> None:
        old = account_code("250", "Old sales", active=False)
        assert "250 Old sales" not in text(writer.get(f"{AT}products/new/"))
        made = item(income_account=old)
        assert "250 Old sales" in text(writer.get(f"{AT}products/{made.pk}/edit/"))


class TestCode:
    def test_two_items_that_would_get_one_code_are_warned_of(self, writer: Client) -> None:
        item("A name that is much longer than Xero’s thirty characters, first", "service")
        made = item("A name that is much longer than Xero’s thirty characters, second", "service")
        page = text(writer.get(made.get_absolute_url()))
        assert "Two items would be one in Xero" in page
        assert f"/admin/finance/services/{made.pk}/edit/?code=A%20name" in page

    def test_the_suggested_code_is_free_here_and_in_xero(self, writer: Client) -> None:
        organisation()
        item(code="P-1")
        item("Dock", code="p-1-2")
        XeroRecord.objects.create(
            tenant_id="t-1", kind="items", xero_id="i-9", key="p-1-3", payload={}, seen_at="2026-11-01T00:00:00Z"
        )
        made = item("Copy", code="p-1")
        assert "Use “p-1-4” for this one" in text(writer.get(made.get_absolute_url()))
        assert 'value="p-1-4"' in text(writer.get(f"{AT}products/{made.pk}/edit/?code=p-1-4"))

    def test_the_code_in_xero_counts_for_a_linked_item(self, writer: Client) -> None:
        organisation()
        linked = item(code="NEW")
        XeroLink.objects.create(tenant_id="t-1", kind="items", local_id=linked.uuid, xero_id="i-1", xero_number="OLD")
        assert "would be one in Xero" not in text(writer.get(item("Dock", code="NEW").get_absolute_url()))
        assert "would be one in Xero" in text(writer.get(item("Cable", code="old").get_absolute_url()))

    def test_an_item_alone_is_not_warned_of(self, writer: Client) -> None:
        assert "would be one in Xero" not in text(writer.get(item(code="P-1").get_absolute_url()))


class TestAccounts:
    def test_an_item_tells_which_account_it_uses_and_whose_it_is(self, reader: Client) -> None:
        organisation()
        made = item(income_account=account_code("200", "Sales"))
        page = text(reader.get(made.get_absolute_url()))
        assert "<strong>200 Sales</strong>, the item&#x27;s own" in page
        assert "<strong>300 Purchases</strong>, from Setup default" in page

    def test_a_tracked_product_tells_its_inventory_account(self, reader: Client) -> None:
        organisation()
        page = text(reader.get(item(requires_procurement=True).get_absolute_url()))
        assert "Inventory account:" in page
        assert "None set" in page

    def test_without_xero_an_item_tells_its_own_accounts(self, reader: Client) -> None:
        page = text(reader.get(item(income_account=account_code()).get_absolute_url()))
        assert "<strong>200 Sales</strong>, the item&#x27;s own" in page
        assert "Once Xero is connected, the default in Setup is used." in page


class TestDelete:
    def test_an_item_on_an_invoice_cannot_be_deleted_and_says_which(self, writer: Client) -> None:
        made = item()
        for number in range(7):
            sell(made, f"INV-{number}")
        answer = writer.post(f"{AT}products/{made.pk}/delete/")
        assert answer.status_code == 400
        page = text(answer)
        assert "7 invoice lines: <a href=" in page
        assert "and 2 more" in page
        assert "Deactivate it instead" in page
        assert Item.objects.exists()

    def test_an_unused_item_is_deleted(self, writer: Client) -> None:
        made = item()
        assert "Laptop is deleted." in text(writer.post(f"{AT}products/{made.pk}/delete/", follow=True))
        assert not Item.objects.exists()
