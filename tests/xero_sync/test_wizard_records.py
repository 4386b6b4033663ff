"""The wizards that export accounts and items: choose, tick, check, send."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Account
from finance.models import AccountCode, Item
from tests.records import account, site
from tests.xero_sync.pages import run, text, use_organisation
from tests.xero_sync.wizard_pages import chips, names, opened, press, row_of, to_check
from xero_sync.models import Draft, Job, MirrorStamp, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db
ACCOUNTS = "/finance/xero/export/accounts/"
ITEMS = "/finance/xero/export/items/"


def link(record: Any, kind: str, **fields: Any) -> XeroLink:
    return XeroLink.objects.create(
        **({"tenant_id": "here", "kind": kind, "local_id": record.uuid, "xero_id": str(record.uuid)} | fields)
    )


def in_xero(kind: str, name: str, status: str = "ACTIVE", **fields: Any) -> XeroRecord:
    MirrorStamp.objects.get_or_create(tenant_id="here", kind=kind, defaults={"complete_at": timezone.now()})
    return XeroRecord.objects.create(
        **(
            {
                "tenant_id": "here",
                "kind": kind,
                "xero_id": f"x-{name}-{XeroRecord.objects.count()}",
                "folded_name": name.casefold(),
                "status": status,
                "payload": {"Name": name},
                "seen_at": timezone.now(),
            }
            | fields
        )
    )


def item(name: str, kind: str = "service", **fields: Any) -> Item:
    return Item.objects.create(name=name, kind=kind, **fields)


class TestChooser:
    def test_it_counts_what_is_not_linked(self, writer: Client) -> None:
        use_organisation()
        link(account("Acme"), "contacts")
        account("Bolt"), account("Core")
        page = text(writer.get("/finance/xero/export/"))
        assert "2 accounts not in Xero yet" in page
        assert "All of them are linked" in page
        assert ACCOUNTS in page
        assert ITEMS in page

    def test_it_costs_the_same_for_any_number_of_records(self, writer: Client) -> None:
        use_organisation()

        def cost(number: int) -> int:
            Account.objects.bulk_create(Account(name=f"Account {n}") for n in range(number))
            with CaptureQueriesContext(database) as caught:
                writer.get("/finance/xero/export/")
            return len(caught)

        few = cost(5)
        assert cost(50) == few
        assert few <= 15


class TestAccounts:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"text": "ac"}, ["Acme"]),
            ({"text": "b-1"}, ["Bolt"]),
            ({"unlinked": "on"}, ["Bolt"]),
            ({"active": "yes"}, ["Acme", "Bolt"]),
            ({"state": "linked"}, ["Acme"]),
            ({"state": "new"}, ["Bolt"]),
        ],
    )
    def test_accounts_are_found_by(self, writer: Client, asked: dict[str, str], found: list[str]) -> None:
        link(account("Acme"), "contacts")
        account("Bolt", code="B-1")
        assert names(opened(writer, "export-contacts", **asked)) == found

    def test_each_account_tells_what_it_is_in_xero(self, writer: Client) -> None:
        link(account("Linked"), "contacts", xero_number="Linked Ltd")
        for name in ("Same", "Twice", "New", "Gone"):
            account(name)
        in_xero("contacts", "Same"), in_xero("contacts", "Twice"), in_xero("contacts", "Twice")
        in_xero("contacts", "Gone", status="ARCHIVED")
        page = opened(writer, "export-contacts")
        found = {name: str(row_of(page, name).match.badge) for name in names(page)}
        assert found == {
            "Gone": "Can't be used",
            "Linked": "Linked",
            "New": "New",
            "Same": "Will be linked",
            "Twice": "2 could be it",
        }
        assert "Linked Ltd" in text(page)

    def test_before_xero_was_read_nothing_is_called_new(self, writer: Client) -> None:
        account("Acme")
        assert str(row_of(opened(writer, "export-contacts"), "Acme").match.badge) == "Check tells"

    def test_the_chips_count_and_narrow(self, writer: Client) -> None:
        link(account("Acme"), "contacts")
        account("Bolt"), account("Core")
        page = opened(writer, "export-contacts")
        assert chips(page) == {"All": 3, "New": 2, "Already linked": 1, "Inactive here": 0}
        page = press(writer, opened(writer, "export-contacts", state="new"), "all")
        assert page.context["bar"].words == "2 accounts selected (all that match “New”)"
        assert chips(page) == {"All": 3, "New": 2, "Already linked": 1, "Inactive here": 0}

    def test_ids_from_a_list_elsewhere_are_ticked(self, writer: Client) -> None:
        first, second, _ = account("Acme"), account("Bolt"), account("Core")
        for method, ids in (("get", f"{first.uuid},{second.pk}"), ("post", [first.pk, second.uuid])):
            page = getattr(writer, method)(ACCOUNTS, {"ids": ids}, follow=True)
            assert page.context["bar"].words == "2 accounts selected"
            assert names(page) == ["Acme", "Bolt"]
            assert "This is what you selected." in text(page)
            assert len(names(press(writer, page, "list"))) == 3

    def test_ids_of_nothing_say_so(self, writer: Client) -> None:
        page = writer.get(ACCOUNTS, {"ids": "x"}, follow=True)
        assert "Nothing is selected. Tick at least one account." in text(page)

    def test_the_box_about_inactive_accounts_is_ticked_and_stays_as_it_is_left(self, writer: Client) -> None:
        account("Acme")
        page = opened(writer, "export-contacts")
        assert page.context["options"]["archive_inactive"].value() is True
        page = press(writer, page, "all", asked="yes")
        assert page.context["options"]["archive_inactive"].value() is False
        assert Draft.objects.get().options == {"archive_inactive": False}

    def test_names_stay_text(self, writer: Client) -> None:
        evil = "<img src=x onerror=alert(1)> {{7*7}}"
        account(evil), in_xero("contacts", evil)
        page = text(opened(writer, "export-contacts"))
        assert "<img src=x" not in page
        assert ">49<" not in page


class TestPasting:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        for name in ("Acme", "Bolt, Nut and Co", "Core"):
            account(name, code=name[:1] + "-1")
        return use_organisation()

    @pytest.mark.parametrize(
        ("pasted", "found", "missing"),
        [
            ("acme\ncore", 2, ""),
            ("Bolt, Nut and Co", 1, ""),
            ("a-1, c-1", 2, ""),
            ("Acme\r\nNobody\r\nX", 1, "Nobody, X."),
            ("Acme\nACME\nA-1", 1, ""),
            ("", 0, ""),
        ],
    )
    def test_a_list_selects_what_it_names_and_reports_the_rest(
        self, writer: Client, pasted: str, found: int, missing: str
    ) -> None:
        page = press(writer, opened(writer, "export-contacts"), "paste", paste=pasted)
        assert page.context["bar"].count == found
        assert (f"Not among the accounts that can be chosen: {missing}" in text(page)) == bool(missing)

    def test_it_adds_to_what_was_ticked(self, writer: Client) -> None:
        page = opened(writer, "export-contacts")
        keys = [row.choice.key for row in page.context["grid"].rows]
        assert press(writer, page, "paste", ids=keys[:1], paste="Core").context["bar"].count == 2

    def test_the_filters_of_the_list_do_not_hide_what_is_meant(self, writer: Client) -> None:
        page = press(writer, opened(writer, "export-contacts", text="Acme"), "paste", paste="Core")
        assert page.context["bar"].count == 1


class TestItems:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    def test_the_types_are_chosen_first(self, writer: Client) -> None:
        page = writer.get(ITEMS)
        assert "Discount types" in text(page)
        assert "grid" not in page.context
        page = writer.get(ITEMS, {"load": "types"})
        assert page.status_code == 400
        assert "Choose at least one type." in text(page)
        assert writer.get(ITEMS, {"kinds": "yacht"}).status_code == 400

    def test_one_type_or_several_are_listed(self, writer: Client) -> None:
        item("A"), item("B", "product"), item("C", "work_type")
        assert names(opened(writer, "export-items", kinds="service")) == ["A"]
        page = opened(writer, "export-items", kinds=["service", "product"])
        assert names(page) == ["A", "B"]
        page = press(writer, page, "all")
        assert page.context["bar"].words == "2 items selected (all that match products and services)"
        assert press(writer, page, "filter", text="b").context["bar"].is_other
        assert names(press(writer, page, "filter", text="b")) == ["B"]

    def test_each_item_tells_its_code_accounts_and_price(self, writer: Client, here: XeroConnection) -> None:
        from xero_sync.models import SyncOptions

        SyncOptions.objects.create(connection=here, sales_account="200", purchases_account="300")
        in_xero("account_codes", "Sales", key="200"), in_xero("account_codes", "Consulting", key="210")
        own = AccountCode.objects.create(code="210", name="Consulting")
        item("Cloud Backup for a very large office", income_account=own, unit_price=Decimal("12.3456"))
        item("Ten off", "discount_type", discount_value=Decimal(10))
        page = opened(writer, "export-items", kinds=["service", "discount_type"])
        backup, discount = (row_of(page, name) for name in names(page))
        assert backup.code_to_use == "Cloud Backup for a very large"
        assert (backup.income, backup.expense) == (
            {"name": "210 Consulting", "source": "the item's own"},
            {"name": "300", "source": "default in Setup"},
        )
        assert (discount.income["name"], discount.expense) == ("200 Sales", None)
        assert "12.3456" in text(page)

    def test_back_from_check_finds_types_and_ticks_again(self, writer: Client) -> None:
        item("A"), item("B", "product")
        job = to_check(writer, press(writer, opened(writer, "export-items", kinds=["service", "product"]), "all"))
        Job.objects.update(state=Job.State.CHECKED, checked_at=timezone.now())
        back = writer.get(writer.get(f"/finance/jobs/{job.number}/").context["wizard_url"])
        assert (back.context["bar"].count, back.context["bar"].is_other, names(back)) == (2, False, ["A", "B"])


class TestChartOfAccounts:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    def test_codes_are_found_by_text_and_type(self, writer: Client) -> None:
        AccountCode.objects.create(code="200", name="Sales", type="Revenue")
        AccountCode.objects.create(code="400", name="Travel", type="Expense")
        for asked, found in (({"text": "40"}, "400 Travel"), ({"text": "sal"}, "200 Sales"),
                             ({"type": "Expense"}, "400 Travel")):  # fmt: skip
            assert names(opened(writer, "export-account_codes", **asked)) == [found]

    def test_a_type_that_xero_lacks_says_what_it_becomes(self, writer: Client) -> None:
        in_xero("account_codes", "Bank fees", key="404")
        AccountCode.objects.create(code="400", name="Till", type="Credit Card")
        AccountCode.objects.create(code="404", name="Fees", type="Credit Card")
        page = opened(writer, "export-account_codes")
        assert row_of(page, "400 Till").notes == ["Xero has no type “Credit Card”: it becomes Other Income."]
        assert (row_of(page, "404 Fees").notes, row_of(page, "404 Fees").match.detail) == ([], "same code: Bank fees")

    def test_many_codes_are_told_to_take_their_time(self, writer: Client) -> None:
        AccountCode.objects.bulk_create(AccountCode(code=str(n), name=f"Code {n}") for n in range(100, 190))
        page = press(writer, opened(writer, "export-account_codes"), "all")
        assert page.context["bar"].forecast == "Xero takes one call each: about 2 minutes."


@pytest.mark.parametrize("name", ["export-contacts", "export-items", "export-account_codes"])
def test_a_list_costs_the_same_for_any_number_of_rows(writer: Client, name: str) -> None:
    use_organisation()

    def cost(number: int) -> int:
        for n in range(number):
            site(account(f"Account {n}"))
            item(f"Item {n}")
            AccountCode.objects.create(code=str(AccountCode.objects.count()), name=f"Code {n}")
        query = opened(writer, name, kinds="service").wsgi_request.GET.urlencode()
        with CaptureQueriesContext(database) as caught:
            assert writer.get(f"{opened(writer, name).request['PATH_INFO']}?{query}&rows=100").context["grid"].total
        return len(caught)

    few = cost(8)
    assert cost(80) == few


def test_chosen_accounts_end_in_xero(connection: XeroConnection, xero: Any, writer: Client) -> None:
    first = account("Bolt Ltd", code="B-1")
    site(first, billing_email="accounts@bolt.test")
    account("Core Ltd"), account("Left out")
    page = opened(writer, "export-contacts")
    keys = {str(row.record): row.choice.key for row in page.context["grid"].rows}
    job = run(to_check(writer, page, ids=[keys["Bolt Ltd"], keys["Core Ltd"]], asked="yes", archive_inactive="on"))
    assert job.options["archive_inactive"] is True
    page = text(writer.get(f"/finance/jobs/{job.number}/"))
    assert "This will create 2 contacts in Acme MSP Ltd." in page
    writer.post(f"/finance/jobs/{job.number}/send/")
    run(job)
    assert "2 contacts: 2 in Xero, 0 failed, 0 unknown." in text(writer.get(f"/finance/jobs/{job.number}/"))
    assert {"Bolt Ltd", "Core Ltd"} <= {each["name"] for each in xero.books()["contacts"]}
    assert chips(opened(writer, "export-contacts"))["Already linked"] == 2


def test_chosen_items_end_in_xero(connection: XeroConnection, xero: Any, writer: Client) -> None:
    item("Support", unit_price=Decimal(80)), item("Consulting", "work_type")
    job = run(to_check(writer, press(writer, opened(writer, "export-items", kinds=["service", "work_type"]), "all")))
    assert job.counts["total"] == 2
    writer.post(f"/finance/jobs/{job.number}/send/")
    run(job)
    assert {"Support", "Consulting"} <= {each["code"] for each in xero.books()["items"]}


def test_chosen_codes_end_in_xero(connection: XeroConnection, writer: Client) -> None:
    AccountCode.objects.create(code="951", name="Bonus income", type="Income")
    AccountCode.objects.create(code="200", name="Whatever we call it")
    job = run(to_check(writer, press(writer, opened(writer, "export-account_codes"), "all")))
    assert {row.label: row.outcome for row in job.rows.all()} == {
        "200 Whatever we call it": "link",
        "951 Bonus income": "create",
    }
    writer.post(f"/finance/jobs/{job.number}/send/")
    assert run(job).state == Job.State.COMPLETED
    assert set(XeroLink.objects.values_list("xero_number", flat=True)) == {"200", "951"}
