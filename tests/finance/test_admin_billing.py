"""Admin > Finance > Billing."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from finance.item_kinds import BILLING_TABS, ItemKind
from finance.models import Item
from tests.finance.admin_pages import AT, assert_constant, boss, csv_rows, names, organisation, text
from tests.records import account_code, item

__all__ = ["boss"]
pytestmark = pytest.mark.django_db
PRODUCTS = f"{AT}billing/products/"


@pytest.fixture(autouse=True)
def codes(db: None) -> None:
    account_code("200", "Sales")
    account_code("210", "Consulting")
    account_code("300", "Purchases", type="Direct Costs")
    account_code("250", "Old sales", active=False)


def cells(**typed: tuple[Item, str] | tuple[Item, str, str]) -> dict[str, str]:
    """Type into cells: income=(item, "200") or income=(item, "200", "what it was")."""
    data = {"do": "save"}
    for name, (made, value, *was) in typed.items():
        use = f"{name.split('_')[0]}_account-{made.pk}"
        data |= {use: value, f"was-{use}": was[0] if was else ""}
    return data


def accounts(made: Item) -> tuple[str, str]:
    made.refresh_from_db()
    return tuple(code.code if code else "" for code in (made.income_account, made.expense_account))  # type: ignore[return-value]


class TestGrid:
    def test_each_kind_has_its_tab_in_the_vendors_order(self, reader: Client) -> None:
        page = text(reader.get(f"{AT}billing/"))
        tabs = page[page.index('aria-label="Kinds of item"') :]
        places = [tabs.index(f'/billing/{kind.slug}/"') for kind in BILLING_TABS]
        assert places == sorted(places)

    def test_it_says_in_words_which_account_xero_gets(self, reader: Client) -> None:
        organisation()
        item(expense_account=account_code("400", "Rent"))
        page = text(reader.get(PRODUCTS))
        assert "<strong>200 Sales</strong>, from Setup default" in page
        assert "<strong>400 Rent</strong>, the item&#x27;s own" in page
        assert "Not in Xero" in page
        assert "Export this code, or choose another." in page
        assert "Export account codes</a>" not in page

    def test_who_may_mend_an_account_is_led_there(self, boss: Client) -> None:
        organisation(sales_account="")
        item(expense_account=account_code("400", "Rent"))
        page = text(boss.get(PRODUCTS))
        assert '<a href="/finance/xero/export/chart-of-accounts/">Export account codes</a>' in page
        assert '<a href="/finance/xero/setup/options/">Set the default</a>' in page

    @pytest.mark.parametrize(("code", "flag"), [("250", "Archived in Xero"), ("090", "Wrong type")])
    def test_it_flags_what_xero_would_refuse(self, reader: Client, code: str, flag: str) -> None:
        organisation()
        mine, _ = type(account_code("1", "x")).objects.get_or_create(code=code, defaults={"name": "Mine"})
        item(income_account=mine)
        assert flag in text(reader.get(PRODUCTS))

    def test_it_flags_a_missing_default(self, reader: Client) -> None:
        organisation(sales_account="")
        item()
        assert "None set" in text(reader.get(PRODUCTS))

    def test_a_discount_has_no_expense_account(self, reader: Client) -> None:
        item("Loyalty", "discount_type")
        assert "Expense account" not in text(reader.get(f"{AT}billing/discount-types/"))

    def test_only_blanks_can_be_shown(self, reader: Client) -> None:
        sales = Item.income_account.field.related_model.objects.get(code="200")
        item("Full", income_account=sales, expense_account=sales)
        item("Half", income_account=sales)
        assert names(reader.get(PRODUCTS, {"blanks": "on"})) == ["Half"]
        item("Loyalty", "discount_type", income_account=sales)
        assert names(reader.get(f"{AT}billing/discount-types/", {"blanks": "on"})) == []

    def test_items_are_searched_and_paged(self, reader: Client) -> None:
        for number in range(60):
            item(f"Item {number:02}")
        assert len(names(reader.get(PRODUCTS))) == 50
        assert names(reader.get(PRODUCTS, {"q": "item 07"})) == ["Item 07"]

    def test_it_asks_as_often_for_many(self, boss: Client) -> None:
        organisation()
        assert_constant(boss, f"{PRODUCTS}?rows=100", lambda n: item(f"Item {n}"), 14)

    def test_a_viewer_reads_and_cannot_type(self, reader: Client) -> None:
        made = item()
        page = text(reader.get(PRODUCTS))
        assert "Save changes" not in page
        assert f'name="income_account-{made.pk}"' not in page
        assert reader.post(PRODUCTS, cells(income=(made, "200"))).status_code == 403
        assert accounts(made) == ("", "")

    def test_csv_tells_the_effective_accounts(self, reader: Client) -> None:
        organisation()
        item()
        (row,) = csv_rows(reader.get(f"{AT}billing/products.csv"))
        assert "income account: 200 Sales, from Setup default" in row["Effective in Xero"]

    @pytest.mark.parametrize("kind", BILLING_TABS, ids=lambda kind: kind.slug)
    def test_an_empty_tab_leads_to_adding_one(self, boss: Client, kind: ItemKind) -> None:
        assert f'href="{kind.list_url}new/"' in text(boss.get(kind.url("billing")))


class TestSave:
    def test_the_changed_cells_of_a_page_are_saved_at_once(self, boss: Client) -> None:
        laptop, dock = item(), item("Dock")
        answer = boss.post(
            f"{PRODUCTS}?q=o",
            cells(income_1=(laptop, "200"), expense_1=(laptop, "Purchases"), income_2=(dock, "210 consulting")),
        )
        assert answer.headers["Location"] == f"{PRODUCTS}?q=o"
        assert accounts(laptop) == ("200", "300")
        assert accounts(dock) == ("210", "")
        assert "2 products are saved." in text(boss.get(PRODUCTS))

    def test_a_cell_is_cleared(self, boss: Client) -> None:
        made = item(income_account_id=_code("200"))
        boss.post(PRODUCTS, cells(income=(made, "", "200")))
        assert accounts(made) == ("", "")

    @pytest.mark.parametrize(
        ("typed", "says"),
        [
            ("999", "“999” is none of your account codes."),
            ("250", "250 Old sales is inactive."),
            ("<b>", "“&lt;b&gt;” is none of your account codes."),
            ("Twice", "Several account codes are called “Twice”."),
        ],
    )
    def test_a_bad_cell_keeps_what_was_typed_and_nothing_is_saved(self, boss: Client, typed: str, says: str) -> None:
        account_code("501", "Twice")
        account_code("502", "Twice")
        laptop, dock = item(), item("Dock")
        answer = boss.post(PRODUCTS, cells(income_1=(laptop, typed), income_2=(dock, "200")))
        assert answer.status_code == 400
        page = text(answer)
        assert says in page
        assert "Nothing is saved yet" in page
        assert f'value="{typed.replace("<", "&lt;").replace(">", "&gt;")}"' in page
        assert f'id="income_account-{dock.pk}" value="200"' in page
        assert accounts(laptop) == accounts(dock) == ("", "")

    def test_what_somebody_else_changed_meanwhile_is_not_overwritten(self, boss: Client) -> None:
        made = item(income_account_id=_code("210"))
        page = text(boss.post(PRODUCTS, cells(income=(made, "200", ""))))
        assert "Somebody else has set it to 210 meanwhile." in page
        assert accounts(made) == ("210", "")
        assert f'name="was-income_account-{made.pk}" value="210"' in page
        boss.post(PRODUCTS, cells(income=(made, "200", "210")))
        assert accounts(made) == ("200", "")

    def test_an_untouched_cell_is_left_to_others(self, boss: Client) -> None:
        made = item(income_account_id=_code("210"))
        boss.post(PRODUCTS, cells(income=(made, "", ""), expense=(made, "300")))
        assert accounts(made) == ("210", "300")

    def test_items_of_another_tab_are_out_of_reach(self, boss: Client) -> None:
        made = item("Backup", "service")
        boss.post(PRODUCTS, cells(income=(made, "200")))
        assert accounts(made) == ("", "")

    def test_saving_is_noted_in_the_history(self, boss: Client) -> None:
        made = item()
        boss.post(PRODUCTS, cells(income=(made, "200")))
        page = text(boss.get(made.get_absolute_url()))
        assert "<ins>200 Sales</ins>" in page
        assert "by finance admin" in page


class TestApply:
    def apply(self, client: Client, what: str = "income_account", account: str = "200", **more: Any) -> Any:
        return client.post(f"{PRODUCTS}?q=item", {"do": "apply", "what": what, "account": account, **more})

    def test_an_account_is_applied_to_the_ticked(self, boss: Client) -> None:
        one, two, three = (item(f"Item {number}") for number in range(3))
        self.apply(boss, scope="ticked", ids=[one.pk, three.pk])
        assert [accounts(each)[0] for each in (one, two, three)] == ["200", "", "200"]

    def test_an_account_is_applied_to_all_that_match(self, boss: Client) -> None:
        made = [item(f"Item {number:02}") for number in range(60)]
        other = item("Else")
        page = text(boss.get(f"{PRODUCTS}?q=item"))
        assert "All 60 that match" in page
        self.apply(boss, scope="all", matching="60")
        assert {accounts(each)[0] for each in made} == {"200"}
        assert accounts(other) == ("", "")

    def test_a_list_that_has_changed_since_is_not_touched(self, boss: Client) -> None:
        made = [item(f"Item {number}") for number in range(3)]
        answer = self.apply(boss, scope="all", matching="2")
        assert answer.status_code == 400
        assert "The list has changed: 3 items match now." in text(answer)
        assert {accounts(each)[0] for each in made} == {""}

    def test_accounts_are_cleared(self, boss: Client) -> None:
        made = item("Item", income_account_id=_code("200"))
        self.apply(boss, "clear-income_account", "", scope="ticked", ids=[made.pk])
        assert accounts(made) == ("", "")

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({"account": "", "scope": "ticked", "ids": ["1"]}, "Type the account code to apply."),
            ({"account": "999", "scope": "ticked"}, "is none of your account codes."),
            ({"scope": "ticked"}, "Nothing is chosen."),
            ({"what": "name", "scope": "ticked"}, "Choose which account to set."),
            ({"scope": "ticked", "ids": ["x", "-1", "99999"]}, "Nothing is chosen."),
        ],
    )
    def test_what_cannot_be_applied_is_said(self, boss: Client, given: dict[str, Any], says: str) -> None:
        item("Item")
        answer = self.apply(boss, **given)
        assert answer.status_code == 400
        assert says in text(answer)

    def test_ticks_and_words_stay_when_it_is_refused(self, boss: Client) -> None:
        made = item("Item")
        page = text(self.apply(boss, account="999", scope="ticked", ids=[made.pk]))
        assert f'value="{made.pk}" aria-label="Select Item" checked' in page
        assert 'name="account" value="999"' in page

    def test_what_was_typed_is_saved_along(self, boss: Client) -> None:
        one, two = item("Item 1"), item("Item 2")
        typed = cells(expense=(one, "300"), income=(two, "210")) | {"do": "apply"}
        self.apply(boss, scope="ticked", ids=[one.pk], **typed)
        assert accounts(one) == ("200", "300")
        assert accounts(two) == ("210", "")

    def test_a_bad_cell_keeps_it_from_being_applied(self, boss: Client) -> None:
        one, two = item("Item 1"), item("Item 2")
        self.apply(boss, scope="ticked", ids=[one.pk], **cells(income=(two, "999")) | {"do": "apply"})
        assert accounts(one) == accounts(two) == ("", "")


def _code(code: str) -> int:
    return int(Item.income_account.field.related_model.objects.get(code=code).pk)
