"""What the top of every page tells who started a job."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.xero_sync.pages import make_job, make_rows, text, use_organisation
from xero_sync.models import Job, Schedule

pytestmark = pytest.mark.django_db
TRAY = 'aria-label="Your jobs"'


@pytest.fixture
def me(writer: Client) -> User:
    return User.objects.get(username=Role.FINANCE)


def tray(client: Client, path: str = "/") -> str:
    page = text(client.get(path))
    return " ".join(page.partition(TRAY)[2].partition("</div>")[0].split()) if TRAY in page else ""


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("running", "Running"),
        ("completed", "Completed"),
        ("completed_with_failures", "Completed with failures"),
        ("needs_attention", "Needs attention"),
        ("stopped", "Stopped"),
    ],
)
def test_whoever_started_a_job_is_told_how_it_stands_on_any_page(
    writer: Client, me: User, state: str, said: str
) -> None:
    job = make_job(state, created_by=me)
    for path in ("/", "/crm/accounts/"):
        assert f'href="/finance/jobs/{job.number}/"' in tray(writer, path)
        assert said in tray(writer, path)


def test_warnings_are_said(writer: Client, me: User) -> None:
    make_rows(make_job("completed", created_by=me), 2, state="succeeded", warning="Beware.")
    assert "Completed with warnings" in tray(writer)


def test_a_job_that_waits_for_somebody_to_sign_in_says_so(writer: Client, me: User) -> None:
    make_job("waiting", wait_why="reconnect", created_by=me)
    assert "Waiting for reconnect" in tray(writer)


@pytest.mark.parametrize("state", ["checking", "checked", "expired"])
def test_what_was_not_sent_is_no_news(writer: Client, me: User, state: str) -> None:
    make_job(state, created_by=me)
    assert tray(writer) == ""


def test_the_page_of_the_job_makes_it_known(writer: Client, me: User) -> None:
    job = make_job("completed", created_by=me)
    assert tray(writer, job.get_absolute_url()) == ""
    assert tray(writer) == ""


def test_seen_puts_all_that_have_ended_away_and_stays_where_one_was(writer: Client, me: User) -> None:
    failed, _ = make_job("completed_with_failures", created_by=me), make_job("completed", created_by=me)
    running = make_job("running", created_by=me)
    assert f"Job {failed.number} " in tray(writer)
    assert "and 2 more" in tray(writer)
    assert writer.post("/finance/jobs/seen/", {"next": "/crm/accounts/?q=x"}).url == "/crm/accounts/?q=x"
    assert f"Job {running.number} " in tray(writer)
    assert "Seen" not in tray(writer)
    assert writer.post("/finance/jobs/seen/", {"next": "//evil.example/"}).url == "/finance/jobs/"


def test_what_others_and_schedules_started_is_not_told(writer: Client, me: User, client_of: ClientOf) -> None:
    other = client_of(Role.ADMIN)
    here = use_organisation()
    schedule = Schedule.objects.create(connection=here, task=Schedule.Task.IMPORT_PAYMENTS)
    make_job("completed", created_by=me, schedule=schedule)
    job = make_job("completed", created_by=User.objects.get(username=Role.ADMIN))
    assert tray(writer) == ""
    writer.get(job.get_absolute_url())
    writer.post("/finance/jobs/seen/")
    assert Job.objects.get(pk=job.pk).seen_at is None
    assert "Completed" in tray(other)


def test_news_costs_no_query(writer: Client, me: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(3):
        writer.get("/search/")
    make_job("completed", created_by=me)
    with django_assert_num_queries(3):
        writer.get("/search/")
