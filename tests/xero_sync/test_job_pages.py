"""The list of jobs, the page of one in each of its states, its log and files, and the short links."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.records import invoice
from tests.xero_sync.pages import make_job, make_rows, text, use_organisation
from xero_sync import jobs
from xero_sync.models import DeepLink, Job, JobRow, LogLine

pytestmark = pytest.mark.django_db
State = Job.State


def url(job: Job, rest: str = "") -> str:
    return f"/finance/jobs/{job.number}/{rest}"


def words(response: Any) -> str:
    """Return the text of a page as a person reads it."""
    body = re.sub(r"<script.*?</script>|<[^>]+>", " ", text(response), flags=re.DOTALL)
    return re.sub(r"\s+", " ", body).replace("&#x27;", "'").replace("&gt;", ">")


def queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(database) as caught:
        assert client.get(path).status_code == 200
    return len(caught)


def lines(job: Job, number: int = 1, **fields: Any) -> list[LogLine]:
    return LogLine.objects.bulk_create(
        LogLine(**{"job": job, "time": timezone.now(), "step": "send", "action": "Created", "outcome": "ok",
                   "record": f"INV-{n}", "message": "Created in Xero.", **fields})
        for n in range(number)
    )  # fmt: skip


class TestChecking:
    def test_the_page_asks_again_by_itself_with_and_without_javascript(self, writer: Client) -> None:
        page = text(writer.get(url(make_job(State.CHECKING))))
        assert 'hx-trigger="every 2s, look"' in page
        assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page

    def test_polling_slows_down(self, writer: Client) -> None:
        job = make_job(State.RUNNING)
        for age, every in ((30, "2s"), (120, "5s"), (600, "10s")):
            Job.objects.filter(pk=job.pk).update(sent_at=timezone.now() - timedelta(seconds=age))
            assert f'hx-trigger="every {every}, look"' in text(writer.get(url(job, "progress/")))

    def test_polling_ends_when_the_check_is_there(self, writer: Client) -> None:
        answer = writer.get(url(make_job(State.CHECKED), "progress/"))
        assert answer.status_code == 286
        assert answer.headers["HX-Refresh"] == "true"

    def test_a_worker_that_does_not_come_is_told(self, writer: Client) -> None:
        job = make_job(State.CHECKING, last_activity=None)
        assert "No worker" not in words(writer.get(url(job)))
        Job.objects.filter(pk=job.pk).update(created=timezone.now() - timedelta(seconds=20))
        assert "No worker has taken this up yet. Nothing is lost" in words(writer.get(url(job)))

    def test_a_worker_that_is_at_it_is_not_called_missing(self, writer: Client) -> None:
        job = make_job(State.CHECKING, lease_owner="me", lease_until=timezone.now() + timedelta(minutes=1))
        Job.objects.filter(pk=job.pk).update(created=timezone.now() - timedelta(seconds=60), last_activity=None)
        assert "No worker" not in words(writer.get(url(job)))

    def test_a_check_that_failed_can_be_made_again(self, writer: Client) -> None:
        job = make_job(State.NEEDS_ATTENTION, sent_at=None, checked_at=None, problem="Xero can't be reached.")
        page = words(writer.get(url(job)))
        assert "Xero can't be reached." in page
        writer.post(url(job, "retry/"), {"token": str(uuid4())})
        again = Job.objects.latest("pk")
        assert (again.retry_of, again.selection, again.state) == (job, job.selection, State.CHECKING)


class TestChecked:
    def test_the_headline_tells_counts_money_status_and_side_effects(self, writer: Client) -> None:
        job = make_job()
        make_rows(job, 12, amount=Decimal("1533.54"))
        make_rows(job, 2, kind="contacts", requested=False, amount=None, our_total=None)
        make_rows(job, 3, kind="items", requested=False, amount=None, our_total=None)
        page = words(writer.get(url(job)))
        assert (
            "This will create 12 invoices (18,402.48 GBP) as Draft in Acme MSP Ltd. "
            "It also creates 2 contacts and 3 items." in page
        )
        assert "Send 12 invoices to Xero" in page

    def test_calls_and_what_is_left_of_today_are_told(self, writer: Client) -> None:
        job = make_job(connection=use_organisation(day_remaining=4212))
        make_rows(job, 60)
        assert "About 2 calls of the 4,212 left today." in words(writer.get(url(job)))

    def test_tabs_count_what_they_show(self, writer: Client) -> None:
        job = make_job()
        for outcome, number in (("create", 3), ("skip", 2), ("decide", 1), ("fail", 4)):
            make_rows(job, number, outcome=outcome, label=f"{outcome}-row")
        page = writer.get(url(job))
        tabs = {tab.name: tab.number for tab in page.context["tabs"]}
        assert tabs == {"all": 10, "create": 3, "skip": 2, "decide": 1, "fail": 4}
        for name, number in tabs.items():
            shown = writer.get(url(job), {"show": name}).context["grid"]
            assert shown.total == number

    def test_problems_are_grouped_by_cause_with_the_fix_beside(self, writer: Client) -> None:
        job = make_job()
        said = "“Cloud Backup” has no income account and no default is set."
        make_rows(job, 14, outcome="fail", reason="account_missing", message=said, fix_url="options")
        make_rows(job, 1, outcome="fail", reason="no_lines", message="This invoice has no lines.", record_id=7,
                  fix_url="/finance/invoices/7/", label="INV-7")  # fmt: skip
        page = writer.get(url(job))
        missing, no_lines = page.context["problems"]
        assert (missing.title, missing.count) == ("No account for what is sold", 14)
        assert [(each.number, each.words, each.fix.url) for each in missing.causes] == [
            (14, said, "/finance/xero/setup/options/")
        ]
        assert [(each.fix.label, each.fix.url) for each in no_lines.causes] == [("Open INV-7", "/finance/invoices/7/")]

    def test_changes_are_told_in_words(self, writer: Client) -> None:
        job = make_job(kind="contacts")
        make_rows(job, outcome="update", diff=[["Phone", "020 1", "0161 2"], ["E-mail", "", "a@b.example"]])
        page = words(writer.get(url(job)))
        assert "Phone: 020 1 → 0161 2" in page
        assert "E-mail: nothing → a@b.example" in page

    def test_totals_of_both_sides_stand_side_by_side(self, writer: Client) -> None:
        job = make_job()
        make_rows(job, outcome="fail", our_total=Decimal("10.50"), xero_total=Decimal("10.51"))
        page = words(writer.get(url(job)))
        assert "GBP 10.50" in page
        assert "GBP 10.51 differs" in page

    def test_with_nothing_to_send_the_button_is_dead(self, writer: Client) -> None:
        job = make_job()
        make_rows(job, outcome="fail")
        page = text(writer.get(url(job)))
        assert "Nothing of this can be sent as it is." in page
        assert re.search(r"<button[^>]*disabled", page)

    def test_who_only_reads_gets_no_buttons(self, reader: Client) -> None:
        job = make_job()
        make_rows(job)
        assert "Send 1 invoice to Xero" not in words(reader.get(url(job)))

    def test_an_expired_check_says_so(self, writer: Client) -> None:
        job = make_job(State.EXPIRED)
        make_rows(job)
        assert "it has expired" in words(writer.get(url(job)))

    def test_what_an_import_does_besides_is_told(self, writer: Client) -> None:
        job = make_job(kind="payments", direction="import", options={})
        make_rows(job, 5, amount=Decimal(240))
        make_rows(job, 1, requested=False, outcome="update", reason="reversed_in_xero")
        make_rows(job, 2, kind="credits", requested=False)
        page = words(writer.get(url(job)))
        assert "This will import 5 payments (1,200.00 GBP) from Acme MSP Ltd." in page
        assert (
            "It also takes back 1 payment that was deleted in Xero and records what Xero credited to 2 invoices."
            in page
        )
        assert "Import 5 payments" in page

    def test_a_reversal_alone_can_be_applied(self, writer: Client) -> None:
        job = make_job(kind="payments", direction="import", options={})
        make_rows(job, 1, requested=False, outcome="update")
        page = text(writer.get(url(job)))
        assert "Apply these changes" in page
        assert not re.search(r"<button[^>]*disabled", page)


class TestSend:
    def test_two_sends_send_once(self, writer: Client) -> None:
        job = make_job()
        make_rows(job, 2)
        writer.post(url(job, "send/"))
        second = writer.post(url(job, "send/"), follow=True)
        assert "has been sent already. Nothing was sent twice." in words(second)
        assert LogLine.objects.filter(job=job, action="Send").count() == 1

    def test_an_old_check_is_made_again_before_anything_is_sent(self, writer: Client) -> None:
        job = make_job(checked_at=timezone.now() - timedelta(minutes=16))
        make_rows(job)
        page = writer.post(url(job, "send/"), follow=True)
        job.refresh_from_db()
        assert (job.state, job.sent_at) == (State.CHECKING, None)
        assert "This was checked 16 min 0 s ago, so it is being checked again. Nothing was sent yet" in words(page)

    def test_authorised_invoices_need_the_tick(self, writer: Client) -> None:
        job = make_job(options={"status": "AUTHORISED"})
        make_rows(job)
        assert "These post to the ledger" in words(writer.get(url(job)))
        writer.post(url(job, "send/"))
        job.refresh_from_db()
        assert job.state == State.CHECKED
        writer.post(url(job, "send/"), {"posts": "yes"})
        job.refresh_from_db()
        assert job.state == State.QUEUED

    def test_many_documents_for_a_real_xero_need_a_tick_unless_few_are_tried(
        self, writer: Client, settings: Any
    ) -> None:
        job = make_job()
        make_rows(job, 51)
        assert "the real Xero" not in words(writer.get(url(job)))
        settings.XERO_API_URL = "https://api.xero.com/api.xro/2.0"
        label = (
            "These 51 invoices go to Acme MSP Ltd in the real Xero. "
            "They post to the ledger once somebody approves them there"
        )
        assert label in words(writer.get(url(job)))
        assert f"Nothing was sent. Tick “{label}” first." in words(writer.post(url(job, "send/"), follow=True))
        writer.post(url(job, "send/"), {"try": "first"})
        job.refresh_from_db()
        assert job.state == State.QUEUED

    def test_fifty_documents_for_a_real_xero_need_none(self, writer: Client, settings: Any) -> None:
        settings.XERO_API_URL = "https://api.xero.com/api.xro/2.0"
        job = make_job()
        make_rows(job, 50)
        writer.post(url(job, "send/"))
        job.refresh_from_db()
        assert job.state == State.QUEUED

    def test_check_again_throws_the_plan_away(self, writer: Client) -> None:
        job = make_job()
        make_rows(job)
        writer.post(url(job, "recheck/"))
        job.refresh_from_db()
        assert (job.state, job.rows.count()) == (State.CHECKING, 0)

    def test_a_job_that_was_sent_is_not_checked_again(self, writer: Client) -> None:
        job = make_job(State.COMPLETED)
        make_rows(job, state="succeeded")
        assert "can't be checked again: it is completed" in words(writer.post(url(job, "recheck/"), follow=True))
        assert job.rows.count() == 1


class TestRunning:
    def test_counts_stages_and_activity_are_told(self, writer: Client) -> None:
        job = make_job(State.RUNNING)
        make_rows(job, 3, state="succeeded")
        make_rows(job, 1, state="failed")
        make_rows(job, 6, state="pending")
        make_rows(job, 2, kind="contacts", requested=False, state="succeeded")
        Job.objects.filter(pk=job.pk).update(last_activity=timezone.now() - timedelta(seconds=3))
        page = words(writer.get(url(job)))
        assert "Sending invoices to Xero." in page
        assert "4 of 10 · 3 done · 1 failed · 6 left" in page
        assert "Contacts: 2 of 2" in page
        assert "Invoices: 4 of 10" in page
        assert "Last activity 3 s ago" in page
        assert "You can close this page." in page

    @pytest.mark.parametrize(
        ("why", "told"),
        [
            ("limit", "Xero allows 60 calls a minute. Goes on by itself at"),
            ("day", "Xero's daily limit is used up. Goes on by itself at"),
            ("settle", "Xero may still be working on an unanswered call. Goes on by itself at"),
            ("reconnect", "Xero needs somebody to sign in again. Nothing was lost"),
        ],
    )
    def test_a_wait_says_for_what_and_until_when(self, writer: Client, why: str, told: str) -> None:
        job = make_job(State.WAITING, wait_why=why, wait_until=timezone.now() + timedelta(seconds=23))
        assert told in words(writer.get(url(job)))

    def test_a_queued_job_names_the_one_ahead(self, writer: Client) -> None:
        ahead = make_job(State.RUNNING)
        job = make_job(State.QUEUED, last_activity=timezone.now() - timedelta(minutes=1))
        page = words(writer.get(url(job)))
        assert f"It waits for Job {ahead.number} : one at a time" in page
        assert "No worker" not in page

    def test_a_queued_job_that_nobody_takes_up_says_so(self, writer: Client) -> None:
        job = make_job(State.QUEUED, last_activity=timezone.now() - timedelta(seconds=20))
        assert "No worker has taken this up yet" in words(writer.get(url(job)))

    def test_a_wait_that_is_over_and_nobody_ends_says_so(self, writer: Client) -> None:
        job = make_job(State.WAITING, wait_why="limit", wait_until=timezone.now() - timedelta(minutes=2))
        assert "No worker has taken this up yet" in words(writer.get(url(job)))

    def test_a_stalled_job_says_that_nothing_is_lost(self, writer: Client) -> None:
        job = make_job(State.RUNNING, last_activity=timezone.now() - timedelta(seconds=90))
        assert "Nothing is lost, and nothing is done twice" in words(writer.get(url(job)))

    def test_a_queued_job_knows_its_place(self, writer: Client) -> None:
        make_job(State.RUNNING)
        make_job(State.QUEUED)
        assert "It is number 2 in the queue." in words(writer.get(url(make_job(State.QUEUED))))

    def test_nothing_new_is_told_in_no_words(self, writer: Client) -> None:
        job = make_job(State.RUNNING)
        make_rows(job, 3, state="pending")
        first = writer.get(url(job, "progress/"))
        assert first.headers["Cache-Control"] == "no-store"
        known = {"HTTP_IF_NONE_MATCH": first.headers["ETag"]}
        # Time alone is counted by the page
        Job.objects.filter(pk=job.pk).update(last_activity=timezone.now() - timedelta(seconds=20))
        again = writer.get(url(job, "progress/"), **known)
        assert (again.status_code, again.content) == (304, b"")
        make_rows(job, 1, state="succeeded", label="one more")
        assert writer.get(url(job, "progress/"), **known).status_code == 200
        Job.objects.filter(pk=job.pk).update(last_activity=timezone.now() - timedelta(seconds=61))
        assert "Stalled" in words(writer.get(url(job, "progress/"), **known))

    def going(self, done: int, left: int, seconds: int, **fields: Any) -> Job:
        now = timezone.now()
        job = make_job(State.RUNNING, started_at=now - timedelta(seconds=seconds), **fields)
        make_rows(job, done, state="succeeded")
        make_rows(job, left, state="pending", label="left")
        pace = {"since": (now - timedelta(seconds=seconds)).isoformat(), "done": 0}
        Job.objects.filter(pk=job.pk).update(counts={**job.counts, "pace": pace}, last_activity=now)
        job.refresh_from_db()
        return job

    @pytest.mark.parametrize(
        ("done", "left", "seconds", "told"),
        [
            (9, 90, 30, "Working out the time."),
            (40, 90, 4, "Working out the time."),
            (100, 100, 20, "About 10–30 s left."),
            (100, 300, 20, "About 1–2 minutes left."),
            (100, 900, 20, "About 2–4 minutes left."),
            (10, 90, 1000, "About 1–4 hours left."),
        ],
    )
    def test_how_long_it_takes_is_told_as_a_range_once_there_is_a_pace(
        self, writer: Client, done: int, left: int, seconds: int, told: str
    ) -> None:
        assert told in words(writer.get(url(self.going(done, left, seconds))))

    def test_a_day_that_will_not_do_is_told_instead_of_a_time(self, writer: Client) -> None:
        job = self.going(100, 300, 60, calls=50, connection=use_organisation(day_remaining=20))
        assert "Xero's daily limit will not do for the rest of it" in words(writer.get(url(job)))

    def test_after_a_long_pause_the_pace_begins_anew(self) -> None:
        job = self.going(100, 300, 3600)
        jobs.recount(job)
        assert job.counts["pace"]["done"] == 0
        job.last_activity = timezone.now() - timedelta(hours=1)
        jobs.recount(job)
        assert job.counts["pace"]["done"] == 100

    def test_stop_is_asked_for(self, writer: Client) -> None:
        job = make_job(State.RUNNING)
        make_rows(job, 2, state="pending")
        page = writer.post(url(job, "stop/"), follow=True)
        job.refresh_from_db()
        assert job.state == State.STOPPING
        assert "The batch in flight still ends" in words(page)

    def test_polling_asks_for_little(self, writer: Client) -> None:
        job = make_job(State.RUNNING)
        make_rows(job, 10, state="pending")
        few = queries(writer, url(job, "progress/"))
        make_rows(job, 190, state="pending", label="more")
        assert queries(writer, url(job, "progress/")) == few
        assert few <= 3  # session, user with roles, job


class TestResult:
    def finished(self) -> Job:
        job = make_job(State.COMPLETED_WITH_FAILURES)
        make_rows(job, 385, state="succeeded", xero_id="abc")
        make_rows(job, 9, state="succeeded", warning="Account code '476' has been removed.", label="warned")
        make_rows(job, 6, state="failed", reason="refused", message="The item code is not valid.",
                  xero_message="Item code 'X' is not valid", label="INV-bad")  # fmt: skip
        return job

    def test_the_heading_is_the_truth(self, writer: Client) -> None:
        page = words(writer.get(url(self.finished())))
        assert "400 invoices: 385 in Xero, 9 with warnings, 6 failed, 0 unknown." in page

    def test_what_is_in_doubt_is_never_called_done(self, writer: Client) -> None:
        job = make_job(State.NEEDS_ATTENTION)
        make_rows(job, 1, state="succeeded")
        make_rows(job, 1, state="needs_review", reason="needs_review", message="Look in Xero.")
        page = words(writer.get(url(job)))
        assert "2 invoices: 1 in Xero, 0 failed, 1 unknown." in page
        assert "Needs attention" in page

    def test_failures_stand_first_with_xeros_own_words(self, writer: Client) -> None:
        page = writer.get(url(self.finished()), {"show": "failed"})
        (problem,) = page.context["problems"]
        assert (problem.title, problem.count) == ("Xero refused them", 6)
        assert "<summary>Xero's own words</summary>Item code &#x27;X&#x27; is not valid</details>" in text(page)

    def test_a_warning_is_amber_and_has_its_tab(self, writer: Client) -> None:
        page = writer.get(url(self.finished()), {"show": "warnings"})
        assert page.context["grid"].total == 9
        assert "In Xero, with warning" in words(page)

    def test_a_stopped_job_says_what_was_not_sent(self, writer: Client) -> None:
        job = make_job(State.STOPPED)
        make_rows(job, 3, state="succeeded")
        make_rows(job, 1, state="skipped", outcome="skip", label="same")
        make_rows(job, 2, state="skipped", reason="stopped", message="Not sent: the job was stopped.", label="left")
        assert "6 invoices: 3 in Xero, 1 skipped, 2 not sent, 0 failed, 0 unknown." in words(writer.get(url(job)))

    def test_a_job_with_warnings_alone_is_not_simply_completed(self, writer: Client) -> None:
        job = make_job(State.COMPLETED)
        make_rows(job, 2, state="succeeded", warning="The code has been removed.")
        assert "Completed with warnings" in words(writer.get(url(job)))
        assert "Nothing is left to do" not in words(writer.get(url(job)))

    def test_each_row_leads_to_both_sides(self, writer: Client) -> None:
        here = use_organisation(short_code="!abc")
        made = invoice("INV-1")
        job = make_job(State.COMPLETED, connection=here)
        make_rows(job, state="succeeded", record_id=made.pk, xero_id="5b96e86b")
        page = text(writer.get(url(job)))
        assert f'href="/finance/invoices/{made.pk}/"' in page
        assert f'href="{here.app_url("invoicing/view/5b96e86b")}" target="_blank" rel="noopener"' in page

    def test_retry_takes_the_failed_ones_only_and_links_both(self, writer: Client) -> None:
        job = self.finished()
        form = {"token": str(uuid4())}
        assert "Retry failed only (6)" in words(writer.get(url(job)))
        writer.post(url(job, "retry/"), form)
        writer.post(url(job, "retry/"), form)
        again = Job.objects.exclude(pk=job.pk).get()
        assert len(again.selection["ids"]) == 6
        assert f"retried in Job {again.number}" in words(writer.get(url(job)))
        assert f"retry of Job {job.number}" in words(writer.get(url(again)))

    def test_nothing_failed_nothing_to_retry(self, writer: Client) -> None:
        job = make_job(State.COMPLETED)
        make_rows(job, 2, state="succeeded")
        assert "Retry" not in words(writer.get(url(job)))
        assert "is left to retry" in words(writer.post(url(job, "retry/"), follow=True))
        assert Job.objects.count() == 1

    def test_who_when_where_how_long_and_how_many_calls(self, writer: Client) -> None:
        now = timezone.now()
        job = make_job(State.COMPLETED, calls=9, sent_at=now - timedelta(seconds=65), finished_at=now)
        make_rows(job, state="succeeded")
        page = words(writer.get(url(job)))
        assert "Acme MSP Ltd by finance sent" in page
        assert "took 1 min 5 s 9 calls to Xero" in page
        assert f"/j/{job.number}" in page

    def test_support_reads_jobs_without_links_to_records(self, client_of: ClientOf) -> None:
        job = make_job(State.COMPLETED)
        make_rows(job, state="succeeded", record_id=invoice().pk)
        page = client_of(Role.SUPPORT).get(url(job))
        assert page.status_code == 200
        assert "/finance/invoices/" not in text(page)


class TestImports:
    """What comes here is never said to be in Xero."""

    def finished(self, **fields: Any) -> Job:
        job = make_job(State.COMPLETED, kind="contacts", direction="import", options={}, **fields)
        make_rows(job, 3, state="succeeded", how="created")
        make_rows(job, 1, state="succeeded", how="linked", label="linked")
        make_rows(job, 1, state="succeeded", how="updated", label="updated")
        return job

    def test_rows_and_tabs_say_what_happened_here(self, writer: Client) -> None:
        page = writer.get(url(self.finished()))
        told = words(page)
        assert "5 contacts: 5 imported, 0 failed, 0 unknown." in told
        assert [tab.label for tab in page.context["tabs"]] == ["All", "Imported"]
        assert "Linked here" in told
        assert "Updated here" in told
        assert "Nothing is left to do here." in told
        body = b"".join(writer.get(url(page.context["job"], "rows.csv")).streaming_content).decode()  # type: ignore[attr-defined]
        assert ",In Xero," not in body
        assert "View the 3 new accounts" in told

    def test_a_check_and_a_second_press_speak_of_importing(self, writer: Client) -> None:
        job = make_job(kind="contacts", direction="import", options={})
        make_rows(job)
        assert "Checked, not imported" in words(writer.get(url(job)))
        writer.post(url(job, "send/"))
        assert "imported already. Nothing was imported twice." in words(writer.post(url(job, "send/"), follow=True))

    def test_a_stopped_import_has_rows_that_are_not_imported(self, writer: Client) -> None:
        job = make_job(State.STOPPED, kind="contacts", direction="import", options={})
        make_rows(job, 2, state="planned")
        assert "2 not imported" in words(writer.get(url(job)))


class TestNumbers:
    def test_an_unknown_job_is_not_found_and_can_be_searched_for(self, writer: Client) -> None:
        for rest in ("", "log/", "log.csv", "rows.csv", "progress/"):
            page = writer.get(f"/finance/jobs/1042/{rest}")
            assert page.status_code == 404
            assert "No Job 1042 here." in words(page)
            assert 'name="job"' in text(page)

    def test_a_number_typed_in_leads_to_its_job(self, writer: Client) -> None:
        assert writer.get("/finance/jobs/", {"job": "#17"}).headers["Location"] == "/finance/jobs/17/"

    def test_the_short_link_asks_who_you_are_first(self, stranger: Client, writer: Client) -> None:
        job = make_job()
        assert stranger.get(f"/j/{job.number}").headers["Location"] == f"/login/?next=/j/{job.number}"
        assert writer.get(f"/j/{job.number}").headers["Location"] == url(job)

    def test_the_link_in_xero_leads_to_the_invoice(self, stranger: Client, reader: Client) -> None:
        made = invoice()
        link = DeepLink.objects.create(tenant_id="here", kind="invoices", local_id=made.uuid)
        assert stranger.get(f"/i/{link.uuid}/").headers["Location"].startswith("/login/?next=/i/")
        assert reader.get(f"/i/{link.uuid}/").headers["Location"] == f"/finance/invoices/{made.pk}/"

    def test_an_unknown_link_leads_nowhere(self, reader: Client) -> None:
        assert reader.get(f"/i/{uuid4()}/").status_code == 404

    def test_support_does_not_get_to_invoices_by_the_link(self, client_of: ClientOf) -> None:
        assert client_of(Role.SUPPORT).get(f"/i/{uuid4()}/").status_code == 403


class TestList:
    def test_checks_nobody_sent_are_hidden_unless_asked_for(self, reader: Client) -> None:
        sent, unsent = make_job(State.COMPLETED), make_job()
        assert [row.record for row in reader.get("/finance/jobs/").context["grid"].rows] == [sent]
        shown = reader.get("/finance/jobs/", {"state": "unsent"}).context["grid"].rows
        assert [row.record for row in shown] == [unsent]

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({"type": "import-payments"}, {"payments"}),
            ({"state": "failures"}, {"failed"}),
            ({"touches": "inv-77"}, {"failed"}),
            ({"touches": "Bolt"}, {"failed"}),
            ({"started_from": "2026-11-20"}, {"payments", "failed"}),
            ({"started_to": "2026-11-20"}, {"old"}),
            ({"started_from": "rubbish"}, set()),
        ],
    )
    def test_jobs_are_found_by(self, reader: Client, asked: dict[str, str], found: set[str]) -> None:
        made = {
            "old": make_job(State.COMPLETED),
            "failed": make_job(State.COMPLETED_WITH_FAILURES),
            "payments": make_job(State.COMPLETED, kind="payments", direction="import"),
        }
        day = timezone.make_aware(timezone.datetime(2026, 11, 1, 12))
        for name, started in (("old", day), ("failed", day + timedelta(days=20)), ("payments", day + timedelta(20))):
            Job.objects.filter(pk=made[name].pk).update(created=started)
        make_rows(made["failed"], label="INV-77", detail="Bolt Ltd")
        rows = reader.get("/finance/jobs/", asked).context["grid"].rows
        assert {row.record.pk for row in rows} == {made[name].pk for name in found}

    def test_jobs_are_found_by_who_started_them(self, reader: Client, user_of: Any) -> None:
        user = user_of(Role.FINANCE)
        mine = make_job(State.COMPLETED, created_by=user)
        make_job(State.COMPLETED)
        rows = reader.get("/finance/jobs/", {"who": user.pk}).context["grid"].rows
        assert [row.record for row in rows] == [mine]

    def test_counts_stand_beside_each_job(self, reader: Client) -> None:
        job = make_job(State.COMPLETED_WITH_FAILURES)
        make_rows(job, 3, state="succeeded", how="created")
        make_rows(job, 2, state="failed")
        (row,) = reader.get("/finance/jobs/").context["grid"].rows
        told = {column.name: value for column, value in row.cells}
        assert [part.label for part in told["result"]] == ["3 created", "2 failed"]

    def test_an_empty_list_says_what_a_job_is(self, reader: Client) -> None:
        assert "No jobs yet" in words(reader.get("/finance/jobs/"))


class TestLog:
    def test_a_line_keeps_its_address_on_whichever_page_it_is(self, reader: Client) -> None:
        job = make_job(State.COMPLETED)
        made = lines(job, 250)
        answer = reader.get(url(job, "log/"), {"line": made[150].pk})
        assert answer.headers["Location"] == url(job, f"log/?page=2#t{made[150].pk}")
        assert f'id="t{made[150].pk}"' in text(reader.get(url(job, "log/?page=2")))

    @pytest.mark.parametrize(
        ("asked", "number"),
        [
            ({"outcome": "failed"}, 1),
            ({"step": "check"}, 1),
            ({"record": "special"}, 1),
            ({"q": "no lines"}, 1),
            ({"q": "abc-123"}, 1),
            ({"q": "nothing like it"}, 0),
        ],
    )
    def test_the_whole_log_is_searched(self, reader: Client, asked: dict[str, str], number: int) -> None:
        job = make_job(State.COMPLETED)
        lines(job, 200)
        lines(job, 1, outcome="failed", step="check", record="special", message="This invoice has no lines.",
              correlation_id="abc-123")  # fmt: skip
        assert reader.get(url(job, "log/"), asked).context["grid"].total == number

    def test_lines_of_other_jobs_are_not_shown(self, reader: Client) -> None:
        job, other = make_job(State.COMPLETED), make_job(State.COMPLETED)
        lines(other, 3)
        assert reader.get(url(job, "log/")).context["grid"].total == 0

    def test_times_carry_utc_in_their_title(self, reader: Client) -> None:
        job = make_job(State.COMPLETED)
        lines(job, 1, time=timezone.make_aware(timezone.datetime(2026, 11, 22, 9, 5, 7)))
        assert 'title="2026-11-22 09:05:07 UTC">09:05:07</time>' in text(reader.get(url(job, "log/")))

    def test_files_are_neutral_to_spreadsheets_and_named_for_the_job(self, reader: Client) -> None:
        job = make_job(State.COMPLETED)
        lines(job, 1, message='=HYPERLINK("http://evil.example")', record="@SUM(A1)")
        make_rows(job, label="+1", amount=Decimal("-5.00"), our_total=None)
        log, rows = reader.get(url(job, "log.csv")), reader.get(url(job, "rows.csv"))
        assert re.search(rf'filename="SIM-job-{job.number}-log-[0-9-]+\.csv"', log.headers["Content-Disposition"])
        body = b"".join(log.streaming_content).decode()
        assert "'=HYPERLINK" in body
        assert "'@SUM(A1)" in body
        body = b"".join(rows.streaming_content).decode()
        assert "'+1," in body
        assert ",-5.00," in body


class TestSafety:
    @pytest.mark.parametrize("rest", ["send/", "stop/", "retry/", "recheck/"])
    def test_what_changes_a_job_is_posted_by_who_may_write(self, client_of: ClientOf, user_of: Any, rest: str) -> None:
        job = make_job()
        make_rows(job)
        writer = client_of(Role.FINANCE)
        assert writer.get(url(job, rest)).status_code == 405
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(user_of(Role.ADMIN))
        assert strict.post(url(job, rest)).status_code == 403
        for role in (Role.VIEWER, Role.SUPPORT):
            assert client_of(role).post(url(job, rest)).status_code == 403
        job.refresh_from_db()
        assert (job.state, Job.objects.count()) == (State.CHECKED, 1)

    def test_names_and_xeros_words_stay_text(self, writer: Client) -> None:
        evil = "<img src=x onerror=alert(1)>{{7919*7907}}"
        job = make_job(State.COMPLETED_WITH_FAILURES, created_as=evil, problem=evil)
        make_rows(job, 1, label=evil, detail=evil, message=evil, warning=evil, state="failed", reason="refused",
                  xero_message=evil + "!", fix_url="javascript:alert(1)", diff=[[evil, evil, evil]])  # fmt: skip
        lines(job, 1, record=evil, message=evil, correlation_id=evil)
        for path in (url(job), url(job, "log/"), "/finance/jobs/"):
            page = text(writer.get(path))
            assert "<img src=x" not in page
            assert "javascript:" not in page
            assert str(7919 * 7907) not in page


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        (State.CHECKED, {"outcome": "create"}),
        (State.CHECKED, {"outcome": "fail", "reason": "no_lines", "message": "This invoice has no lines."}),
        (State.COMPLETED, {"state": "succeeded"}),
        (State.COMPLETED_WITH_FAILURES, {"state": "failed", "reason": "refused", "message": "No."}),
    ],
)
def test_the_job_page_costs_the_same_for_any_number_of_rows(reader: Client, state: str, fields: dict[str, str]) -> None:
    job = make_job(state)
    make_rows(job, 10, **fields)
    few = queries(reader, url(job))
    make_rows(job, 190, label="more", **fields)
    assert queries(reader, url(job)) == few
    assert few <= 20


def test_an_imports_page_costs_the_same_for_any_number_of_rows(reader: Client) -> None:
    job = make_job(State.COMPLETED, kind="payments", direction="import")
    make_rows(job, 10, state="succeeded")
    few = queries(reader, url(job))
    make_rows(job, 190, label="more", state="succeeded")
    assert queries(reader, url(job)) == few


def test_list_and_log_cost_the_same_for_any_number_of_rows(reader: Client) -> None:
    job = make_job(State.COMPLETED)

    def cost() -> tuple[int, int]:
        return queries(reader, "/finance/jobs/?rows=100"), queries(reader, url(job, "log/?rows=100"))

    for _ in range(10):
        lines(make_job(State.COMPLETED, retry_of=job))
    lines(job, 10)
    few = cost()
    Job.objects.bulk_create(
        Job(kind="invoices", direction="export", connection=job.connection, tenant_id="here", state=State.COMPLETED,
            sent_at=timezone.now(), retry_of=job)
        for _ in range(190)
    )  # fmt: skip
    lines(job, 190)
    assert cost() == few
    assert max(few) <= 12


def test_rows_come_a_hundred_to_a_page(reader: Client) -> None:
    job = make_job(State.COMPLETED)
    make_rows(job, 150, state="succeeded")
    page = reader.get(url(job), {"page": 2})
    assert len(page.context["grid"].rows) == 50
    assert jobs.results(job)["failed"] == JobRow.objects.filter(state="failed").count()
