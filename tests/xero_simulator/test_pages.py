from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client

from tests.xero_simulator.caller import XeroCaller, line
from xero_simulator.models import Contact, Invoice, Organisation, Payment

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


@pytest.fixture
def app(xero: XeroCaller) -> str:
    return f"/sim/xero/app/{quote(xero.organisation.short_code, safe='')}/"


def page(url: str) -> str:
    answer = Client().get(url)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def press(url: str, **form: str) -> str:
    """Send a form and return the page that follows."""
    answer = Client().post(url, form, follow=True)
    return answer.content.decode()


def test_every_page_says_that_it_is_not_real(xero: XeroCaller, app: str) -> None:
    made = xero.invoice(InvoiceNumber="A-1")
    invoice, contact = made["InvoiceID"], made["Contact"]["ContactID"]
    assert "%21" in app
    for path in (
        "",
        "invoicing/",
        f"invoicing/view/{invoice}",
        "contacts/",
        f"contacts/contact/{contact}",
        "items/",
        "accounts/",
        "taxes/",
    ):
        text = page(app + path)
        assert "Simulated Xero" in text
        assert "nothing here is real" in text
        assert "style=" not in text
        assert "<script" not in text
    assert "Simulated Xero" in page("/sim/xero/app/")


def test_the_list_can_be_filtered_and_searched(xero: XeroCaller, app: str) -> None:
    xero.invoice(InvoiceNumber="A-1", Reference="PO 1")
    xero.invoice(InvoiceNumber="B-2", Status="DRAFT")
    assert "A-1" in page(f"{app}invoicing/")
    assert "A-1" not in page(f"{app}invoicing/?status=DRAFT")
    assert "B-2" not in page(f"{app}invoicing/?q=po+1")
    assert "A-1" in page(f"{app}invoicing/?q=saltwick")


def test_long_lists_have_pages(xero: XeroCaller, app: str) -> None:
    contact = xero.organisation.contacts.first()
    own = {"organisation": xero.organisation, "contact": contact, "date": "2026-11-01", "currency_code": "GBP"}
    Invoice.objects.bulk_create(Invoice(**own, number=f"P-{n}") for n in range(51))
    assert "Page 1 of 2" in page(f"{app}invoicing/")
    assert "P-0<" in page(f"{app}invoicing/?page=2")


def test_an_invoice_leads_back_to_the_app(xero: XeroCaller, app: str) -> None:
    linked = xero.invoice(Url="https://bms.example/i/1/")
    plain = xero.invoice()
    assert "Go to BMS Finance" in page(f"{app}invoicing/view/{linked['InvoiceID']}")
    assert 'href="https://bms.example/i/1/"' in page(f"{app}invoicing/view/{linked['InvoiceID']}")
    assert "Go to" not in page(f"{app}invoicing/view/{plain['InvoiceID']}")


def test_a_person_approves_pays_and_takes_back(xero: XeroCaller, app: str) -> None:
    made = xero.invoice(Status="DRAFT")
    view = f"{app}invoicing/view/{made['InvoiceID']}"
    assert "Invoice approved." in press(f"{view}/approve")
    assert 'value="120.00"' in page(view)
    text = press(f"{view}/pay", amount="120.00", date="2026-11-20", reference="BACS 1")
    assert "Payment recorded." in text
    assert "BACS 1" in text
    payment = Payment.objects.get()
    assert Invoice.objects.get().status == "PAID"
    assert "Payment removed." in press(f"{view}/remove-payment", payment=str(payment.payment_id))
    assert "Invoice voided." in press(f"{view}/void")
    assert Invoice.objects.get().status == "VOIDED"


def test_a_person_credits_an_invoice(xero: XeroCaller, app: str) -> None:
    made = xero.invoice()
    assert "Credit note added" in press(f"{app}invoicing/view/{made['InvoiceID']}/credit", amount="20.00")
    assert Invoice.objects.get().amount_credited == 20


