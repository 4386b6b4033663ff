"""Setup > Options: what can be chosen, what is refused, what the page promises."""

from __future__ import annotations

import html
from datetime import date
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from bmsxero.roles import Role
from finance.models import Invoice
from tests.conftest import ClientOf
from tests.records import invoice
from tests.xero_sync.conftest import connect
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import organisation
from xero_sync.books import Books, RunOptions
from xero_sync.forms import OptionsForm
from xero_sync.models import SyncOptions, XeroConnection

pytestmark = pytest.mark.django_db
OPTIONS = "/finance/xero/setup/options/"
CHOSEN = {
    "sales_account": "200",
    "purchases_account": "300",
    "inventory_account": "630",
    "invoice_number": "bms_number",
    "due_date": "bms_due_date",
    "po_in_reference": "True",
    "keep_contacts": "True",
    "status": "DRAFT",
    "non_taxable_tax_type": "NONE",
}


@pytest.fixture
def me(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


def text(answer: HttpResponse) -> str:
    return " ".join(html.unescape(answer.content.decode()).split())


def form(connection: XeroConnection, data: dict[str, Any] | None = None) -> OptionsForm:
    return OptionsForm(data, instance=connection.options, books=Books(connection, RunOptions()))


def codes(of: OptionsForm, name: str) -> list[str]:
    return list(of.offered[name])


def test_saving_marks_the_options_as_looked_at(me: Client, connection: XeroConnection) -> None:
    assert "Suggested by us: please check" in text(me.get(OPTIONS))
    answer = me.post(OPTIONS, CHOSEN | {"status": "AUTHORISED", "keep_contacts": "False"}, follow=True)
    assert "Options saved." in text(answer)
    assert "Suggested by us" not in text(answer)
    assert "Last saved by finance admin" in text(answer)
    saved = SyncOptions.objects.get()
    assert (saved.status, saved.keep_contacts, saved.suggested) == ("AUTHORISED", False, False)
    assert str(saved.updated_by) == Role.ADMIN


def test_each_account_is_offered_by_type_and_none_that_xero_runs_itself(connection: XeroConnection) -> None:
    made = form(connection)
    books = Books(connection, RunOptions())
    for name, kinds in {
        "sales_account": {"REVENUE", "SALES", "OTHERINCOME"},
        "purchases_account": {"EXPENSE", "OVERHEADS", "DIRECTCOSTS"},
        "inventory_account": {"INVENTORY"},
    }.items():
        offered = [books.accounts[code].payload for code in codes(made, name)]
        assert {each["Type"] for each in offered} <= kinds
        assert not any(each.get("SystemAccount") for each in offered)
    assert codes(made, "inventory_account") == ["630"]
    assert "200 Sales" in made.offered["sales_account"].values()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sales_account", "300"),
        ("sales_account", "610"),
        ("sales_account", "typed by hand"),
        ("sales_account", ""),
        ("purchases_account", "200"),
        ("inventory_account", "200"),
        ("invoice_number", "mine"),
        ("due_date", "tomorrow"),
        ("status", "PAID"),
        ("po_in_reference", ""),
        ("keep_contacts", "perhaps"),
        ("non_taxable_tax_type", "OUTPUT2"),
        ("non_taxable_tax_type", ""),
    ],
)
def test_only_what_is_offered_is_taken(connection: XeroConnection, name: str, value: str) -> None:
    made = form(connection, CHOSEN | {name: value})
    assert list(made.errors) == [name]


def test_a_refused_form_changes_nothing_and_says_where(me: Client, connection: XeroConnection) -> None:
    answer = me.post(OPTIONS, CHOSEN | {"sales_account": "610", "status": "AUTHORISED"})
    assert "<title>Error: Xero options" in text(answer)
    assert 'href="#id_sales_account"' in answer.content.decode()
    assert SyncOptions.objects.get().status == "DRAFT"


