"""Job pages while the job goes on, in a real browser: what the page asks for, counts by itself and says aloud."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.e2e.test_look import overflow, watched_page
from tests.xero_sync.pages import make_job, make_rows
from tests.xero_sync.test_job_log import written
from xero_sync.models import Job, XeroRequest

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def page(browser: Browser, live_server: Any, client_of: ClientOf) -> Iterator[Page]:
    with watched_page(browser, live_server, client_of(Role.FINANCE), width=320) as made:
        yield made


def running(**fields: Any) -> Job:
    job = make_job(Job.State.RUNNING, **fields)
    make_rows(job, 2, state="succeeded")
    make_rows(job, 3, state="pending", label="left")
    return job


def test_the_page_follows_the_job_and_asks_for_little(page: Page) -> None:
    job = running()
    statuses: list[int] = []
    page.on("response", lambda answer: statuses.append(answer.status) if "progress/" in answer.url else None)
    page.goto(job.get_absolute_url())
    with page.expect_response(lambda answer: "progress/" in answer.url and answer.status == 304):
        pass
    # What nobody tells it, it counts: the seconds go on after a 304
    expect(page.get_by_text(re.compile(r"Last activity ([3-9]|1\d) s ago"))).to_be_visible()
    make_rows(job, 1, state="succeeded", label="another")
    expect(page.get_by_text("3 of 6", exact=True).last).to_be_visible()
    assert overflow(page) <= 0
    expect(page.locator("[data-speaks]")).to_have_text("Running. 3 of 6 done.", timeout=15_000)
    assert set(statuses) == {200, 304}
    Job.objects.filter(pk=job.pk).update(state=Job.State.COMPLETED, finished_at=timezone.now())
    expect(page.locator(".headline")).to_be_visible()


def test_a_hidden_tab_asks_for_nothing_and_looks_at_once_when_it_is_seen_again(page: Page) -> None:
    job = running()
    page.goto(job.get_absolute_url())
    page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "progress/" in request.url else None)
    page.wait_for_timeout(4500)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    assert len(asked) == 1


def test_a_wait_counts_down(page: Page) -> None:
    now = timezone.now()
    job = running(wait_why="limit", wait_until=now + timedelta(seconds=40))
    Job.objects.filter(pk=job.pk).update(state=Job.State.WAITING)
    page.goto(job.get_absolute_url())
    left = page.locator("[data-until]")
    expect(left).to_have_text(re.compile("^3[6-9] s$"))
    expect(left).to_have_text(re.compile("^3[0-5] s$"), timeout=10_000)


def test_new_lines_come_by_themselves_unless_the_reader_pauses(page: Page) -> None:
    job = running()
    written(job, 3)
    page.goto(f"{job.get_absolute_url()}log/")
    written(job, 1, record="INV-NEW")
    expect(page.get_by_role("row").filter(has_text="INV-NEW")).to_be_visible()
    pause = page.get_by_role("button", name="Pause new lines")
    pause.click()
    expect(pause).to_have_attribute("aria-pressed", "true")
    written(job, 1, record="INV-LATER")
    page.wait_for_timeout(4000)
    expect(page.get_by_role("row").filter(has_text="INV-LATER")).to_have_count(0)
    pause.click()
    expect(page.get_by_role("row").filter(has_text="INV-LATER")).to_have_count(1)
    expect(page.get_by_role("row").filter(has_text="INV-NEW")).to_have_count(1)


def test_a_line_unfolds_its_call_and_folds_it_again(page: Page) -> None:
    job = make_job(Job.State.COMPLETED)
    request = XeroRequest.objects.create(
        job=job, tenant_id="here", kind="contacts", method="POST", path="Contacts", sha256="x", state="done",
        body=b'{"Contacts": [{"Name": "Bolt Ltd"}]}', http_status=200, correlation_id="abc",
    )  # fmt: skip
    written(job, 1, request=request)
    page.goto(f"{job.get_absolute_url()}log/")
    link = page.get_by_role("link", name="Request of INV-0")
    link.click()
    expect(page.get_by_text('"Name": "Bolt Ltd"')).to_be_visible()
    assert overflow(page) <= 0
    link.click()
    expect(page.locator(".call")).to_have_count(0)


def test_lines_for_support_are_copied_whole(page: Page) -> None:
    job = make_job(Job.State.COMPLETED)
    make_rows(job, 2, state="succeeded")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(job.get_absolute_url())
    page.get_by_role("button", name="Copy for support").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"Job: {job.number} (Export invoices)")
    assert "By state: 2 succeeded" in copied


def test_a_job_is_printed_without_what_is_pressed(page: Page) -> None:
    job = make_job(Job.State.COMPLETED)
    make_rows(job, 2, state="succeeded")
    page.goto(job.get_absolute_url())
    page.emulate_media(media="print")
    expect(page.get_by_role("heading", name=f"Job {job.number}")).to_be_visible()
    expect(page.get_by_text("by finance", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="In Xero").first).to_be_visible()
    for name in ("CSV", "Print", "Copy for support", "Copy Job link"):
        expect(page.get_by_text(name, exact=True)).to_be_hidden()
