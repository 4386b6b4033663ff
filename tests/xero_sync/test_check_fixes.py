"""What is mended on the page of a check: decisions, accounts, codes, options; and trying a few first."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bmsxero.roles import Role
from finance import sample_data
from finance.models import AccountCode, Invoice, InvoiceLine, Item
from tests.conftest import ClientOf
from tests.records import account, invoice, tax
from tests.xero_sync.driving import check
from tests.xero_sync.pages import make_job, make_rows, run, text
from xero_sync import clock, fixes
from xero_sync.models import Job, SyncOptions, TaxMapping, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db


def page_of(client: Client, job: Job) -> str:
    return text(client.get(job.get_absolute_url(), follow=True))


def decide(client: Client, job: Job, **answers: str) -> Job:
    client.post(f"/finance/jobs/{job.number}/decide/", {f"choice:{name}": value for name, value in answers.items()})
    return run(Job.objects.get(pk=job.pk))


def fix(client: Client, job: Job, **posted: Any) -> Job:
    client.post(f"/finance/jobs/{job.number}/fix/", posted)
    return run(Job.objects.get(pk=job.pk))


def same_named_items(connection: XeroConnection, name: str) -> list[str]:
    """Let Xero have two items of a name, under codes that are not ours."""
    made = [
        XeroRecord.objects.create(
            tenant_id=connection.tenant_id,
            kind="items",
            xero_id=str(uuid4()),
            key=f"other-{number}",
            folded_name=name.casefold(),
            payload={"Name": name, "Code": f"OTHER-{number}", "ItemID": "x"},
            seen_at=timezone.now(),
        )
        for number in (1, 2)
    ]
    return [each.xero_id for each in made]


class TestDecisions:
    @pytest.fixture
    def item(self) -> Item:
        return Item.objects.create(name="Support", kind="service", code="SUP")

    @pytest.fixture
    def job(self, connection: XeroConnection, item: Item) -> Job:
        check({"all": True}, "items")
        same_named_items(connection, "Support")
        job = check({"all": True}, "items")
        assert job.counts["outcome"] == {"decide": 1}
        return job

    def test_each_candidate_can_be_chosen_on_the_page(self, writer: Client, job: Job, item: Item) -> None:
        page = page_of(writer, job)
        assert "Needs your decision" in page
        assert "None of these: create a new one" in page
        first = job.rows.get().candidates[0]
        assert f'value="{first[0]}"' in page
        job = decide(writer, job, **{f"items:{item.uuid}": first[0]})
        assert (job.rows.get().outcome, job.rows.get().xero_id) == ("link", first[0])
        assert "You decided about 1 record." in page_of(writer, job)
        assert "1 decision made. By finance user." in text(writer.get(f"/finance/jobs/{job.number}/log/"))

    @pytest.mark.parametrize(("answer", "outcome"), [("create", "create"), ("skip", "skip")])
    def test_it_can_be_made_anew_or_left_out(
        self, writer: Client, job: Job, item: Item, answer: str, outcome: str
    ) -> None:
        assert decide(writer, job, **{f"items:{item.uuid}": answer}).rows.get().outcome == outcome

    def test_decisions_are_taken_back(self, writer: Client, job: Job, item: Item) -> None:
        job = decide(writer, job, **{f"items:{item.uuid}": "create"})
        writer.post(f"/finance/jobs/{job.number}/decide/", {"forget": "all"})
        job = run(Job.objects.get(pk=job.pk))
        assert (job.choices, job.rows.get().outcome) == ({}, "decide")

    @pytest.mark.parametrize("answer", ["", "somebody-elses-id"])
    def test_an_answer_that_was_not_offered_changes_nothing(
        self, writer: Client, job: Job, item: Item, answer: str
    ) -> None:
        page = writer.post(
            f"/finance/jobs/{job.number}/decide/",
            {f"choice:items:{item.uuid}": answer, "choice:x:y": "skip"},
            follow=True,
        )
        assert "Nothing is decided." in text(page)
        assert Job.objects.get(pk=job.pk).choices == {}

    def test_two_accounts_of_a_contacts_name_ask_which_one_it_is(
        self, connection: XeroConnection, xero: Any, writer: Client
    ) -> None:
        name = xero.books()["contacts"][0]["name"]
        first, second = account(name, code="A-1"), account(name, code="A-2")
        job = run(_start(writer, "import-contacts", xero.books()["contacts"][0]["contact_id"]))
        page = page_of(writer, job)
        assert "A-1" in page
        row = job.rows.get()
        job = decide(writer, job, **{f"contacts:{row.record_key}": str(second.uuid)})
        writer.post(f"/finance/jobs/{job.number}/send/")
        run(job)
        assert XeroLink.objects.get(kind="contacts").local_id == second.uuid
        assert first.uuid != second.uuid

    def test_a_sent_job_takes_no_decision(self, writer: Client) -> None:
        job = make_job(Job.State.COMPLETED)
        for what in ("decide", "fix"):
            page = writer.post(f"/finance/jobs/{job.number}/{what}/", {"forget": "x", "what": "codes"}, follow=True)
            assert page.status_code == 200
        assert Job.objects.get(pk=job.pk).state == Job.State.COMPLETED

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPPORT])
    @pytest.mark.parametrize("what", ["decide", "fix"])
    def test_who_may_not_write_decides_nothing(self, client_of: ClientOf, role: Role, what: str) -> None:
        job = make_job()
        assert client_of(role).post(f"/finance/jobs/{job.number}/{what}/", {"forget": "x"}).status_code == 403


def _start(client: Client, wizard: str, *ids: str) -> Job:
    answer = client.post(f"/finance/xero/check/{wizard}/", {"ids": list(ids), "token": str(uuid4())})
    return Job.objects.get(pk=answer.headers["Location"].strip("/").split("/")[-1])


class TestAccounts:
    @pytest.fixture
    def backup(self, connection: XeroConnection) -> Item:
        SyncOptions.objects.update(sales_account="", purchases_account="300")
        for code, name in (("200", "Sales"), ("400", "Advertising")):
            AccountCode.objects.create(code=code, name=name)
        return Item.objects.create(name="Cloud Backup", kind="service")

    def test_items_without_an_income_account_get_one_in_place(self, writer: Client, backup: Item) -> None:
        Item.objects.create(name="Other", kind="service", income_account=AccountCode.objects.get(code="200"))
        job = check({"all": True}, "items")
        assert job.counts["outcome"] == {"create": 1, "fail": 1}
        (offered,) = fixes.of(job).accounts.items
        assert ([item.name for item in offered.items], [code.code for code in offered.codes]) == (
            ["Cloud Backup"],
            ["200"],
        )
        page = page_of(writer, job)
        assert "1 item has no usable income account" in page
        sales = AccountCode.objects.get(code="200")
        job = fix(writer, job, what="account", field="income_account", account=sales.pk)
        assert job.counts["outcome"] == {"create": 2}
        backup.refresh_from_db()
        assert backup.income_account == sales

    def test_the_items_of_failing_invoices_are_meant_too(self, writer: Client, backup: Item) -> None:
        made = invoice("INV-1", status="ready", price="10")
        InvoiceLine.objects.update(item=backup)
        job = check()
        assert job.rows.get(label=made.number).reason == "account_missing"
        job = fix(writer, job, what="account", field="income_account", account=AccountCode.objects.get(code="200").pk)
        assert job.rows.get(label=made.number).outcome == "create"

    @pytest.mark.parametrize("posted", [{"account": "400"}, {"account": ""}, {"account": "x"}, {"field": "uuid"}])
    def test_an_account_that_would_not_do_is_refused(
        self, writer: Client, backup: Item, posted: dict[str, str]
    ) -> None:
        job = check({"all": True}, "items")
        if posted.get("account") == "400":
            posted = {"account": str(AccountCode.objects.get(code="400").pk)}
        asked = {"what": "account", "field": "income_account", **posted}
        page = writer.post(f"/finance/jobs/{job.number}/fix/", asked, follow=True)
        assert "Nothing was changed." in text(page)
        backup.refresh_from_db()
        assert backup.income_account is None

    def test_checking_again_takes_a_new_default_from_setup(self, writer: Client, backup: Item) -> None:
        job = check({"all": True}, "items")
        SyncOptions.objects.update(sales_account="200")
        writer.post(f"/finance/jobs/{job.number}/recheck/")
        assert run(job).counts["outcome"] == {"create": 1}

    def test_a_code_that_xero_lacks_can_be_exported_from_there(self, writer: Client, backup: Item) -> None:
        backup.income_account = AccountCode.objects.create(code="951", name="Bonus")
        backup.save()
        job = check({"all": True}, "items")
        assert "Export account code 951" in page_of(writer, job)
        offered = fixes.of(job).accounts.missing
        assert offered
        assert writer.get(str(offered.url), follow=True).context["bar"].words == "1 account code selected"

    def test_an_admin_sets_the_default_there_for_all(self, client_of: ClientOf, backup: Item) -> None:
        bolt = account("Bolt")
        made = invoice("INV-1", of=bolt, status="ready")  # its line has no item
        InvoiceLine.objects.filter(invoice=invoice("INV-2", of=bolt, status="ready")).update(item=backup)
        job = check()
        admin = client_of(Role.ADMIN)
        assert "No default sales account is set." in page_of(admin, job)
        page = admin.post(
            f"/finance/jobs/{job.number}/fix/",
            {"what": "default", "name": "sales_account", "account": "200"},
            follow=True,
        )
        assert "200 Sales is the default sales account now. 2 invoices will now be created." in text(page)
        options = SyncOptions.objects.get()
        assert (options.sales_account, options.updated_by and options.updated_by.username) == ("200", Role.ADMIN)
        assert job.rows.get(label=made.number).outcome == "create"

    def test_nobody_else_sets_a_default(self, writer: Client, backup: Item) -> None:
        job = check({"all": True}, "items")
        assert "A finance admin can choose it here" in page_of(writer, job)
        posted = {"what": "default", "name": "sales_account", "account": "200"}
        assert writer.post(f"/finance/jobs/{job.number}/fix/", posted).status_code == 403
        assert SyncOptions.objects.get().sales_account == ""

    @pytest.mark.parametrize("posted", [{"account": "400"}, {"account": ""}, {"name": "status"}])
    def test_a_default_that_would_not_do_is_refused(
        self, client_of: ClientOf, backup: Item, posted: dict[str, str]
    ) -> None:
        job = check({"all": True}, "items")
        asked = {"what": "default", "name": "sales_account", "account": "200", **posted}
        page = client_of(Role.ADMIN).post(f"/finance/jobs/{job.number}/fix/", asked, follow=True)
        assert "Nothing was changed." in text(page)
        assert SyncOptions.objects.get().sales_account == ""


class TestTaxes:
    @pytest.fixture
    def job(self, connection: XeroConnection) -> Job:
        low = tax("Low", "5")
        TaxMapping.objects.create(tenant_id=connection.tenant_id, tax_rate=low, tax_type="OUTPUT2")
        invoice("INV-1", status="ready", tax=low)
        job = check()
        assert job.rows.get(requested=True).reason == "tax_rates_differ"
        return job

    def test_an_admin_matches_it_there(self, client_of: ClientOf, job: Job) -> None:
        admin = client_of(Role.ADMIN)
        page = page_of(admin, job)
        assert "“Low” is 5 % here and 20 % in Xero." in page
        assert 'href="#mend"' in page
        (fix,) = fixes.of(job).taxes
        assert [each.name for each in fix.same] == ["5% (VAT on Income)"]
        page = text(
            admin.post(
                f"/finance/jobs/{job.number}/fix/",
                {"what": "tax", "rate": fix.rate.pk, "tax_type": fix.same[0].xero_id, "here": "show=fail&magic=1"},
                follow=True,
            )
        )
        assert "stands for “5% (VAT on Income)” in Xero now. 1 invoice will now be created." in page
        assert re.search(r'show=fail[^"]*" aria-current="page"', page)

    def test_it_is_left_to_matching_again(self, client_of: ClientOf, job: Job) -> None:
        (fix,) = fixes.of(job).taxes
        posted = {"what": "tax", "rate": fix.rate.pk, "tax_type": "match"}
        client_of(Role.ADMIN).post(f"/finance/jobs/{job.number}/fix/", posted)
        assert not TaxMapping.objects.exists()
        assert job.rows.get(requested=True).outcome == "create"

    def test_another_wrong_rate_is_told(self, client_of: ClientOf, job: Job) -> None:
        (fix,) = fixes.of(job).taxes
        other = next(each.xero_id for each in fix.others if each.xero_id != "OUTPUT2")
        posted = {"what": "tax", "rate": fix.rate.pk, "tax_type": other}
        page = client_of(Role.ADMIN).post(f"/finance/jobs/{job.number}/fix/", posted, follow=True)
        assert "1 invoice still can&#x27;t go, for another reason." in text(page)

    @pytest.mark.parametrize("tax_type", ["", "INPUT2", "magic"])
    def test_a_rate_that_was_not_offered_changes_nothing(self, client_of: ClientOf, job: Job, tax_type: str) -> None:
        (fix,) = fixes.of(job).taxes
        posted = {"what": "tax", "rate": fix.rate.pk, "tax_type": tax_type}
        page = client_of(Role.ADMIN).post(f"/finance/jobs/{job.number}/fix/", posted, follow=True)
        assert "Nothing was changed." in text(page)

    def test_nobody_else_matches_taxes(self, writer: Client, job: Job) -> None:
        assert "A finance admin can match it here" in page_of(writer, job)
        (fix,) = fixes.of(job).taxes
        posted = {"what": "tax", "rate": fix.rate.pk, "tax_type": fix.same[0].xero_id}
        assert writer.post(f"/finance/jobs/{job.number}/fix/", posted).status_code == 403


class TestLeavingOut:
    @pytest.fixture
    def job(self, connection: XeroConnection) -> Job:
        bolt = account("Bolt")
        for number in range(3):
            invoice(f"INV-{number}", of=bolt, status="ready")
        invoice("INV-VOID", of=bolt, status="void")
        invoice("INV-DRAFT", of=bolt, status="draft")
        return check({"ids": [str(uuid) for uuid in Invoice.objects.values_list("uuid", flat=True)]})

    def outcomes(self, job: Job) -> dict[str, str]:
        return dict(job.rows.filter(requested=True).values_list("label", "outcome"))

    def test_a_row_is_left_out_and_put_back_on_the_same_tab(self, writer: Client, job: Job) -> None:
        row = job.rows.get(label="INV-1")
        answer = writer.post(f"/finance/jobs/{job.number}/leave/", {"leave": row.record_key, "here": "show=create"})
        assert answer.url == f"/finance/jobs/{job.number}/?show=create#rows"  # type: ignore[attr-defined]
        page = page_of(writer, job)
        assert "1 invoice left out. 1 invoice is skipped now." in page
        assert "You left out 1 record." in page
        assert "This will create 2 invoices" in page
        assert self.outcomes(job)["INV-1"] == "skip"
        assert "1 invoice left out. By finance user." in text(writer.get(f"/finance/jobs/{job.number}/log/"))
        writer.post(f"/finance/jobs/{job.number}/leave/", {"back": row.record_key})
        assert "1 record put back. 1 invoice will now be created." in page_of(writer, job)
        assert self.outcomes(job)["INV-1"] == "create"

    def test_a_group_is_left_out_and_all_is_put_back(self, writer: Client, job: Job) -> None:
        before = self.outcomes(job)
        writer.post(f"/finance/jobs/{job.number}/fix/", {"fix": "leave_group", "reason": "wrong_status"})
        assert self.outcomes(job) == before | {"INV-VOID": "skip", "INV-DRAFT": "skip"}
        writer.post(f"/finance/jobs/{job.number}/fix/", {"what": "all_back"})
        assert self.outcomes(job) == before

    def test_what_is_left_out_is_not_sent_and_nothing_failed(self, writer: Client, job: Job) -> None:
        writer.post(f"/finance/jobs/{job.number}/fix/", {"fix": "leave_group", "reason": "wrong_status"})
        writer.post(f"/finance/jobs/{job.number}/send/")
        job = run(job)
        assert (job.state, job.counts["state"]) == (Job.State.COMPLETED, {"succeeded": 3, "skipped": 2})

    def test_nothing_to_leave_out_changes_nothing(self, writer: Client, job: Job) -> None:
        for posted in ({"leave": "magic"}, {"back": "magic"}, {}):
            page = writer.post(f"/finance/jobs/{job.number}/leave/", posted, follow=True)
            assert "Nothing was changed." in text(page)

    def test_a_payment_is_left_out_by_a_whole_check(self, connection: XeroConnection, writer: Client) -> None:
        job = make_job(kind="payments", direction="import")
        (row,) = make_rows(job)
        answer = writer.post(
            f"/finance/jobs/{job.number}/leave/", {"leave": row.record_key}, headers={"HX-Request": "true"}
        )
        assert answer.headers["HX-Redirect"] == f"/finance/jobs/{job.number}/"
        job.refresh_from_db()
        assert (job.state, job.choices) == (Job.State.CHECKING, {f"payments:{row.record_key}": "skip"})

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPPORT])
    def test_readers_are_offered_nothing_to_press(self, client_of: ClientOf, role: Role, job: Job) -> None:
        client = client_of(role)
        assert "Leave out" not in page_of(client, job)
        assert client.post(f"/finance/jobs/{job.number}/leave/", {"leave": "x"}).status_code == 403


class TestNumbers:
    @pytest.fixture
    def job(self) -> Job:
        made = invoice("INV-1", status="ready")
        invoice("INV-2", status="draft")
        job = make_job(options={"status": "DRAFT", "invoice_number": "bms_number"})
        make_rows(job, outcome="fail", reason="number_taken", label="INV-1", record_key=str(made.uuid))
        return job

    def change(self, client: Client, job: Job, number: str) -> str:
        key = job.rows.get().record_key
        posted = {"what": "number", "record": key, "number": number}
        return text(client.post(f"/finance/jobs/{job.number}/fix/", posted, follow=True))

    def test_an_invoice_gets_another_number_and_xero_is_asked_about_it(self, writer: Client, job: Job) -> None:
        page = page_of(writer, job)
        assert "Another number for INV-1" in page
        assert "Let Xero number the invoices of this run" in page
        page = self.change(writer, job, " INV-1A ")
        assert "INV-1 is called INV-1A now." in page
        assert "so everything is being checked again." in page
        assert Invoice.objects.filter(number="INV-1A").exists()

    @pytest.mark.parametrize(
        ("number", "why"),
        [("inv-2", "another invoice here is called inv-2"), ("", "type a number"), ("INV\u20ac", "type a number")],
    )
    def test_a_number_that_would_not_do_says_why(self, writer: Client, job: Job, number: str, why: str) -> None:
        assert why in self.change(writer, job, number)
        assert Invoice.objects.filter(number="INV-1").exists()


def test_colliding_codes_take_the_suggested_ones_at_one_press(connection: XeroConnection, writer: Client) -> None:
    for _ in range(2):
        Item.objects.create(name="Support", kind="service", code="SUP")
    job = check({"all": True}, "items")
    assert job.counts["outcome"] == {"create": 1, "decide": 1}
    assert "Apply all suggested codes" in page_of(writer, job)
    job = fix(writer, job, what="codes")
    assert job.counts["outcome"] == {"create": 2}


def test_a_locked_period_is_sent_as_draft_at_one_press(connection: XeroConnection, xero: Any, writer: Client) -> None:
    xero.control("organisation", period_lock_date="2026-11-30")
    XeroConnection.objects.update(organisation_read_at=clock.now() - timedelta(hours=1))
    invoice("INV-1", status="ready", date=date(2026, 11, 2))
    job = check(status="AUTHORISED")
    assert job.rows.get(label="INV-1").reason == "locked_period"
    assert "Send as Draft" in page_of(writer, job)
    job = fix(writer, job, fix="option:draft")
    assert (job.options["status"], job.rows.get(label="INV-1").outcome) == ("DRAFT", "create")


def test_an_unknown_fix_changes_nothing(writer: Client) -> None:
    job = make_job()
    make_rows(job)
    for posted in ({}, {"what": "magic"}, {"fix": "option:magic"}):
        assert "Nothing was changed." in text(writer.post(f"/finance/jobs/{job.number}/fix/", posted, follow=True))
    assert Job.objects.get(pk=job.pk).state == Job.State.CHECKED


class TestTrial:
    def test_the_first_five_go_and_the_rest_can_follow(
        self, connection: XeroConnection, writer: Client, today: date
    ) -> None:
        sample_data.create(sample_data.Size(8, 8, 8), today=today)
        job = check()
        assert "Try the first 5" in page_of(writer, job)
        writer.post(f"/finance/jobs/{job.number}/send/", {"try": "first"})
        job = run(job)
        assert job.counts["state"] == {"succeeded": 5, "skipped": 3}
        assert job.state == Job.State.COMPLETED
        sent = Invoice.objects.filter(uuid__in=XeroLink.objects.filter(kind="invoices").values("local_id"))
        assert XeroLink.objects.filter(kind="contacts").count() == sent.values("account").distinct().count()
        page = page_of(writer, job)
        assert "Send the rest (3)" in page
        rest = Job.objects.get(pk=writer.post(f"/finance/jobs/{job.number}/retry/").url.strip("/").split("/")[-1])
        assert run(rest).counts["outcome"] == {"create": 3}

    def test_it_is_not_offered_for_few(self, writer: Client) -> None:
        job = make_job()
        make_rows(job, 5)
        assert "Try the first" not in page_of(writer, job)
        make_rows(job, 1)
        assert "Try the first 5" in page_of(writer, job)


class TestAfter:
    def test_an_import_leads_to_what_it_made(self, reader: Client) -> None:
        job = make_job(Job.State.COMPLETED, kind="contacts", direction="import")
        make_rows(job, 37, state="succeeded", how="created")
        page = page_of(reader, job)
        assert "View the 37 new accounts" in page
        assert f"/crm/accounts/?job={job.number}" in page

    def test_an_export_leads_to_xeros_list(self, reader: Client) -> None:
        job = make_job(Job.State.COMPLETED, kind="contacts")
        make_rows(job, 2, state="succeeded", how="created")
        page = page_of(reader, job)
        assert "See Contacts in Xero" in page
        assert "Show transactions" in page


def test_the_page_of_a_check_costs_the_same_for_any_number_of_problems(
    connection: XeroConnection, writer: Client
) -> None:
    SyncOptions.objects.update(sales_account="")

    def cost(number: int) -> int:
        for n in range(number):
            Item.objects.create(name=f"Item {number} {n}", kind="service")
        job = check({"all": True}, "items")
        with CaptureQueriesContext(database) as caught:
            page_of(writer, job)
        return len(caught)

    few = cost(3)
    assert cost(30) == few