@pytest.mark.parametrize(
    ("action", "form", "words"),
    [
        ("pay", {"amount": "200", "date": "2026-11-20"}, "Payment amount exceeds the amount outstanding"),
        ("pay", {"amount": "x", "date": "2026-11-20"}, "Please check the amount and the date."),
        ("credit", {"amount": "200"}, "Credit amount exceeds the amount outstanding"),
        ("approve", {}, "Invoice not of valid status for modification"),
    ],
)
def test_what_xero_refuses_is_said_on_the_page(
    xero: XeroCaller, app: str, action: str, form: dict[str, str], words: str
) -> None:
    made = xero.invoice()
    answer = Client().post(f"{app}invoicing/view/{made['InvoiceID']}/{action}", form)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_buttons_need_the_form_token_and_a_post(xero: XeroCaller, app: str) -> None:
    made = xero.invoice()
    url = f"{app}invoicing/view/{made['InvoiceID']}/void"
    assert Client(enforce_csrf_checks=True).post(url).status_code == 403
    assert Client().get(url).status_code == 405


def test_five_customers_pay(xero: XeroCaller, app: str) -> None:
    assert "There is no open invoice" in press(f"{app}customers-pay/")
    for _ in range(6):
        xero.invoice()
    assert "Customers have paid." in press(f"{app}customers-pay/")
    assert Payment.objects.count() == 5


def test_lock_dates_can_be_set(xero: XeroCaller, app: str) -> None:
    press(f"{app}lock-dates/", period_lock_date="2026-03-31")
    organisation = Organisation.objects.get(pk=xero.organisation.pk)
    assert str(organisation.lock_date) == "2026-03-31"
    assert 'value="2026-03-31"' in page(app)
    assert Client().post(f"{app}lock-dates/", {"period_lock_date": "soon"}).status_code == 422


def test_an_app_can_be_disconnected(xero: XeroCaller, app: str) -> None:
    text = page(app)
    url = text[text.index(f"{app.replace('%21', '!')}connected-apps/") :].split('"')[0]
    press(url)
    assert xero.get("Organisation").status_code == 403


def test_contacts_can_be_archived_and_restored(xero: XeroCaller, app: str) -> None:
    contact = Contact.objects.get(organisation=xero.organisation, name="Saltwick Ceramics")
    url = f"{app}contacts/contact/{contact.contact_id}"
    assert "Restore" in press(f"{url}/archive")
    assert "Saltwick" in page(f"{app}contacts/?archived=1")
    xero.create("Contacts", {"Name": "Saltwick Ceramics"})
    assert "already assigned to another contact" in press(f"{url}/restore")


def test_accounts_can_be_archived_but_not_xeros_own(xero: XeroCaller, app: str) -> None:
    sales, debtors = (xero.organisation.accounts.get(code=code) for code in ("200", "610"))
    press(f"{app}accounts/{sales.account_id}/archive")
    assert "Sales" in page(f"{app}accounts/?archived=1")
    press(f"{app}accounts/{sales.account_id}/restore")
    assert Client().post(f"{app}accounts/{debtors.account_id}/archive").status_code == 404


def test_used_items_cannot_be_deleted(xero: XeroCaller, app: str) -> None:
    xero.invoice(LineItems=[line(ItemCode="X-CALL")])
    used, unused = (xero.organisation.items.get(code=code) for code in ("X-CALL", "X-SHRED"))
    assert "has been used in a transaction" in press(f"{app}items/{used.item_id}/delete")
    assert "Deleted." in press(f"{app}items/{unused.item_id}/delete")


def test_names_are_shown_as_text(xero: XeroCaller, app: str) -> None:
    xero.invoice(InvoiceNumber="A-1", Reference="<img src=x onerror=alert(1)>")
    assert "&lt;img" in page(f"{app}invoicing/")


def test_pages_ask_nothing_of_the_products_database(
    xero: XeroCaller, app: str, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(0, using="default"):  # type: ignore[operator]
        page(app)
        page(f"{app}invoicing/")
