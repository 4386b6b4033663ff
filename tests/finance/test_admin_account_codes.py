"""Admin > Finance > Account Codes."""

from __future__ import annotations

from typing import ClassVar

import pytest
from django.test import Client

from finance.models import AccountCode
from tests.finance.admin_pages import AT, assert_constant, boss, csv_rows, names, organisation, text
from tests.records import account_code, item
from xero_sync.models import Job, JobRow, XeroLink

__all__ = ["boss"]
pytestmark = pytest.mark.django_db
LIST = f"{AT}account-codes/"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "cons"}, ["210 Consulting"]),
        ({"q": "20"}, ["200 Sales"]),
        ({"type": "Expense"}, ["400 Rent"]),
        ({"active": "no"}, ["400 Rent"]),
        ({"xero": "in_xero"}, ["200 Sales"]),
        ({"xero": "not_sent"}, ["210 Consulting", "400 Rent"]),
        ({"sort": "-name"}, ["200 Sales", "400 Rent", "210 Consulting"]),
        ({"sort": "-used_by"}, ["210 Consulting", "400 Rent", "200 Sales"]),
    ],
)
def test_codes_are_found_filtered_and_sorted(reader: Client, query: dict[str, str], found: list[str]) -> None:
    organisation()
    linked = account_code()
    XeroLink.objects.create(tenant_id="t-1", kind="account_codes", local_id=linked.uuid, xero_id="a-200")
    item(income_account=account_code("210", "Consulting"))
    account_code("400", "Rent", type="Expense", active=False)
    assert names(reader.get(LIST, query)) == found


def test_an_item_with_a_code_for_both_uses_counts_once(reader: Client) -> None:
    made = account_code()
    item(income_account=made, expense_account=made)
    page = text(reader.get(LIST))
    assert "1 item</a>" in page


def test_the_list_asks_as_often_for_many(reader: Client) -> None:
    assert_constant(reader, f"{LIST}?rows=100", lambda n: item(income_account=account_code(f"{n}", f"Code {n}")), 8)


def test_the_record_asks_as_often_for_many(reader: Client) -> None:
    made = account_code()
    assert_constant(reader, made.get_absolute_url(), lambda n: item(f"Item {n}", income_account=made), 14)


def test_an_empty_list_leads_on(reader: Client, boss: Client) -> None:
    assert "No account codes yet" in text(boss.get(LIST))
    assert f'href="{LIST}new/"' in text(boss.get(LIST))
    assert f'href="{LIST}new/"' not in text(reader.get(LIST))
    account_code()
    assert "Nothing matches" in text(reader.get(LIST, {"q": "zzz"}))


def test_csv_holds_all_that_match(reader: Client) -> None:
    for number in range(60):
        account_code(f"{number}", f"Code {number}")
    rows = csv_rows(reader.get(f"{AT}account-codes.csv", {"q": "code", "rows": "25"}))
    assert len(rows) == 60
    assert rows[0] | {"Code": "0", "Name": "Code 0", "Type": "Sale", "State": "Active", "Used by": "0"} == rows[0]


class TestEdit:
    FILLED: ClassVar = {"code": "210", "name": "Consulting", "type": "Revenue", "active": "on"}

    def test_a_code_is_added(self, boss: Client) -> None:
        answer = boss.post(f"{LIST}new/", self.FILLED)
        made = AccountCode.objects.get()
        assert answer.headers["Location"] == made.get_absolute_url()
        assert (made.code, made.type) == ("210", "Revenue")

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            ({"code": "sal"}, "Choose another."),
            ({"code": "12345678901"}, "at most 10 characters"),
            ({"code": ""}, "This field is required."),
            ({"name": "x" * 151}, "at most 150 characters"),
            ({"type": "Nonsense"}, "not one of the available choices"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_saved(self, boss: Client, data: dict[str, str], says: str) -> None:
        account_code("SAL")
        page = text(boss.post(f"{LIST}new/", self.FILLED | data))
        assert says in page
        assert "<title>Error: New account code" in page
        assert AccountCode.objects.count() == 1

    def test_what_changed_is_in_the_history(self, boss: Client) -> None:
        made = account_code()
        boss.post(f"{LIST}{made.pk}/edit/", self.FILLED)
        page = text(boss.get(made.get_absolute_url()))
        assert "<del>Sales</del>" in page
        assert "<ins>Consulting</ins>" in page

    def test_a_new_code_is_warned_of_where_xero_has_the_old_one(self, boss: Client) -> None:
        organisation()
        made = account_code()
        XeroLink.objects.create(
            tenant_id="t-1", kind="account_codes", local_id=made.uuid, xero_id="a-200", xero_number="200"
        )
        page = text(boss.post(f"{LIST}{made.pk}/edit/", self.FILLED, follow=True))
        assert "Xero still calls it 200." in page

    def test_a_code_is_deactivated_and_activated(self, boss: Client) -> None:
        made = account_code()
        assert "200 Sales is inactive now." in text(
            boss.post(f"{LIST}{made.pk}/active/", {"active": "no"}, follow=True)
        )
        boss.post(f"{LIST}{made.pk}/active/", {"active": "yes"})
        made.refresh_from_db()
        assert made.active
        assert boss.post(f"{LIST}{made.pk}/active/", {"active": "maybe"}).status_code == 400


class TestDelete:
    def test_an_unused_code_is_deleted_with_its_link(self, boss: Client) -> None:
        made = account_code()
        XeroLink.objects.create(tenant_id="t-1", kind="account_codes", local_id=made.uuid, xero_id="a-200")
        assert "Delete 200 Sales?" in text(boss.get(f"{LIST}{made.pk}/delete/"))
        answer = boss.post(f"{LIST}{made.pk}/delete/")
        assert answer.headers["Location"] == LIST
        assert not AccountCode.objects.exists()
        assert not XeroLink.objects.exists()

    def test_a_code_in_use_cannot_be_deleted_and_says_where_it_is(self, boss: Client) -> None:
        made = account_code()
        item(income_account=made)
        item("Dock", expense_account=made)
        item("Support", "work_type", income_account=made)
        answer = boss.post(f"{LIST}{made.pk}/delete/")
        assert answer.status_code == 400
        page = text(answer)
        assert f'<a href="{AT}products/?account={made.pk}">2 products</a>' in page
        assert "1 work type</a>" in page
        assert names(boss.get(f"{AT}products/?account={made.pk}")) == ["Dock", "Laptop"]
        assert AccountCode.objects.exists()

    def test_a_code_that_a_job_has_in_hand_cannot_be_deleted(self, boss: Client) -> None:
        made = account_code()
        job = Job.objects.create(kind="account_codes", direction="export", connection=organisation(), tenant_id="t-1")
        JobRow.objects.create(
            job=job, tenant_id="t-1", kind="account_codes", record_key=str(made.uuid), record_id=made.pk, state="sent"
        )
        assert f"Job {job.pk}, which has not ended" in text(boss.post(f"{LIST}{made.pk}/delete/"))
        assert AccountCode.objects.exists()

    def test_a_viewer_sees_no_buttons_to_change_anything(self, reader: Client) -> None:
        page = text(reader.get(account_code().get_absolute_url()))
        assert "Edit" not in page
        assert "Delete" not in page
