"""Writing invoices: what is typed is kept, read on the server, and saved whole or not at all."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from crm.models import Account
from finance.models import Invoice, Item
from finance.numbering import next_number
from tests.records import account, invoice, payment, site, tax
from tests.xero_sync.pages import make_job, make_rows, use_organisation
from xero_sync.models import XeroLink

pytestmark = pytest.mark.django_db
NEW = "/finance/invoices/new/"
HTMX = {"HX-Request": "true"}


def line(**typed: str) -> dict[str, str]:
    return {"description": "Work", "quantity": "1", "unit_price": "100", "taxable": "on"} | typed


def posted(*lines: dict[str, str], **head: str) -> dict[str, str]:
    data = {"number": "INV-1", "account": "Acme", "date": "2026-11-02", "due_date": "+30", "do": "save"} | head
    data["lines-TOTAL_FORMS"] = str(len(lines))
    for place, typed in enumerate(lines):
        data |= {f"lines-{place}-{name}": value for name, value in typed.items()}
    return data


def text(response: Any) -> str:
    return unescape(response.content.decode())


def item(name: str = "Care", **fields: Any) -> Item:
    return Item.objects.create(**{"kind": Item.Kind.SERVICE, "name": name, "unit_price": Decimal("75.5")} | fields)


def values(response: Any, place: int = 0) -> dict[str, Any]:
    form = response.context["lines"][place]["form"]
    return {name: form[name].value() for name in form.fields}


class TestNew:
    def test_an_invoice_is_written(self, writer: Client) -> None:
        acme, vat = account("Acme"), tax()
        answer = writer.post(
            NEW, posted(line(tax=str(vat.pk)), line(description="Travel", quantity="2.5"), po_number="PO 7")
        )
        made = Invoice.objects.get()
        assert answer.headers["Location"] == made.get_absolute_url()
        assert (made.account, made.number, made.po_number, made.status) == (acme, "INV-1", "PO 7", "draft")
        assert (made.date, made.due_date) == (date(2026, 11, 2), date(2026, 12, 2))
        assert (made.subtotal, made.total_tax, made.total, made.balance_due) == (350, 20, 370, 370)
        assert [each.position for each in made.lines.all()] == [0, 1]

    def test_its_history_has_one_entry(self, writer: Client) -> None:
        account("Acme")
        writer.post(NEW, posted(line()))
        (kept,) = Invoice.history.all()
        assert (kept.history_type, kept.total, len(kept.lines_then)) == ("+", Decimal(100), 1)

    def test_the_page_starts_with_the_next_number_today_and_the_account_asked_for(self, writer: Client) -> None:
        acme = account("Acme", default_currency="EUR")
        main = site(acme)
        invoice("INV-0099", of=acme)
        page = writer.get(f"{NEW}?account={acme.pk}")
        initial = page.context["form"].initial
        assert initial["number"] == "INV-0100"
        assert initial["date"] == timezone.localdate().isoformat()
        assert initial["due_date"] == (timezone.localdate() + timedelta(days=30)).isoformat()
        assert (initial["account"], initial["site"], initial["currency"]) == ("Acme", str(main.pk), "EUR")

    def test_lines_left_blank_are_not_saved(self, writer: Client) -> None:
        account("Acme")
        writer.post(NEW, posted({"quantity": "1", "taxable": "on"}, line(), {"quantity": "1"}))
        assert Invoice.objects.get().lines.count() == 1

    def test_the_site_of_a_new_account_is_its_main_one(self, writer: Client) -> None:
        main = site(account("Acme", default_currency="EUR"))
        writer.post(NEW, posted(line(), account_was="", site=""))
        made = Invoice.objects.get()
        assert (made.site, made.currency) == (main, "EUR")
        writer.post(NEW, posted(line(), number="INV-2", account_was="Acme", site=""))
        assert Invoice.objects.get(number="INV-2").site is None

    def test_two_hundred_lines_work_with_the_same_few_queries(
        self, writer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        account("Acme")
        item(tax=tax())
        few = posted(*[line(item="Care", unit_price="")] * 2)
        many = posted(*[line(item="Care", unit_price="")] * 200, number="INV-2")
        with django_assert_max_num_queries(30):
            assert writer.post(NEW, few).status_code == 302
        with django_assert_max_num_queries(30):
            assert writer.post(NEW, many).status_code == 302
        assert Invoice.objects.get(number="INV-2").total == 200 * Decimal("90.60")

    def test_a_reader_may_not_write(self, reader: Client) -> None:
        assert reader.get(NEW).status_code == 403
        assert reader.post(NEW, posted(line())).status_code == 403


class TestFaults:
    def test_everything_typed_is_kept_and_each_fault_is_said_twice(self, writer: Client) -> None:
        answer = writer.post(
            NEW,
            posted(line(quantity="many"), line(unit_price="1.23456"), account="Nobody", date="soon", po_number="P7"),
        )
        assert answer.status_code == 400
        page = text(answer)
        assert "<title>Error: New invoice" in page
        for words in (
            "Account: There is no account “Nobody”.",
            "Invoice date: This is no date.",
            "Line 1, Quantity: Enter a number.",
            "Line 2, Unit price: Ensure that there are no more than 4 decimal places.",
        ):
            assert words in page
        assert 'href="#id_lines-0-quantity"' in page
        assert 'id="id_lines-0-quantity_error"' in page
        for kept in ('value="many"', 'value="1.23456"', 'value="soon"', 'value="P7"', 'value="Nobody"'):
            assert kept in page
        assert not Invoice.objects.exists()

    @pytest.mark.parametrize(
        ("lines", "head", "words"),
        [
            ([], {}, "An invoice needs a line."),
            ([line(unit_price="-5")], {}, "A negative total can’t be an invoice."),
            ([line(description="", unit_price="3")], {}, "Say what it is for, or choose an item."),
            ([line(item="nothing")], {}, "There is no item “nothing”."),
            ([line(discount_percent="101")], {}, "less than or equal to 100"),
            ([line(quantity="999999999", unit_price="99999999999")], {}, "more money than an invoice can hold"),
            ([line(quantity="NaN")], {}, "Enter a number."),
            ([line(tax="12345")], {}, "Select a valid choice."),
            ([line(description="a\x00b")], {}, "Null characters are not allowed."),
            ([line()], {"due_date": "-1"}, "is before the invoice date"),
            ([line()], {"currency": "eur"}, "Three capital letters"),
            ([line()], {"number": ""}, "Number: This field is required."),
            ([line()], {"account": ""}, "Account: This field is required."),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, writer: Client, lines: list[dict[str, str]], head: dict[str, str], words: str
    ) -> None:
        account("Acme")
        answer = writer.post(NEW, posted(*lines, **head))
        assert answer.status_code == 400
        assert words in text(answer)
        assert not Invoice.objects.exists()

    def test_a_number_that_is_used_is_refused(self, writer: Client) -> None:
        invoice("INV-1")
        answer = writer.post(NEW, posted(line()))
        assert "Invoice with this Number already exists." in text(answer)

    def test_a_name_that_two_accounts_have_asks_which(self, writer: Client) -> None:
        one, other = account("Acme"), account("ACME")
        page = text(writer.post(NEW, posted(line())))
        assert f"“Acme” may be several: #{one.pk} Acme, #{other.pk} ACME. Type one of these." in page
        writer.post(NEW, posted(line(), account=f"#{other.pk} ACME"))
        assert Invoice.objects.get().account == other

    def test_a_part_of_a_name_is_enough_where_it_means_one(self, writer: Client) -> None:
        acme = account("Acme Precision Ltd", code="A1")
        writer.post(NEW, posted(line(), account="precision"))
        writer.post(NEW, posted(line(), account="a1", number="INV-2"))
        assert {made.account for made in Invoice.objects.all()} == {acme}

    @pytest.mark.parametrize("number", ["-1", "x", "99999999"])
    def test_an_odd_number_of_lines_is_no_error_of_ours(self, writer: Client, number: str) -> None:
        assert writer.post(NEW, posted(line()) | {"lines-TOTAL_FORMS": number}).status_code in {302, 400}


class TestSteps:
    """Buttons and fields that change the page before anything is saved, with and without htmx."""

    def test_adding_moving_and_removing_lines_keeps_what_was_typed(self, writer: Client) -> None:
        data = posted(line(description="A"), line(description="B", quantity="x"), po_number="P7")
        added = writer.post(NEW, data | {"do": "add"})
        assert [values(added, place)["description"] for place in range(3)] == ["A", "B", ""]
        assert values(added, 1)["quantity"] == "x"
        assert 'value="P7"' in text(added)
        assert "Enter a number" not in text(added)
        moved = writer.post(NEW, data | {"do": "up-1"})
        assert [values(moved, place)["description"] for place in range(2)] == ["B", "A"]
        removed = writer.post(NEW, data | {"do": "remove-0"})
        assert [each["form"]["description"].value() for each in removed.context["lines"]] == ["B"]
        assert not Invoice.objects.exists()

    def test_an_item_fills_in_description_price_and_tax(self, writer: Client) -> None:
        vat = tax()
        item("Care", description="Monthly care", tax=vat)
        answer = writer.post(NEW, posted({"item": "care", "quantity": "2", "taxable": "on"}, do="update"))
        filled = values(answer)
        assert (filled["description"], filled["unit_price"], filled["tax"]) == ("Monthly care", "75.50", str(vat.pk))
        assert answer.context["totals"].total == Decimal("181.20")

    def test_what_was_typed_goes_before_what_an_item_brings(self, writer: Client) -> None:
        item("Care", tax=tax())
        answer = writer.post(NEW, posted(line(item="Care", unit_price="60", taxable=""), do="update"))
        assert values(answer)["unit_price"] == "60"
        assert values(answer)["taxable"] == ""

    def test_another_item_takes_the_place_of_what_the_first_brought(self, writer: Client) -> None:
        first, _ = item("Care"), item("Hosting", unit_price=Decimal("9.9"))
        typed = line(item="Hosting", filled=str(first.pk), description="Mine", unit_price="75.50")
        filled = values(writer.post(NEW, posted(typed, do="update")))
        assert (filled["description"], filled["unit_price"]) == ("Mine", "9.90")

    def test_tax_is_rounded_line_by_line(self, writer: Client) -> None:
        vat = tax(rate="20")
        lines = [line(unit_price="0.03", tax=str(vat.pk))] * 3
        totals = writer.post(NEW, posted(*lines, do="totals"), headers=HTMX).context["totals"]
        assert (totals.subtotal, totals.tax) == (Decimal("0.09"), Decimal("0.03"))

    def test_htmx_gets_the_part_that_changes(self, writer: Client) -> None:
        site(account("Acme"), "Depot")
        item("Care", tax=tax())
        data = posted(line(item="Care"), line())
        totals = text(writer.post(NEW, data | {"do": "totals"}, headers=HTMX))
        assert "<html" not in totals
        assert 'id="totals"' in totals
        assert '<span class="amount" id="amount-1" hx-swap-oob="true">100.00</span>' in totals
        assert "id_lines-0-quantity" not in totals
        filled = text(writer.post(NEW, data | {"do": "fill-0"}, headers=HTMX))
        assert '<data data-fill="id_lines-0-tax" data-was="" value="' in filled
        assert "id_lines-0-unit_price" not in filled
        assert "amount" not in filled
        assert "Depot" in text(writer.post(NEW, data | {"do": "account"}, headers=HTMX))
        assert 'id="lines"' in text(writer.post(NEW, data | {"do": "add"}, headers=HTMX))

    @pytest.mark.parametrize("step", ["remove-9", "up-0", "down-1", "fill-9", "up-", "x", "add-1", "remove-²"])
    def test_an_odd_step_changes_nothing(self, writer: Client, step: str) -> None:
        answer = writer.post(NEW, posted(line(description="A"), line(description="B"), do=step))
        assert answer.status_code == 200
        assert values(answer)["description"] == "A"

    def test_suggestions_are_a_few_active_records(self, writer: Client) -> None:
        for number in range(30):
            item(f"Care {number:02}")
        item("Care old", active=False)
        page = text(writer.get("/finance/invoices/pick/items/?lines-3-item=CARE"))
        assert page.count("<option") == 20
        assert "Care old" not in page
        assert writer.get("/finance/invoices/pick/nothing/?x=y").content.strip() == b""


class TestEdit:
    def test_lines_are_shown_changed_and_told_in_the_history(self, writer: Client) -> None:
        made = invoice("INV-7", price="12.5", tax=tax())
        page = writer.get(f"{made.get_absolute_url()}edit/")
        assert values(page) | {"tax": ""} == {
            "item": "", "filled": "", "description": "Work", "quantity": "1", "unit_price": "12.50",
            "discount_percent": "", "taxable": "on", "tax": "",
        }  # fmt: skip
        answer = writer.post(
            f"{made.get_absolute_url()}edit/",
            posted(line(quantity="2", unit_price="12.5"), number="INV-7", seen=page.context["seen"]),
        )
        assert answer.status_code == 302
        made.refresh_from_db()
        assert made.total == 25
        history = text(writer.get(made.get_absolute_url()))
        assert "Line 1: quantity 1 → 2, tax VAT 20% → nothing" in history

    def test_somebody_elses_change_is_not_overwritten_unseen(self, writer: Client) -> None:
        made = invoice("INV-7")
        url = f"{made.get_absolute_url()}edit/"
        data = posted(line(unit_price="5"), number="INV-7", seen=writer.get(url).context["seen"])
        made.po_number = "theirs"
        made.save()
        answer = writer.post(url, data)
        assert answer.status_code == 400
        assert "Somebody changed this invoice" in text(answer)
        made.refresh_from_db()
        assert (made.total, made.po_number) == (100, "theirs")
        assert writer.post(url, data | {"seen": answer.context["seen"]}).status_code == 302

    @pytest.mark.parametrize("status", ["partly_paid", "paid", "void"])
    def test_an_invoice_that_is_past_changing_is_not_edited(self, writer: Client, status: str) -> None:
        made = invoice(status=status)
        assert writer.get(f"{made.get_absolute_url()}edit/").status_code == 409
        assert writer.post(f"{made.get_absolute_url()}edit/", posted(line(), number=made.number)).status_code == 409

    @pytest.mark.parametrize("status", ["draft", "ready", "sent"])
    def test_an_open_invoice_is_edited(self, writer: Client, status: str) -> None:
        assert writer.get(f"{invoice(status=status).get_absolute_url()}edit/").status_code == 200


class TestReadOnly:
    """What is in Xero, or on its way there, stays as it is."""

    @pytest.fixture(params=["here", "another", "pending", "unknown", "needs_review"])
    def exported(self, request: pytest.FixtureRequest) -> Invoice:
        use_organisation()
        made = invoice("INV-7", status=Invoice.Status.SENT)
        if request.param in {"here", "another"}:
            XeroLink.objects.create(
                tenant_id=request.param, kind="invoices", local_id=made.uuid, xero_id="x", matched_by="created"
            )
        else:
            make_rows(make_job("running"), record_id=made.pk, record_key=str(made.uuid), state=request.param)
        return made

    def test_it_is_not_edited_voided_or_marked(self, writer: Client, exported: Invoice) -> None:
        url = exported.get_absolute_url()
        for answer in (writer.get(f"{url}edit/"), writer.post(f"{url}edit/", posted(line(), number="INV-7"))):
            assert answer.status_code == 409
            assert "read-only until" in text(answer)
        assert "read-only until" in text(writer.post(f"{url}void/", follow=True))
        Invoice.objects.filter(pk=exported.pk).update(status="draft")
        assert "read-only until" in text(writer.post(f"{url}delete/", follow=True))
        marked = writer.post("/finance/invoices/mark/", {"ids": exported.pk, "status": "ready"}, follow=True)
        assert "1 left as before: exported, or in a job now" in text(marked)
        assert "only an invoice in" not in text(marked)
        exported.refresh_from_db()
        assert (exported.status, exported.total) == ("draft", 100)

    def test_its_page_says_so(self, reader: Client, exported: Invoice) -> None:
        assert "read-only until" in text(reader.get(exported.get_absolute_url()))

    @pytest.mark.parametrize("state", ["planned", "failed", "skipped", "succeeded"])
    def test_a_job_that_is_done_with_it_holds_it_no_more(self, writer: Client, state: str) -> None:
        use_organisation()
        made = invoice(status="ready")
        make_rows(make_job("completed"), record_id=made.pk, record_key=str(made.uuid), state=state)
        assert writer.get(f"{made.get_absolute_url()}edit/").status_code == 200


class TestEnds:
    def test_an_invoice_is_voided_and_stays(self, writer: Client) -> None:
        made = invoice(status="sent")
        page = text(writer.post(f"{made.get_absolute_url()}void/", follow=True))
        assert "is void" in page
        made.refresh_from_db()
        assert made.status == "void"

    def test_an_invoice_with_payments_is_not_voided(self, writer: Client) -> None:
        made = payment(invoice(status="sent"), "10").invoice
        assert "Take them back first" in text(writer.post(f"{made.get_absolute_url()}void/", follow=True))

    def test_one_whose_payments_were_reversed_is_voided(self, writer: Client) -> None:
        made = payment(invoice(status="sent"), "10", reversed=True).invoice
        writer.post(f"{made.get_absolute_url()}void/")
        made.refresh_from_db()
        assert made.status == "void"

    def test_a_draft_is_deleted_and_nothing_else(self, writer: Client) -> None:
        draft, ready = invoice(), invoice(status="ready")
        assert "is deleted" in text(writer.post(f"{draft.get_absolute_url()}delete/", follow=True))
        assert "Only a draft" in text(writer.post(f"{ready.get_absolute_url()}delete/", follow=True))
        assert list(Invoice.objects.all()) == [ready]

    @pytest.mark.parametrize("what", ["void", "delete"])
    def test_a_link_alone_ends_nothing(self, writer: Client, what: str) -> None:
        assert writer.get(f"{invoice().get_absolute_url()}{what}/").status_code == 405


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], "INV-00001"),
        (["INV-00009"], "INV-00010"),
        (["INV-2", "INV-10", "INV-9"], "INV-11"),
        (["2026/099", "A-7", "2026/100"], "2026/101"),
        (["INV-5", "INV-7b", "INV-x9", "INV-6"], "INV-7"),
        (["99"], "100"),
        (["draft"], "draft-1"),
    ],
)
def test_the_next_number_goes_on_after_the_highest_of_its_series(numbers: list[str], expected: str) -> None:
    of = Account.objects.create(name="Acme")
    day = date(2026, 11, 2)
    Invoice.objects.bulk_create(Invoice(number=each, account=of, date=day, due_date=day) for each in numbers)
    assert next_number() == expected