def test_an_archived_default_is_told_and_has_to_be_chosen_anew(
    me: Client, connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.control("archive-account", accounts=["200"])
    organisation.set_up(connection)
    page = text(me.get(OPTIONS))
    assert "Default Xero Sales account: 200 is archived, or of another type, in Xero now." in page
    assert "sales_account" in form(connection, CHOSEN).errors


def test_a_chart_without_inventory_needs_no_inventory_account(connection: XeroConnection) -> None:
    from xero_sync.models import XeroRecord

    XeroRecord.objects.filter(kind="account_codes", key="630").delete()
    assert not form(connection, CHOSEN | {"inventory_account": ""}).errors


def test_the_examples_are_of_an_invoice_that_could_be_exported(me: Client, connection: XeroConnection) -> None:
    draft = invoice("INV-1", date=date(2026, 12, 1), po_number="PO-1")
    made = invoice("INV-7", status=Invoice.Status.READY, date=date(2026, 5, 27), due_date=date(2026, 6, 20),
                   po_number="PO-7781")  # fmt: skip
    page = text(me.get(OPTIONS))
    for told in (
        "INV-7 stays INV-7",
        f"INV-7 becomes {made.pk}",
        "Reference: PO-7781",
        "due 20 Jun 2026",
        "due 27 May 2026",
        "due 3 Jun 2026",
        "due 10 Jun 2026",
        "due 26 Jun 2026",
        "20 May 2026 is before the invoice date, so 27 May 2026 is sent",
        "Shown for INV-7, dated 27 May 2026.",
    ):
        assert told in page
    assert draft.number not in page.replace("INV-1042", "")


def test_without_invoices_there_are_still_examples(me: Client, connection: XeroConnection) -> None:
    assert "INV-1042 stays INV-1042" in text(me.get(OPTIONS))


def test_every_option_has_the_vendors_name_and_its_choices(me: Client, connection: XeroConnection) -> None:
    page = text(me.get(OPTIONS))
    for words in (
        "Xero Invoice Numbers",
        "Invoice Due Date",
        "20th of the month following the invoice month",
        "Insert PO numbers into Reference",
        "Don't update existing Xero Contacts",
        "Yes: only link. New contacts are still created.",
        "No: each export also updates e-mail and postal address of the contact.",
        "Default invoice status",
        "nothing posts until someone approves in Xero",
        "waits for approval",
        "posts to the ledger at once",
    ):
        assert words in page
    assert page.count('type="radio"') == 3 + 7 + 2 + 2 + 3


def test_the_page_says_what_the_next_export_will_do(me: Client, connection: XeroConnection) -> None:
    invoice(status=Invoice.Status.READY)
    page = text(me.get(OPTIONS))
    assert "1 invoice is ready now. Each is created as Draft: nothing posts until someone approves in Xero." in page
    assert "income goes to 200 Sales, expense to 300 Purchases" in page


def test_the_effect_follows_what_is_chosen_and_nothing_is_saved(me: Client, connection: XeroConnection) -> None:
    chosen = CHOSEN | {"status": "AUTHORISED", "sales_account": "260", "keep_contacts": "False"}
    answer = me.post(OPTIONS, chosen, headers={"HX-Request": "true"})
    assert "created as Authorised: posts to the ledger at once" in text(answer)
    assert "e-mail and postal address are updated" in text(answer)
    assert "income goes to 260 Other Revenue" in text(answer)
    assert "<html" not in text(answer)
    assert SyncOptions.objects.get().status == "DRAFT"


def test_suggestions_come_back_without_being_saved(me: Client, connection: XeroConnection) -> None:
    me.post(OPTIONS, CHOSEN | {"sales_account": "260", "status": "AUTHORISED"})
    page = text(me.get(f"{OPTIONS}?suggested=1"))
    assert "These are our suggestions. Nothing is changed until you save them." in page
    assert '<option value="200" selected>' in page
    assert SyncOptions.objects.get().sales_account == "260"


@pytest.mark.parametrize("role", [Role.FINANCE, Role.VIEWER, Role.SUPPORT])
def test_others_read_the_options_as_words(client_of: ClientOf, connection: XeroConnection, role: Role) -> None:
    page = text(client_of(role).get(OPTIONS))
    assert "200 Sales" in page
    assert "Yes: only link. New contacts are still created." in page
    assert "Only a finance admin can change them" in page
    assert "<select" not in page
    assert 'type="radio"' not in page


def test_every_edition_of_xero_has_a_rate_for_what_is_not_taxable(
    me: Client, xero: SimulatedXero, user_of: Any
) -> None:
    user = user_of(Role.FINANCE)
    for name, tax_type in (("Acme Pty Ltd", "EXEMPTOUTPUT"), ("Acme Inc", "NONE"), ("Demo Company (NZ)", "NONE")):
        made = connect(xero, user, name)
        assert made.options.non_taxable_tax_type == tax_type
        offered = [value for value, _ in form(made).fields["non_taxable_tax_type"].choices]
        assert tax_type in offered, name


def test_before_connecting_the_page_leads_to_setup(me: Client) -> None:
    page = text(me.get(OPTIONS))
    assert "Connect Xero first" in page
    assert 'href="/finance/xero/setup/"' in page


def test_a_post_before_connecting_changes_nothing(me: Client) -> None:
    assert me.post(OPTIONS, CHOSEN).status_code == 200
    assert not SyncOptions.objects.exists()


def test_more_invoices_cost_no_more_queries(
    me: Client, connection: XeroConnection, django_assert_max_num_queries: Any
) -> None:
    for _ in range(20):
        invoice(status=Invoice.Status.READY)
    with django_assert_max_num_queries(14):
        me.get(OPTIONS)
