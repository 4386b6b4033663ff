"""The pages that show rather than tell: Home's sync health, Finance > Overview, the way between the two sides."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bmsxero.roles import READERS, Role
from finance.models import Invoice
from tests.conftest import ClientOf
from tests.records import invoice
from tests.xero_sync.pages import make_job, make_rows, use_organisation
from xero_sync import clock, month_end, pictures
from xero_sync.models import Job, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(db: None, settings: Any) -> XeroConnection:
    return use_organisation(client_id=settings.XERO_CLIENT_ID)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def ready(days: int, number: str = "", **fields: Any) -> Invoice:
    return invoice(number, status="ready", ready_at=timezone.now() - timedelta(days=days), **fields)


# --- Home


def test_sync_health_counts_by_day_and_leads_to_the_days_jobs(reader: Client, here: XeroConnection) -> None:
    job = make_job(Job.State.COMPLETED_WITH_FAILURES)
    make_rows(job, 3, state="succeeded")
    make_rows(job, 1, state="succeeded", warning="Mind this.")
    make_rows(job, 2, state="failed")
    plot = pictures.sync_health()
    assert plot.description == "6 records in 90 days: 3 went well, 1 with a warning, 2 failed."
    (line,) = plot.lines
    assert line.cells == ("3", "1", "2")
    assert line.url in text(reader.get("/")).replace("&amp;", "&")
    assert reader.get(line.url).context["grid"].total == 1


def test_sync_health_leaves_out_checks_and_what_is_older(here: XeroConnection) -> None:
    make_rows(make_job(Job.State.CHECKED), 2)
    old = make_job(Job.State.COMPLETED)
    make_rows(old, 2, state="succeeded")
    Job.objects.filter(pk=old.pk).update(created=timezone.now() - timedelta(days=91))
    assert pictures.sync_health().empty == "Needs one export or import."


# --- Finance > Overview


def test_what_waits_is_counted_by_age_and_leads_to_those_very_invoices(reader: Client, here: XeroConnection) -> None:
    for days in (0, 7, 8, 14, 15, 30, 31, 60, 61, 400):
        ready(days)
    ready(3, currency="EUR", price="5")
    invoice(status="sent")  # ready since nobody knows when
    linked = ready(20)
    XeroLink.objects.create(tenant_id=here.tenant_id, kind="invoices", local_id=linked.uuid, xero_id="x")
    invoice(status="draft")
    plot = pictures.unexported(pictures.waiting(here))
    assert [line.cells[0] for line in plot.lines] == ["4", "2", "2", "2", "2"]
    assert "EUR\N{NO-BREAK SPACE}5.00" in plot.lines[0].cells[1]
    assert plot.description == "12 invoices wait, 4 of them over 30 days."
    for line in plot.lines:
        assert reader.get(line.url).context["grid"].total == int(line.cells[0])


def test_nothing_waiting_is_said(reader: Client, here: XeroConnection) -> None:
    assert "Nothing waits: every invoice that is ready is in Xero." in text(reader.get("/finance/"))


def test_the_month_end_list_is_done_when_it_is(here: XeroConnection, reader: Client) -> None:
    waiting = ready(1)
    job = make_job(Job.State.COMPLETED_WITH_FAILURES)
    make_rows(job, 1, state="failed", record_key="a")
    items = month_end.checklist(here, who_of(reader), pictures.waiting(here).total)
    assert [str(item.state) for item in items] == ["To do", "To do", "To do"]
    Invoice.objects.filter(pk=waiting.pk).update(status="void")
    make_rows(make_job(Job.State.COMPLETED), 1, state="succeeded", record_key="a")
    make_job(Job.State.COMPLETED, kind="payments", direction="import")
    assert [str(item.state) for item in month_end.checklist(here, who_of(reader), pictures.waiting(here).total)] == [
        "Done",
        "Done",
        "Done",
    ]


def who_of(client: Client) -> Any:
    return client.get("/").context["who"]


def test_the_overview_opens_without_any_connection(reader: Client) -> None:
    ready(2, price="10")
    page = text(reader.get("/finance/"))
    assert "1 invoice waits" in page
    assert "Not connected" in page


@pytest.mark.parametrize("role", Role)
def test_who_may_open_the_overview(client_of: ClientOf, role: Role) -> None:
    assert (client_of(role).get("/finance/").status_code == 200) == (role in READERS)


# --- the hub


def test_each_arrow_leads_to_its_wizard_and_says_what_waits(writer: Client, here: XeroConnection) -> None:
    ready(1)
    job = make_job(Job.State.COMPLETED)
    page = writer.get("/finance/xero/")
    lines = {(line.title, line.cells[0]): line for line in page.context["flow"].lines}
    assert len(lines) == 8
    invoices = lines["Invoices", "To Xero"]
    assert invoices.url == "/finance/xero/export-invoices/"
    assert invoices.cells[1] == "1 ready"
    assert f"Job {job.number}" in invoices.cells[2]
    assert lines["Payments", "From Xero"].cells[1:] == ("not read yet", "Never run")


def test_who_may_not_export_sees_the_picture_without_links(reader: Client, here: XeroConnection) -> None:
    assert {line.url for line in reader.get("/finance/xero/").context["flow"].lines} == {""}


def test_the_quota_says_what_sending_would_take(here: XeroConnection) -> None:
    here.day_remaining = 4_000
    minute, day = pictures.quota(here, ready=120).lines
    assert minute.cells[0] == "0 of 60 calls used"
    assert day.cells == ("4,000 calls left", "sending what is ready takes about 14")


def test_the_calls_of_a_day_are_drawn_by_the_hour_with_a_table(reader: Client, here: XeroConnection) -> None:
    assert "No call in the last 24 hours." in text(reader.get("/finance/xero/"))
    here.hourly_calls = {f"{clock.now().astimezone(UTC):%Y-%m-%dT%H}": 7}
    here.save()
    plot = reader.get("/finance/xero/").context["calls"]
    assert plot.description == "7 calls, at most 7 in one hour."
    (line,) = plot.lines
    assert line.cells == ("7",)
    assert line.url.startswith("/finance/jobs/?started_from=")


# --- cost


@pytest.mark.parametrize("path", ["/", "/finance/", "/finance/xero/"])
def test_more_records_cost_no_more_queries(
    client_of: ClientOf, here: XeroConnection, django_assert_max_num_queries: Any, path: str
) -> None:
    me = client_of(Role.ADMIN)
    numbers = []
    for many in (2, 20):
        for _ in range(many):
            ready(3, price="1")
            make_rows(make_job(Job.State.COMPLETED), 2, state="succeeded")
        me.get(path)
        with django_assert_max_num_queries(25) as captured:
            me.get(path)
        numbers.append(len(captured))
    assert numbers[0] == numbers[1]
