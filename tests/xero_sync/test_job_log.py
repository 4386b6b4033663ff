"""The transaction log tells of every record of a job, and of the calls behind its lines."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.xero_sync.pages import make_job, make_rows, text
from tests.xero_sync.test_job_pages import url
from xero_sync import jobs
from xero_sync.models import Job, LogLine, XeroRequest

pytestmark = pytest.mark.django_db


def test_what_a_check_left_out_is_in_the_log_once_the_job_is_sent() -> None:
    job = make_job()
    make_rows(job, outcome="fail", message="This invoice has no lines.", label="INV-1")
    make_rows(job, outcome="decide", message="Two contacts could be Acme.", label="INV-2")
    make_rows(job, outcome="skip", message="Already in Xero in Job 981.", label="INV-3")
    make_rows(job, outcome="create", label="INV-4")
    jobs.send(job)
    told = [(line.record, line.action, line.outcome, line.message) for line in job.log.exclude(record="")]
    assert told == [
        ("INV-1", "Fail", "failed", "This invoice has no lines."),
        ("INV-2", "Fail", "failed", "Two contacts could be Acme."),
        ("INV-3", "Skip", "info", "Already in Xero in Job 981."),
    ]


def written(job: Job, number: int, **fields: Any) -> list[LogLine]:
    return LogLine.objects.bulk_create(
        LogLine(**{"job": job, "time": timezone.now(), "step": "send", "action": "Created", "outcome": "ok",
                   "record": f"INV-{n}", "message": "Created in Xero.", **fields})
        for n in range(number)
    )  # fmt: skip


class TestCall:
    def line(self) -> LogLine:
        job = make_job(Job.State.COMPLETED)
        token = "eyJhbGciOiJSUzI1NiJ9.Q0FOQVJZ.c2ln"
        request = XeroRequest.objects.create(
            job=job, tenant_id="here", kind="contacts", method="POST", path="Contacts", sha256="x", state="done",
            body=b'{"Contacts": [{"Name": "Bolt Ltd", "ContactID": "1-2"}]}', answer=f"Bearer {token}",
            http_status=400,
        )  # fmt: skip
        return written(job, 1, request=request, outcome="failed")[0]

    def test_a_line_opens_what_was_sent_and_what_came_back_without_secrets(self, reader: Client) -> None:
        line = self.line()
        path = url(line.job, f"log/{line.pk}/")
        assert f'href="{path}"' in text(reader.get(url(line.job, "log/")))
        page = text(reader.get(path))
        assert "POST Contacts" in page
        assert "Bolt Ltd" in page
        assert "eyJ" not in page

    def test_within_the_page_it_comes_without_a_frame(self, reader: Client) -> None:
        line = self.line()
        part = text(reader.get(url(line.job, f"log/{line.pk}/"), HTTP_HX_REQUEST="true"))
        assert "<html" not in part
        assert "POST Contacts" in part

    def test_of_a_batch_only_the_records_own_part_is_shown_at_first(self, reader: Client) -> None:
        line = self.line()
        (row,) = make_rows(line.job, label="Acme", kind="contacts")
        LogLine.objects.filter(pk=line.pk).update(row=row)
        XeroRequest.objects.update(body=b'{"Contacts": [{"Name": "Bolt Ltd"}, {"Name": "Acme", "Total": 12.50}]}')
        page = text(reader.get(url(line.job, f"log/{line.pk}/")))
        assert "Bolt Ltd" not in page
        assert "one of 2 of the call" in page
        assert "&quot;Total&quot;: 12.50" in page
        assert "Bolt Ltd" in text(reader.get(url(line.job, f"log/{line.pk}/"), {"whole": "1"}))

    def test_who_reads_jobs_only_sees_no_customer_in_it(self, client_of: ClientOf) -> None:
        line = self.line()
        page = text(client_of(Role.SUPPORT).get(url(line.job, f"log/{line.pk}/")))
        assert "Bolt Ltd" not in page
        assert "&quot;ContactID&quot;: &quot;1-2&quot;" in page

    def test_a_line_without_a_call_or_of_another_job_has_no_such_page(self, reader: Client) -> None:
        line = self.line()
        plain = written(line.job, 1)[0]
        assert reader.get(url(line.job, f"log/{plain.pk}/")).status_code == 404
        assert reader.get(url(make_job(), f"log/{line.pk}/")).status_code == 404


class TestLive:
    def test_new_lines_follow_the_last_one_while_the_job_runs(self, reader: Client) -> None:
        job = make_job(Job.State.RUNNING)
        first = written(job, 2)[-1]
        page = text(reader.get(url(job, "log/")))
        assert f'hx-get="?after={first.pk}"' in page
        assert "Pause new lines" in page
        more = written(job, 3, record="NEW")[-1]
        part = text(reader.get(url(job, "log/"), {"after": first.pk}))
        assert part.count("<tr>") == 3
        assert f'hx-get="?after={more.pk}"' in part

    def test_where_nothing_is_new_it_asks_again_from_the_same_line(self, reader: Client) -> None:
        job = make_job(Job.State.RUNNING)
        last = written(job, 1)[0]
        part = text(reader.get(url(job, "log/"), {"after": last.pk, "outcome": "failed"}))
        assert "<tr>" not in part
        assert f'hx-get="?outcome=failed&amp;after={last.pk}"' in part.replace(
            f"after={last.pk}&amp;outcome=failed", f"outcome=failed&amp;after={last.pk}"
        )

    def test_it_ends_with_the_job(self, reader: Client) -> None:
        job = make_job(Job.State.COMPLETED)
        last = written(job, 1)[0]
        assert "hx-get" not in text(reader.get(url(job, "log/"), {"after": last.pk}))
        assert "Pause new lines" not in text(reader.get(url(job, "log/")))

    def test_on_an_earlier_page_a_link_leads_to_the_newest(self, reader: Client) -> None:
        job = make_job(Job.State.RUNNING)
        written(job, 150)
        page = text(reader.get(url(job, "log/")))
        assert "Pause new lines" not in page
        assert 'href="?page=2">Newest lines' in page


def test_times_can_be_read_as_utc(reader: Client) -> None:
    job = make_job(Job.State.COMPLETED)
    written(job, 1, time=timezone.make_aware(timezone.datetime(2026, 11, 22, 9, 5, 7)))
    assert "2026-11-22 09:05:07 UTC</time>" in text(reader.get(url(job, "log/"), {"times": "utc"}))
