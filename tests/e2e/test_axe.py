"""WCAG 2.2 AA, as far as a program can tell, on every page that opens with a plain address: light and dark."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import get_resolver
from playwright.sync_api import Browser, Page

from bmsxero.roles import Role
from finance.models import AccountCode, Invoice, InvoiceLine, Item
from tests import records
from tests.conftest import ClientOf
from tests.e2e.test_look import open_context
from tests.test_pages_roles import routes
from tests.xero_sync.driving import bring, check, export
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import Job, LogLine, TaxMapping, XeroConnection, XeroLink

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: Not pages: files, fragments, answers to programs, and addresses that only lead elsewhere.
NO_PAGES = (
    "csv",
    "progress/",
    "follow/",  # there for a merged contact only
    "pick/",
    "callback",
    "healthz",
    "readyz",
    "metrics",
    "hooks/",
    "logout",
    "django-admin/",
    "sim/",
)


@pytest.fixture
def filled(connection: XeroConnection, xero: SimulatedXero) -> dict[str, Any]:
    """Records of every kind on both sides, and jobs in several states."""
    customer = records.account("Bolt Ltd", sales_tax=records.tax("20% (VAT on Income)"))
    records.site(customer, billing_line1="1 Mill Lane", billing_city="Leeds")
    code = AccountCode.objects.create(code="777", name="Managed services", type="Income")
    item = Item.objects.create(kind="service", name="Backup", income_account=code)
    bring("contacts")
    export({"ids": [str(customer.uuid)]}, "contacts")
    bad = records.invoice("BAD", of=customer, status=Invoice.Status.READY, currency="JPY")
    good = records.invoice("GOOD", of=customer, status=Invoice.Status.READY)
    sent = export({"ids": [str(bad.uuid), str(good.uuid)]}, status="AUTHORISED")
    xero.control("pay", invoices=["GOOD"], amount="10")
    from tests.xero_sync.driving import import_payments

    import_payments()
    following = records.invoice("NEXT", of=customer, status=Invoice.Status.READY)
    # Something to mend at Check: an account that Xero lacks, a tax of another per cent there, codes that collide
    low = records.tax("Low", "5")
    TaxMapping.objects.create(tenant_id=connection.tenant_id, tax_rate=low, tax_type="OUTPUT2")
    held_up = records.invoice("HELD", of=customer, status=Invoice.Status.READY)
    InvoiceLine.objects.filter(invoice=held_up).update(item=item)
    records.invoice("TAXED", of=customer, status=Invoice.Status.READY, tax=low)
    sales = AccountCode.objects.create(code="200", name="Sales")
    for number in (1, 2):
        other = Item.objects.create(kind="service", name=f"Hour {number}", code="HOUR", income_account=sales)
        InvoiceLine.objects.filter(
            invoice=records.invoice(f"HOUR-{number}", of=customer, status=Invoice.Status.READY)
        ).update(item=other)
    checked = check()
    return {
        "account": customer.pk,
        "site": customer.sites.get().pk,
        "invoice": good.pk,
        "next": following.pk,
        "payment": good.payments.get().pk,
        "code": code.pk,
        "item": item.pk,
        "tax": customer.sales_tax_id,
        "link": XeroLink.objects.filter(kind="contacts").first().pk,  # type: ignore[union-attr]
        "jobs": [sent.number, checked.number],
        "line": LogLine.objects.filter(job=sent, request__isnull=False).first().pk,  # type: ignore[union-attr]
    }


#: Which record an address is about, by a part of it.
KEYS = (
    ("links/to", "account"),
    ("links/", "link"),
    ("accounts/", "account"),
    ("sites/", "site"),
    ("payments/", "payment"),
    ("invoices/", "invoice"),
    ("account-codes/", "code"),
    ("taxes/", "tax"),
)


def addresses(made: dict[str, Any]) -> list[str]:
    """Return an address for every page of the URLconf."""
    found = []
    for route, _ in routes(get_resolver().url_patterns):
        if any(part in route for part in NO_PAGES):
            continue
        for job in made["jobs"] if "<int:number>" in route else [""]:
            path = "/" + route.replace("<int:number>", str(job)).replace("<int:pk>", str(_key(route, made)))
            if "<int:line>" in path and job != made["jobs"][0]:
                continue  # only what was sent has calls behind its lines
            path = path.replace("<int:line>", str(made["line"]))
            path = path.replace("<str:kind>", "contacts").replace("<slug:kind>", "services")
            if path == "/finance/payments/new/":
                path += f"?invoice={made['next']}"
            if "<" not in path and not _is_another_kind(route):
                found.append(path)
    return found


def _is_another_kind(route: str) -> bool:
    """Say whether a route is about one item of a kind that there is none of here; the kinds share their pages."""
    kinds = ("products/", "work-types/", "expense-types/", "discount-types/")
    return "<int:pk>" in route and any(kind in route for kind in kinds)


def _key(route: str, made: dict[str, Any]) -> Any:
    for part, name in KEYS:
        if part in route:
            return made[name]
    return made["item"]


def complaints(page: Page) -> list[str]:
    # The word across paper is decoration; the page says SIMULATED in its head, too
    results = Axe().run(
        page,
        context={"exclude": [[".watermark"]]},
        options={"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]},
    )
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:160] for node in each['nodes'][:3]]}"
        for each in results.response["violations"]
    ]


def look(page: Page, paths: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        answer = page.request.get(path, max_redirects=0)
        if answer.status in {302, 405} or "text/html" not in answer.headers.get("content-type", ""):
            continue  # it leads elsewhere, or is only posted to
        assert answer.status in {200, 409}, (path, answer.status)
        page.goto(path)
        if said := complaints(page):
            found[path] = said
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_to_say_about_any_page(
    browser: Browser, live_server: Any, client_of: ClientOf, filled: dict[str, Any], scheme: Any
) -> None:
    context = open_context(browser, live_server, client_of(Role.ADMIN), color_scheme=scheme)
    found = look(context.new_page(), addresses(filled))
    assert not found, json.dumps(found, indent=1)
    context.close()


def test_axe_has_nothing_to_say_about_signing_in_or_being_turned_away(
    browser: Browser, live_server: Any, client_of: ClientOf
) -> None:
    stranger = open_context(browser, live_server)
    assert look(stranger.new_page(), ["/login/"]) == {}
    stranger.close()
    support = open_context(browser, live_server, client_of(Role.SUPPORT))
    page = support.new_page()
    page.goto("/finance/invoices/")
    assert complaints(page) == []
    support.close()


def test_the_jobs_of_the_sample_are_in_the_states_that_are_looked_at(filled: dict[str, Any]) -> None:
    assert list(Job.objects.filter(pk__in=filled["jobs"]).order_by("pk").values_list("state", flat=True)) == [
        "completed_with_failures",
        "checked",
    ]
