"""A day's work of each of the four roles, in a real browser."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bmsxero.roles import Role
from finance.models import Item
from tests.conftest import ClientOf
from tests.e2e.journeys import PATIENCE
from tests.e2e.test_look import Watch, open_context
from tests.records import account, invoice, payment, tax
from xero_sync import jobs
from xero_sync.models import Job, SyncOptions, XeroConnection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.worker]
PageOf = Callable[[Role], Page]

#: Buttons that change nothing.
HARMLESS = {"Apply", "Go", "Print", "Copy Job link", "Copy for support"}
#: One character more than Xero allows.
LONG_CODE = "RACK-42U-BLACK-GLASS-DOOR-800X1"


@pytest.fixture
def page_of(browser: Browser, live_server: Any, client_of: ClientOf) -> Iterator[PageOf]:
    """Open a window for a role that is signed in, and say at the end whether anything went wrong in it."""
    watch, contexts = Watch(live_server.url), []

    def open_page(role: Role) -> Page:
        context = open_context(browser, live_server, client_of(role), viewport={"width": 1280, "height": 800})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page: Page = context.new_page()
        watch.follow(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watch.faults == []


@pytest.fixture
def books() -> None:
    """Two invoices: one that Xero takes, and one whose item has too long a code."""
    vat, bolt = tax(), account("Bolt Ltd")
    invoice("INV-1001", of=bolt, price="100.00", tax=vat, status="ready")
    rack = Item.objects.create(kind="product", name="Rack, 42 units", code=LONG_CODE, tax=vat)
    bad = invoice("INV-1002", of=bolt, price="50.00", tax=vat, status="ready")
    bad.lines.update(item=rack)


def sent(page: Page) -> None:
    """Go from the options of a run through its check to its result."""
    check = page.get_by_role("button", name=re.compile("^Check "))
    send = page.get_by_role("button", name=re.compile("^Send [0-9]+ "))
    expect(check.or_(send).first).to_be_visible(timeout=PATIENCE)
    if check.is_visible():
        check.click()
    expect(send).to_be_enabled(timeout=PATIENCE)
    send.click()
    expect(page.locator(".headline")).to_contain_text("in Xero", timeout=PATIENCE)


def test_an_admin_chooses_how_invoices_arrive(page_of: PageOf, connection: XeroConnection, books: None) -> None:
    page = page_of(Role.ADMIN)
    page.goto("/")
    page.get_by_role("link", name="Setup", exact=True).click()
    page.get_by_role("link", name="Options", exact=True).click()
    page.get_by_label("Authorised").check()
    page.get_by_role("button", name="Save options").click()
    expect(page.get_by_role("status").first).to_be_visible()
    assert SyncOptions.objects.get(connection=connection).status == "AUTHORISED"
    page.get_by_role("link", name="Export invoices").first.click()
    page.get_by_role("button", name="Next").click()
    page.get_by_label("Select invoice INV-1001").check()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_label("Authorised")).to_be_checked()


def test_a_finance_user_mends_one_failure_and_retries_only_that(
    page_of: PageOf, connection: XeroConnection, worker: Any, books: None
) -> None:
    page = page_of(Role.FINANCE)
    page.goto("/finance/xero/export-invoices/")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Select all 2 invoices").click()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_label("Draft").check()
    sent(page)
    expect(page.locator(".headline")).to_have_text("2 invoices: 1 in Xero, 1 failed, 0 unknown.")
    first = Job.objects.get()

    began = time.monotonic()
    page.locator(".problem").get_by_role("link", name=re.compile("^Open")).click()
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("Product number", exact=True).fill("RACK-42U")
    page.get_by_role("button", name=re.compile("^Save")).first.click()
    expect(page.get_by_role("status").first).to_be_visible()
    page.goto(f"/j/{first.number}")
    page.get_by_role("button", name="Retry failed only (1)").click()
    sent(page)
    expect(page.locator(".headline")).to_contain_text("1 invoice: 1 in Xero, 0 failed, 0 unknown.")
    assert time.monotonic() - began < 60

    expect(page.get_by_text("Nothing is left to do here: both sides agree to the cent.")).to_be_visible()
    page.get_by_role("link", name=f"Job {first.number}").first.click()
    expect(page.get_by_text("retried in")).to_be_visible()
    retried = Job.objects.latest("pk")
    assert (retried.retry_of, retried.rows.filter(requested=True).count()) == (first, 1)


@pytest.fixture
def failed(connection: XeroConnection, books: None, worker: Any) -> Job:
    job = jobs.start_check("invoices", "export", {"all": True}, user=None)
    reach(job, Job.State.CHECKED)
    jobs.send(job)
    reach(job, Job.State.COMPLETED_WITH_FAILURES)
    return job


def reach(job: Job, state: str) -> None:
    """Wait for the worker to bring a job to a state."""
    end = time.monotonic() + 60
    while job.state != state:
        assert time.monotonic() < end, (job.state, job.problem)
        time.sleep(0.1)
        job.refresh_from_db()


def test_support_finds_the_cause_from_a_number_in_three_clicks(page_of: PageOf, failed: Job) -> None:
    page = page_of(Role.SUPPORT)
    page.goto("/")
    page.get_by_label("Search accounts, invoices and Job#").fill(f"#{failed.number}")
    page.keyboard.press("Enter")  # the first
    expect(page.locator("h1")).to_contain_text(f"Job {failed.number}")
    problem = page.locator(".problem")
    expect(problem).to_contain_text("INV-1002")
    problem.get_by_role("link", name="Why?").click()  # the second
    expect(page.locator("h1")).to_contain_text("Errors")
    page.go_back()
    page.get_by_role("link", name="Show transactions").click()
    page.get_by_label("Outcome").select_option("failed")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("row").filter(has_text="INV-1002").first).to_be_visible()
    page.goto(f"/finance/jobs/{failed.number}/log/?q=INV-1001")
    page.get_by_role("link", name="Request", exact=False).first.click()
    expect(page.locator(".call")).to_contain_text("Names, addresses and texts are hidden from your role.")
    expect(page.locator(".call")).not_to_contain_text("Bolt Ltd")
    page.get_by_role("link", name="Request", exact=False).first.click()
    expect(page.locator(".call")).to_have_count(0)
    page.goto(f"/j/{failed.number}")
    page.get_by_text("For support", exact=True).click()
    expect(page.locator("#for-support")).to_contain_text("First error: Rack, 42 units [too_long]")
    with page.expect_download() as taken:
        page.get_by_role("link", name="File for support").click()
    assert taken.value.suggested_filename.endswith(".zip")


def test_a_viewer_reads_and_takes_files_and_can_press_nothing_else(page_of: PageOf, failed: Job) -> None:
    good = failed.rows.get(label="INV-1001")
    page = page_of(Role.VIEWER)
    made = payment(invoice("INV-7", status="sent"), "10")
    for path in (
        "/",
        "/crm/accounts/",
        "/finance/invoices/",
        f"/finance/invoices/{good.record_id}/",
        "/finance/payments/",
        f"/finance/payments/{made.pk}/",
        "/finance/jobs/",
        f"/finance/jobs/{failed.number}/",
        f"/finance/jobs/{failed.number}/log/",
        "/admin/finance/account-codes/",
        "/admin/finance/products/",
    ):
        page.goto(path)
        assert page.locator("main form[method=post]").count() == 0, path
        pressed = page.locator("main button:visible").all_inner_texts()
        assert {words.strip() for words in pressed} <= {"Apply", "Go", "Print", "Copy Job link", "Copy for support"}, (
            path
        )
    page.goto(f"/finance/jobs/{failed.number}/")
    with page.expect_download() as taken:
        page.get_by_role("link", name="CSV", exact=True).click()
    assert f"job-{failed.number}-rows" in taken.value.suggested_filename
    page.goto("/finance/invoices/")
    with page.expect_download() as taken:
        page.get_by_role("link", name=re.compile("^CSV of all")).click()
    assert taken.value.suggested_filename.endswith(".csv")
