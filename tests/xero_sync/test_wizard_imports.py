"""The wizards that import contacts, the chart of accounts and items: load, select, destination, check, import."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.models import Account
from finance.models import AccountCode, Item
from tests.records import account
from tests.xero_sync.pages import make_job, run, text, use_organisation
from tests.xero_sync.wizard_pages import chips, opened, press, to_check
from xero_sync import mirror
from xero_sync.models import Draft, Job, MirrorStamp, XeroConnection, XeroLink, XeroRecord
from xero_sync.wizards import IMPORTS, WIZARDS

pytestmark = pytest.mark.django_db
ACCOUNTS = "/finance/xero/import/accounts/"
DESTINATION = "/finance/xero/import/items/options/"


def read(*kinds: str) -> None:
    for kind in kinds or ("contacts", "account_codes", "items", "tax_rates"):
        MirrorStamp.objects.get_or_create(tenant_id="here", kind=kind, defaults={"complete_at": timezone.now()})


def remote(kind: str, name: str, key: str = "", status: str = "ACTIVE", **payload: Any) -> XeroRecord:
    read()
    changed = payload.pop("changed", timezone.now())
    return XeroRecord.objects.create(
        tenant_id="here",
        kind=kind,
        xero_id=str(uuid4()),
        key=key,
        folded_name=name.casefold(),
        status=status,
        updated_utc=changed,
        seen_at=timezone.now(),
        payload={"Name": name, "Code": key, **payload},
    )


def shown(page: Any) -> list[str]:
    return [row.record.payload["Name"] for row in page.context["grid"].rows]


def load_all(connection: XeroConnection, client: Client, name: str) -> Any:
    """Press the Load button, let a worker read, and open the list."""
    wizard = WIZARDS[name]
    page = client.post(f"{wizard.url}load/", follow=True)
    assert "Reading" in text(page)
    for kind in wizard.reads:
        mirror.read_wanted(connection.pk, kind)
    return client.get(page.wsgi_request.get_full_path())


class TestLoad:
    @pytest.mark.parametrize(
        ("name", "button"),
        [
            ("import-contacts", "Load Xero Contacts"),
            ("import-account_codes", "Load Xero Accounts"),
            ("import-items", "Load Xero Items"),
        ],
    )
    def test_the_button_has_the_vendors_words_also_when_all_was_read(
        self, writer: Client, name: str, button: str
    ) -> None:
        use_organisation()
        assert button in text(writer.get(WIZARDS[name].url))
        read()
        page = text(writer.get(WIZARDS[name].url))
        assert button in page
        assert "Xero was last read just now" in page

    def test_filters_go_along_with_loading(self, writer: Client) -> None:
        use_organisation()
        page = writer.post(f"{ACCOUNTS}load/", {"text": "bolt", "who": "customers", "archived": "on"}, follow=True)
        asked = page.wsgi_request.GET
        assert (asked["text"], asked["who"], asked["archived"]) == ("bolt", "customers", "on")
        assert "Reading contacts from Xero." in text(page)

    def test_a_date_that_is_none_is_told_at_the_field(self, writer: Client) -> None:
        use_organisation()
        page = writer.post(f"{ACCOUNTS}load/", {"modified_since": "yesterday"})
        assert page.status_code == 400
        assert "This is no date." in text(page)
        assert not MirrorStamp.objects.exists()

    def test_the_chooser_tells_what_is_new_and_when_it_last_ran(self, writer: Client) -> None:
        here = use_organisation()
        assert text(writer.get("/finance/xero/import/")).count("Not read from Xero yet") == 4
        remote("contacts", "Acme"), remote("contacts", "Bolt")
        job = make_job(Job.State.COMPLETED, connection=here, kind="contacts", direction="import")
        page = text(writer.get("/finance/xero/import/"))
        assert "2 new in Xero" in page
        assert f"Job {job.number}" in page
        assert "/finance/xero/import-payments/" in page


class TestSelect:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, ["Acme", "Bolt"]),
            ({"text": "acm"}, ["Acme"]),
            ({"text": "b-1"}, ["Bolt"]),
            ({"who": "suppliers"}, ["Bolt"]),
            ({"archived": "on"}, ["Acme", "Bolt", "Gone"]),
            ({"modified_since": "2026-11-10"}, ["Bolt"]),
            ({"modified_since": "2026-11-09"}, ["Acme", "Bolt"]),
        ],
    )
    def test_contacts_are_found_by(self, writer: Client, asked: dict[str, str], found: list[str]) -> None:
        remote("contacts", "Acme", IsCustomer=True, changed=datetime(2026, 11, 9, 12, tzinfo=UTC))
        remote("contacts", "Bolt", AccountNumber="B-1", IsSupplier=True)
        remote("contacts", "Gone", status="ARCHIVED", changed=datetime(2026, 11, 1, tzinfo=UTC))
        page = opened(writer, "import-contacts", **asked)
        assert shown(page) == found
        again = writer.get(WIZARDS["import-contacts"].address(WIZARDS["import-contacts"].filters(
            page.wsgi_request.GET, XeroConnection.objects.get()) or {}, draft=str(uuid4())))  # fmt: skip
        assert shown(again) == found

    def test_only_what_changed_since_the_last_import(self, writer: Client, here: XeroConnection) -> None:
        remote("contacts", "Old", changed=timezone.now() - timedelta(days=3))
        make_job(Job.State.COMPLETED, connection=here, kind="contacts", direction="import")
        remote("contacts", "New", changed=timezone.now() + timedelta(seconds=1))
        assert shown(opened(writer, "import-contacts", since_last="on")) == ["New"]

    def test_each_contact_tells_what_it_is(self, writer: Client) -> None:
        remote("tax_rates", "VAT 20%")
        XeroRecord.objects.filter(kind="tax_rates").update(xero_id="OUTPUT2")
        ours = account("Acme Ltd")
        theirs = remote(
            "contacts", "Acme", AccountNumber="A-1", EmailAddress="a@acme.test", AccountsReceivableTaxType="OUTPUT2"
        )
        XeroLink.objects.create(tenant_id="here", kind="contacts", local_id=ours.uuid, xero_id=theirs.xero_id)
        page = text(opened(writer, "import-contacts"))
        for words in ("A-1", "a@acme.test", "GBP", "VAT 20%", "Active", "Acme Ltd"):
            assert words in page

    def test_chips_tell_new_linked_changed_and_archived_apart(self, writer: Client) -> None:
        now = timezone.now()
        for name, seen in (("Same", now), ("Changed", now - timedelta(days=1))):
            theirs = remote("contacts", name, changed=now - timedelta(hours=1))
            XeroLink.objects.create(
                tenant_id="here", kind="contacts", local_id=account(name).uuid, xero_id=theirs.xero_id, last_seen=seen
            )
        remote("contacts", "New"), remote("contacts", "Gone", status="ARCHIVED")
        page = opened(writer, "import-contacts", archived="on")
        assert chips(page) == {"All": 4, "New": 1, "Changed in Xero": 1, "Already linked": 1, "Archived": 1}
        assert shown(opened(writer, "import-contacts", state="changed")) == ["Changed"]

    def test_system_and_bank_accounts_are_marked(self, writer: Client) -> None:
        remote("account_codes", "Debtors", "610", Type="CURRENT", SystemAccount="DEBTORS")
        remote("account_codes", "Business account", "090", Type="BANK")
        remote("account_codes", "Sales", "200", Type="REVENUE")
        page = opened(writer, "import-account_codes")
        assert "System account: Xero runs it itself" in text(page)
        assert "Bank account" in text(page)
        assert shown(opened(writer, "import-account_codes", type="REVENUE")) == ["Sales"]

    def test_items_are_found_by_what_they_are(self, writer: Client) -> None:
        remote("items", "Router", "r1", IsTrackedAsInventory=True, IsSold=True)
        remote("items", "Support", "s1", IsSold=True, SalesDetails={"UnitPrice": "80.5000", "AccountCode": "200"})
        assert shown(opened(writer, "import-items", which="tracked")) == ["Router"]
        assert shown(opened(writer, "import-items", text="s1")) == ["Support"]
        assert "80.50" in text(opened(writer, "import-items"))

    def test_numbers_and_names_can_be_pasted(self, writer: Client) -> None:
        remote("contacts", "Acme", AccountNumber="A-1"), remote("contacts", "Bolt"), remote("contacts", "Core")
        page = press(writer, opened(writer, "import-contacts"), "paste", paste="a-1\nBOLT\nNobody")
        assert page.context["bar"].words == "2 contacts selected"
        assert "Not among the contacts that can be chosen: Nobody." in text(page)

    @pytest.mark.parametrize("wizard", IMPORTS, ids=lambda wizard: wizard.name)
    def test_the_list_costs_the_same_for_any_number_of_rows(self, writer: Client, wizard: Any) -> None:
        def cost(number: int) -> int:
            for n in range(number):
                remote(wizard.kind, f"Record {n}", key=f"k{n}")
            query = opened(writer, wizard.name).wsgi_request.GET.urlencode()
            with CaptureQueriesContext(database) as caught:
                assert writer.get(f"{wizard.url}?{query}&rows=100").context["grid"].total >= number
            return len(caught)

        few = cost(6)
        assert cost(60) == few
        assert few <= 16


class TestDestination:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    def chosen(self, writer: Client, number: int = 3) -> Any:
        for n in range(number):
            remote("items", f"Item {n:03}", f"i{n:03}", IsTrackedAsInventory=n == 0)
        return press(writer, press(writer, opened(writer, "import-items"), "all"), "next")

    def test_it_suggests_by_what_is_tracked(self, writer: Client) -> None:
        page = self.chosen(writer)
        assert [row.record.suggested for row in page.context["grid"].rows] == ["Product", "Service", "Service"]
        assert "What fits: tracked items become products, the others services" in text(page)

    def test_answers_for_rows_stay_when_another_page_is_shown(self, writer: Client) -> None:
        page = self.chosen(writer, 60)
        first = page.context["grid"].rows[0].record.xero_id
        form = {
            "draft": str(page.context["draft"]),
            "back_to": page.wsgi_request.GET.urlencode(),
            "asked": "yes",
            "default": "work_type",
            "bring_account_codes": "on",
            f"row-{first}": "expense_type",
            "go": f"?{page.wsgi_request.GET.urlencode()}&page=2",
        }
        second = writer.post(DESTINATION, form, follow=True)
        assert second.context["grid"].page.number == 2
        assert Draft.objects.get().options == {
            "destination": {"default": "work_type", "rows": {first: "expense_type"}},
            "bring_account_codes": True,
        }
        last = second.context["grid"].rows[-1].record.xero_id
        check = {name: form[name] for name in ("draft", "asked", "default")} | {f"row-{last}": "product"}
        answer = writer.post("/finance/xero/check/import-items/", check | {"token": str(uuid4())})
        job = Job.objects.get(pk=answer.headers["Location"].strip("/").split("/")[-1])
        assert job.options["destination"] == {
            "default": "work_type",
            "rows": {first: "expense_type", last: "product"},
        }
        assert job.options["bring_account_codes"] is False

    def test_a_kind_that_is_none_is_refused(self, writer: Client) -> None:
        page = self.chosen(writer)
        form = {"draft": str(page.context["draft"]), "asked": "yes", "default": "yacht"}
        assert writer.post("/finance/xero/check/import-items/", form).status_code == 400
        assert not Job.objects.exists()

    def test_names_stay_text(self, writer: Client) -> None:
        remote("items", "<b>x</b>{{7*7}}", '"><script>alert(1)</script>')
        page = press(writer, press(writer, opened(writer, "import-items"), "all"), "next")
        for words in ("<b>x", "<script>alert", ">49<"):
            assert words not in text(page)


def imported(writer: Client, job: Job) -> Job:
    writer.post(f"/finance/jobs/{job.number}/send/")
    return run(job)


def test_contacts_become_accounts(connection: XeroConnection, writer: Client) -> None:
    page = load_all(connection, writer, "import-contacts")
    assert page.context["grid"].total
    job = run(to_check(writer, press(writer, page, "all")))
    assert job.counts["total"] == page.context["grid"].total
    assert f"This will import {job.counts['total']} contacts from Acme MSP Ltd" in text(
        writer.get(job.get_absolute_url())
    )
    imported(writer, job)
    assert Account.objects.count() == job.counts["total"]
    assert chips(opened(writer, "import-contacts"))["New"] == 0


def test_the_chart_becomes_account_codes(connection: XeroConnection, writer: Client) -> None:
    page = load_all(connection, writer, "import-account_codes")
    job = imported(writer, run(to_check(writer, press(writer, page, "all"))))
    assert AccountCode.objects.filter(code="200").exists()
    assert job.counts["total"] == page.context["grid"].total


def test_items_become_what_was_chosen(connection: XeroConnection, xero: Any, writer: Client) -> None:
    page = load_all(connection, writer, "import-items")
    total = page.context["grid"].total
    assert total >= 2
    options = press(writer, press(writer, page, "all"), "next")
    special = options.context["grid"].rows[0].record
    form = {"draft": str(options.context["draft"]), "asked": "yes", "default": "service", "token": str(uuid4())}
    answer = writer.post("/finance/xero/check/import-items/", form | {f"row-{special.xero_id}": "product"})
    job = imported(writer, run(Job.objects.get(pk=answer.headers["Location"].strip("/").split("/")[-1])))
    assert job.counts["total"] == total
    kinds = list(Item.objects.values_list("kind", flat=True))
    assert (kinds.count("product"), kinds.count("service")) == (1, total - 1)
