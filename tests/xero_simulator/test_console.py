"""The console, as a person without JavaScript uses it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.xero_simulator.caller import XeroCaller
from xero_simulator.controls import CONTROLS
from xero_simulator.fault_kinds import KINDS
from xero_simulator.models import Contact, Fault, Invoice, Organisation
from xero_simulator.random_faults import RANDOM_FAULTS

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
CONSOLE = "/sim/xero/console/"


def look(organisation: Organisation | None = None) -> str:
    answer = Client().get(CONSOLE, {"organisation": organisation.short_code} if organisation else {})
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def press(action: str, **form: Any) -> str:
    """Press a button and return the console as it is then."""
    answer = Client().post(f"{CONSOLE}{action}", form, follow=True)
    assert answer.status_code in (200, 422), answer.content
    return answer.content.decode()


def test_the_console_works_without_scripts_and_inline_styles(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="C-1")
    page = look(xero.organisation)
    assert "C-1" in page
    assert "<script" not in page
    assert not re.search(r"\s(style|on\w+)=", page)
    assert page.count('<form method="post"') + page.count('<form class="fields" method="post"') == page.count(
        "csrfmiddlewaretoken"
    )
    labels, ids = set(re.findall(r'<label for="([^"]+)"', page)), re.findall(r'\sid="([^"]+)"', page)
    assert labels <= set(ids)
    assert len(ids) == len(set(ids))


def test_all_faults_are_offered_in_plain_words(xero: XeroCaller) -> None:
    page = look()
    assert all(f'<option value="{kind.name}"' in page for kind in KINDS)


def test_the_books_are_those_of_the_organisation_chosen(xero: XeroCaller) -> None:
    xero.invoice(InvoiceNumber="C-1")
    assert "C-1" not in look(Organisation.objects.get(name="Acme Inc"))
    assert "Console" in Client().get(f"/sim/xero/app/{xero.organisation.short_code}/").content.decode()


def test_people_pay_edit_and_void(xero: XeroCaller) -> None:
    for number in ("C-1", "C-2"):
        xero.invoice(InvoiceNumber=number, Reference="PO 1")
    first, second = Invoice.objects.order_by("number")
    code = xero.organisation.short_code
    assert "Edited" in press("edit", organisation=code, record=first.invoice_id)
    press("edit", organisation=code, record=first.invoice_id)
    assert "Paid." in press("pay", organisation=code, record=first.invoice_id)
    assert "Voided." in press("void", organisation=code, record=second.invoice_id)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, first.reference, second.status) == ("PAID", "PO 1 (edited in Xero)", "VOIDED")
    assert "payment or credit note" in press("void", organisation=code, record=first.invoice_id)
    assert (
        Client().post(f"{CONSOLE}pay", {"organisation": code, "record": xero.organisation.tenant_id}).status_code == 404
    )


def test_customers_pay_five(xero: XeroCaller) -> None:
    assert "no open invoice" in press("customers-pay")
    for n in range(6):
        xero.invoice(InvoiceNumber=f"C-{n}")
    assert "Customers have paid." in press("customers-pay")
    assert Invoice.objects.filter(status="PAID").count() == 4


def test_people_archive_lock_and_disconnect(xero: XeroCaller) -> None:
    contact = Contact.objects.filter(organisation=xero.organisation)[0]
    press("archive", record=contact.contact_id)
    press("lock", period_lock_date="2026-10-31")
    assert "2026-10-31" in look()
    contact.refresh_from_db()
    xero.organisation.refresh_from_db()
    assert (contact.status, str(xero.organisation.period_lock_date)) == ("ARCHIVED", "2026-10-31")
    assert "403" in press("disconnect")
    assert xero.get("Organisation").status_code == 403


def test_tokens_end(xero: XeroCaller) -> None:
    press("expire")
    assert "TokenExpired" in xero.get("Organisation").json()["Detail"]
    press("revoke")
    assert xero.get("Organisation").json()["Detail"] == "AuthenticationUnsuccessful"


def test_a_fault_is_ordered_strikes_and_is_cleared(xero: XeroCaller) -> None:
    form = {"what": "unavailable", "endpoint": "Items", "method": "GET", "nth": 1, "times": 2, "retry_after": "7"}
    assert "The fault is on order." in press("fault", **form)
    answer = xero.get("Items")
    assert (answer.status_code, answer["Retry-After"]) == (503, "7")
    assert "Struck 1 time" in look()
    press("clear")
    assert xero.get("Items").status_code == 200
    assert not Fault.objects.exists()


def test_what_cannot_be_read_is_said_at_the_field(xero: XeroCaller) -> None:
    page = press("fault", what="boredom", nth="no", times=1)
    assert "Please check what is marked below." in page
    assert "Enter a whole number." in page
    assert not Fault.objects.exists()


def test_a_fault_that_means_nothing_there_is_refused(xero: XeroCaller) -> None:
    page = press("fault", what="invalid_grant", endpoint="Items", nth=1, times=1)
    assert "invalid_grant means nothing at Items" in page


def test_calls_fail_by_chance(xero: XeroCaller) -> None:
    assert "seed 4" in press("random", percent="100", seed=4)
    press("clear")
    assert RANDOM_FAULTS.report()["percent"] == 0


def test_settings_are_kept_and_shown(xero: XeroCaller) -> None:
    press("settings", strict_rotation="on", latency_ms=5, settle_seconds=20)
    assert (CONTROLS.limits, CONTROLS.gzip, CONTROLS.latency_ms) == (False, False, 5)
    assert (CONTROLS.refresh_grace_seconds, CONTROLS.clock_scale) == (0, 2100)
    assert 'name="settle_seconds" value="20"' in look()
    press("settings", limits="on", gzip="on", latency_ms=0, settle_seconds=420)
    assert type(CONTROLS)() == CONTROLS


def test_calls_and_writes_are_counted(xero: XeroCaller) -> None:
    xero.put("Contacts?summarizeErrors=false", {"Contacts": [{"Name": "Counted"}]})
    page = look()
    assert "PUT Contacts" in page
    assert "/Contacts?summarizeErrors=false" in page


def test_an_organisation_of_a_region_is_added(xero: XeroCaller) -> None:
    assert "The organisation is there." in press("make", name="Southern Cross", region="AU")
    assert Organisation.objects.get(name="Southern Cross").version == "AU"
    assert "of that name already" in press("make", name="Southern Cross", region="AU")


def test_reset_puts_the_region_first(xero: XeroCaller) -> None:
    xero.invoice()
    assert "Everything has started over." in press("reset", region="US")
    assert not Invoice.objects.exists()
    assert list(Organisation.objects.order_by("pk").values_list("version", flat=True)) == [
        "US", "UK", "NZ", "AU", "GLOBAL",
    ]  # fmt: skip
    assert xero.get("Organisation").status_code == 401


def test_an_empty_world_offers_reset(xero: XeroCaller) -> None:
    Organisation.objects.all().delete()
    assert "Reset" in look()
    assert "Reset makes some" in press("customers-pay")
    press("reset", region="UK")
    assert Organisation.objects.count() == 5


def test_buttons_are_posts_with_the_pages_token(xero: XeroCaller) -> None:
    assert Client().get(f"{CONSOLE}reset").status_code == 405
    assert Client(enforce_csrf_checks=True).post(f"{CONSOLE}reset", {"region": "UK"}).status_code == 403
