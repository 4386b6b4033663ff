"""The wizard that exports invoices: load, select, options, check, send."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bmsxero.roles import Role
from finance import sample_data
from finance.models import Invoice
from tests.conftest import ClientOf
from tests.records import account, invoice, site
from tests.xero_sync.pages import check, make_job, make_rows, run, text, use_organisation
from xero_sync import check as planning
from xero_sync import jobs, selection
from xero_sync.kinds import export_kind
from xero_sync.models import Draft, Job, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
WIZARD = "/finance/xero/export-invoices/"
SELECT = "/finance/xero/select/invoices/"
CHECK = "/finance/xero/check/invoices/"


def ready(number: str = "", **fields: Any) -> Invoice:
    return invoice(number, **({"status": Invoice.Status.READY} | fields))


def many(count: int) -> list[Invoice]:
    """Make invoices that can be exported: the first of 1.00, the next of 2.00 and so on. They have no lines."""
    start, shared = Invoice.objects.count(), account()
    return Invoice.objects.bulk_create(
        Invoice(
            number=f"INV-{n:03}",
            account=shared,
            date=date(2026, 11, 2),
            due_date=date(2026, 12, 2),
            status=Invoice.Status.READY,
            subtotal=Decimal(n + 1),
            total=Decimal(n + 1),
            balance_due=Decimal(n + 1),
        )
        for n in range(start, start + count)
    )


def numbers(response: Any) -> list[str]:
    return [row.record.number for row in response.context["grid"].rows]


def opened(client: Client, **asked: Any) -> Any:
    """Open the Select step; it gives the selection an id of its own in the address."""
    return client.get(WIZARD, {"load": "all", **asked}, follow=True)


def press(client: Client, page: Any, do: str = "", **posted: Any) -> Any:
    """Send the form of a Select page, its boxes as they were shown unless told otherwise."""
    rows = [row.choice for row in page.context["grid"].rows if row.choice]
    form = {
        "here": page.wsgi_request.GET.urlencode(),
        "shown": [row.key for row in rows],
        "ids": [row.key for row in rows if row.chosen],
        "do": do,
    }
    return client.post(SELECT, form | posted, follow=True)


class TestLoad:
    def test_dates_beside_the_choice_of_all_are_asked_about(self, writer: Client) -> None:
        use_organisation()
        answer = writer.get("/finance/xero/export-invoices/", {"load": "all", "due_from": "2026-12-01", "due_to": ""})
        assert answer.status_code == 400
        assert "You gave dates: choose the second, or clear them." in text(answer)

    def test_both_ends_of_a_due_range_count(self, writer: Client) -> None:
        use_organisation()
        shared = account()
        for day in (1, 2, 15, 30, 31):
            ready(f"INV-{day:02}", of=shared, due_date=date(2026, 12, day))
        page = opened(writer, load="due", due_from="2026-12-02", due_to="2026-12-30")
        assert numbers(page) == ["INV-02", "INV-15", "INV-30"]

    @pytest.mark.parametrize(
        ("start", "end", "words"),
        [
            ("2026-12-31", "2026-12-01", "1 December 2026 is before 31 December 2026. Swap the two dates."),
            ("2026-12-01", "2026-12-31", "30 days at most, and this is 31, both ends counted."),
            ("2026-12-01", "", "Give the last due date."),
            ("", "2026-12-01", "Give the first due date."),
            ("2026-13-01", "2026-12-01", "This is no date."),
        ],
    )
    def test_a_wrong_range_is_told_at_the_field_and_nothing_is_loaded(
        self, writer: Client, start: str, end: str, words: str
    ) -> None:
        use_organisation()
        ready("INV-1")
        page = writer.get(WIZARD, {"load": "due", "due_from": start, "due_to": end})
        assert page.status_code == 400
        assert words in text(page)
        assert "grid" not in page.context
        assert f'value="{start}"' in text(page) or not start
        assert f'value="{end}"' in text(page) or not end

    def test_thirty_days_are_allowed(self, writer: Client) -> None:
        use_organisation()
        asked = {"load": "due", "due_from": "2026-12-01", "due_to": "2026-12-30"}
        assert writer.get(WIZARD, asked, follow=True).status_code == 200

    def test_only_what_is_ready_or_sent_and_not_in_xero_is_offered(self, writer: Client) -> None:
        here = use_organisation()
        shared = account()
        for status in Invoice.Status.values:
            invoice(status, of=shared, status=status)
        exported = ready("exported", of=shared)
        XeroLink.objects.create(tenant_id=here.tenant_id, kind="invoices", local_id=exported.uuid, xero_id="1")
        assert set(numbers(opened(writer))) == {"ready", "sent"}

    @pytest.mark.parametrize(
        ("asked", "found"), [({"customer": "bolt"}, ["B"]), ({"site": "leeds"}, ["L"]), ({"number": "a"}, ["A"])]
    )
    def test_the_list_is_narrowed_by_customer_site_and_number(
        self, writer: Client, asked: dict[str, str], found: list[str]
    ) -> None:
        use_organisation()
        acme, bolt = account("Acme"), account("Bolt")
        ready("A", of=acme)
        ready("B", of=bolt)
        ready("L", of=acme, site=site(acme, "Leeds"))
        assert numbers(opened(writer, **asked)) == found

    def test_without_a_connection_the_page_says_who_can_connect(self, writer: Client, user_of: Any) -> None:
        user_of(Role.ADMIN)
        page = writer.get(WIZARD)
        assert "Connect Xero first" in text(page)
        assert "finance admin can connect it" in text(page)

    def test_an_admin_is_led_to_setup(self, client_of: ClientOf) -> None:
        assert "/finance/xero/setup/" in text(client_of(Role.ADMIN).get(WIZARD))


class TestFinder:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    def why(self, writer: Client, number: str, **asked: Any) -> str:
        page = opened(writer, find=number, **asked)
        return page.context["answer"].text

    def test_no_such_invoice(self, writer: Client) -> None:
        assert "There is no invoice NOPE here." in self.why(writer, "NOPE")

    def test_a_draft(self, writer: Client) -> None:
        invoice("INV-D")
        assert self.why(writer, "inv-d").startswith("INV-D is Draft.")

    def test_one_that_was_exported(self, writer: Client, here: XeroConnection) -> None:
        job = make_job(Job.State.COMPLETED)
        gone = ready("INV-X")
        XeroLink.objects.create(tenant_id=here.tenant_id, kind="invoices", local_id=gone.uuid, xero_id="1", job=job)
        assert self.why(writer, "INV-X") == f"INV-X was already exported in Job {job.number}."

    def test_one_outside_the_range(self, writer: Client) -> None:
        ready("INV-R", due_date=date(2027, 1, 5))
        asked = {"load": "due", "due_from": "2026-12-01", "due_to": "2026-12-30"}
        assert "due on 5 January 2027: outside 1 December 2026 to 30 December 2026" in self.why(
            writer, "INV-R", **asked
        )

    def test_one_that_a_filter_hides(self, writer: Client) -> None:
        ready("INV-F")
        assert "your filters hide it" in self.why(writer, "INV-F", customer="nobody")

    def test_one_that_a_job_holds(self, writer: Client) -> None:
        held = ready("INV-H")
        job = make_job(Job.State.RUNNING)
        make_rows(job, record_id=held.pk, record_key=str(held.uuid), state="pending")
        assert f"Job {job.number} has it in hand" in self.why(writer, "INV-H")

    def test_one_that_is_there(self, writer: Client) -> None:
        ready("INV-T")
        assert self.why(writer, "INV-T") == "INV-T is in the list."


class TestSelection:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    @pytest.fixture
    def sixty(self) -> list[Invoice]:
        return many(60)

    def test_ticks_stay_when_another_page_is_shown(self, writer: Client, sixty: list[Invoice]) -> None:
        page = opened(writer, rows="25")
        chosen = [str(sixty[0].uuid), str(sixty[3].uuid)]
        query = page.wsgi_request.GET.urlencode()
        second = press(writer, page, ids=chosen, go=f"?{query}&page=2")
        assert second.context["grid"].page.number == 2
        assert second.context["bar"].words == "2 invoices selected"
        first = writer.get(WIZARD + "?" + query)
        assert [row.record.number for row in first.context["grid"].rows if row.choice.chosen] == ["INV-000", "INV-003"]

    def test_all_matching_counts_what_is_on_no_page(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, opened(writer, rows="25"), "all")
        assert page.context["bar"].words == "60 invoices selected (all)"
        assert page.context["bar"].sums == ["GBP\N{NO-BREAK SPACE}1,830.00"]
        left = [row.choice.key for row in page.context["grid"].rows][1:]
        page = press(writer, page, ids=left)
        assert page.context["bar"].words == "59 invoices selected (all except 1)"
        assert page.context["bar"].sums == ["GBP\N{NO-BREAK SPACE}1,829.00"]

    def test_money_is_told_for_each_currency(self, writer: Client) -> None:
        shared = account()
        ready("INV-1", of=shared, price="10")
        ready("INV-2", of=shared, price="20", currency="GBP")
        ready("INV-3", of=shared, price="5", currency="USD")
        page = press(writer, opened(writer), "all")
        space = "\N{NO-BREAK SPACE}"
        assert page.context["bar"].sums == [f"GBP{space}30.00", f"USD{space}5.00"]

    def test_other_filters_leave_a_selection_of_all_as_it_was(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, opened(writer), "all")
        page = press(writer, page, "filter", number="INV-00")
        assert page.context["bar"].count == 60
        assert page.context["bar"].is_other
        assert not page.context["grid"].selection
        page = press(writer, page, "all")
        assert page.context["bar"].words == "10 invoices selected (all that match number “INV-00”)"

    def test_clear_takes_everything_out(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, press(writer, opened(writer), "all"), "clear")
        assert page.context["bar"].count == 0

    def test_a_page_is_ticked_at_once_without_javascript(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, opened(writer, rows="25"), "page")
        assert page.context["bar"].count == 25

    def test_ticking_with_htmx_answers_with_the_bar_alone(self, writer: Client, sixty: list[Invoice]) -> None:
        page = opened(writer)
        form = {"here": page.wsgi_request.GET.urlencode(), "ids": [str(sixty[0].uuid)], "shown": []}
        answer = writer.post(SELECT, form, headers={"HX-Request": "true"})
        assert text(answer).startswith('<div class="selection-bar"')
        assert "1 invoice selected" in text(answer)

    def test_nothing_selected_leads_back_with_a_word(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, opened(writer), "next")
        assert "Nothing is selected. Tick at least one invoice." in text(page)

    def test_back_from_options_finds_the_selection_again(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, opened(writer), "all")
        options = press(writer, page, "next")
        assert "Options of this export" in text(options)
        again = writer.get(options.context["back"])
        assert again.context["bar"].count == 60

    def test_back_from_check_finds_the_selection_again(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, opened(writer, load="due", due_from="2026-12-01", due_to="2026-12-30"), "all")
        options = press(writer, page, "next")
        answer = writer.post(CHECK, {"draft": options.context["draft"], "token": str(uuid4())})
        Job.objects.update(state=Job.State.CHECKED, checked_at=timezone.now())
        back = writer.get(writer.get(answer.url).context["wizard_url"])
        assert (back.context["bar"].count, back.context["bar"].is_other) == (60, False)

    def test_drafts_of_another_organisation_are_not_shown(self, writer: Client, sixty: list[Invoice]) -> None:
        page = press(writer, opened(writer), "all")
        XeroConnection.objects.update(is_current=False)
        use_organisation(tenant_id="there", name="Other Ltd")
        again = writer.get(WIZARD + "?" + page.wsgi_request.GET.urlencode())
        assert again.context["bar"].count == 0

    @pytest.mark.parametrize("seed", range(6))
    def test_the_bar_counts_exactly_what_the_job_will_hold(
        self, writer: Client, sixty: list[Invoice], seed: int
    ) -> None:
        chance = random.Random(seed)
        page = opened(writer, rows="25", **chance.choice([{}, {"number": "INV-02"}, {"number": "1"}]))
        for _ in range(6):
            keys = [row.choice.key for row in page.context["grid"].rows if row.choice]
            do = chance.choice(["tick", "tick", "tick", "all", "clear", "page", "filter"])
            posted: dict[str, Any] = {"ids": [key for key in keys if chance.random() < 0.6]}
            if do == "filter":
                posted["number"] = chance.choice(["", "INV-03", "5"])
            page = press(writer, page, do, **posted)
            if chance.random() < 0.5:
                page = press(writer, page, go=f"?{page.wsgi_request.GET.urlencode()}&page=2")
        rule = Draft.objects.get().rule if Draft.objects.exists() else {"ids": []}
        chosen = list(chain.from_iterable(selection.chosen(export_kind("invoices"), rule, "here")))
        space = "\N{NO-BREAK SPACE}"
        assert page.context["bar"].count == len(chosen)
        assert page.context["bar"].sums == ([f"GBP{space}{sum(each.total for each in chosen):,.2f}"] if chosen else [])


class TestCheck:
    @pytest.fixture(autouse=True)
    def here(self, db: None) -> XeroConnection:
        return use_organisation()

    def test_a_double_click_gives_one_job(self, writer: Client) -> None:
        form = {"ids": [str(ready().uuid)], "token": str(uuid4())}
        first, second = writer.post(CHECK, form), writer.post(CHECK, form)
        assert first.headers["Location"] == second.headers["Location"]
        assert Job.objects.count() == 1

    def test_going_back_and_choosing_otherwise_gives_another_job(self, writer: Client) -> None:
        form = {"ids": [str(ready().uuid)], "token": str(uuid4()), "status": "DRAFT"}
        writer.post(CHECK, form)
        writer.post(CHECK, form | {"status": "AUTHORISED"})
        assert sorted(job.options["status"] for job in Job.objects.all()) == ["AUTHORISED", "DRAFT"]

    def test_options_of_this_run_leave_setup_as_it_is(self, writer: Client, here: XeroConnection) -> None:
        posted = {"status": "SUBMITTED", "due_date": "days_14", "po_in_reference": "no", "keep_contacts": "no"}
        job = check(writer, [str(ready().uuid)], **posted)
        expected = {"status": "SUBMITTED", "due_date": "days_14", "po_in_reference": False, "keep_contacts": False}
        assert {name: job.options[name] for name in expected} == expected
        assert here.options.status == "DRAFT"

    def test_an_unknown_option_starts_nothing(self, writer: Client) -> None:
        answer = writer.post(CHECK, {"ids": [str(ready().uuid)], "status": "PAID"})
        assert answer.status_code == 400
        assert not Job.objects.exists()

    def test_options_are_filled_in_from_setup(self, writer: Client, here: XeroConnection) -> None:
        from xero_sync.models import SyncOptions

        SyncOptions.objects.create(connection=here, status="SUBMITTED", po_in_reference=False)
        ready()
        page = press(writer, press(writer, opened(writer), "all"), "next")
        form = page.context["form"]
        assert (form["status"].initial, form["po_in_reference"].initial) == ("SUBMITTED", "no")

    def test_options_can_be_changed_after_the_check(self, writer: Client) -> None:
        job = check(writer, [str(ready().uuid)], status="SUBMITTED")
        page = writer.get(f"{WIZARD}options/", {"job": job.number})
        assert page.context["form"]["status"].initial == "SUBMITTED"
        writer.post(CHECK, {"job": job.number, "token": str(uuid4()), "status": "DRAFT"})
        assert Job.objects.latest("pk").selection == job.selection

    def test_ids_that_are_none_choose_nothing(self, writer: Client) -> None:
        answer = writer.post(CHECK, {"ids": ["1; DROP TABLE", "x"]}, follow=True)
        assert "Nothing is selected" in text(answer)
        assert not Job.objects.exists()

    def test_an_unknown_kind_is_not_found(self, writer: Client) -> None:
        assert writer.post("/finance/xero/check/bananas/", {"ids": ["x"]}).status_code == 404

    def test_the_options_page_says_how_many_and_how_much(self, writer: Client) -> None:
        ready(price="12")
        page = press(writer, press(writer, opened(writer), "all"), "next")
        assert "Check 1 invoice" in text(page)
        assert "12.00" in text(page)


class TestSafety:
    POSTS = (SELECT, CHECK, "/finance/xero/import-payments/load/", "/finance/xero/check/payments/")

    @pytest.mark.parametrize("path", POSTS)
    def test_what_changes_something_is_posted(self, writer: Client, path: str) -> None:
        use_organisation()
        assert writer.get(path).status_code == 405
        assert not Job.objects.exists()

    @pytest.mark.parametrize("path", POSTS)
    def test_a_post_without_its_token_is_refused(self, user_of: Any, path: str) -> None:
        use_organisation()
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(user_of(Role.FINANCE))
        assert strict.post(path, {"ids": [str(ready().uuid)]}).status_code == 403
        assert not Job.objects.exists()

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.SUPPORT])
    @pytest.mark.parametrize("path", [WIZARD, f"{WIZARD}options/", "/finance/xero/import-payments/"])
    def test_who_may_not_write_opens_no_wizard(self, client_of: ClientOf, role: Role, path: str) -> None:
        assert client_of(role).get(path).status_code == 403

    def test_names_stay_text(self, writer: Client) -> None:
        use_organisation()
        evil = "<img src=x onerror=alert(1)> {{7*7}}"
        ready("<b>INV</b>", of=account(evil))
        page = text(opened(writer, customer="<img"))
        assert "<img src=x" not in page
        assert "<b>INV" not in page
        assert "&lt;img src=x onerror=alert(1)&gt; {{7*7}}" in page
        assert ">49<" not in page

    @pytest.mark.parametrize("go", ["https://evil.example/", "//evil.example", "/logout/"])
    def test_a_press_never_leads_off_the_wizard(self, writer: Client, go: str) -> None:
        use_organisation()
        page = opened(writer)
        answer = writer.post(SELECT, {"here": page.wsgi_request.GET.urlencode(), "go": go})
        assert answer.headers["Location"].startswith(WIZARD + "?")


def test_the_grid_costs_the_same_for_any_number_of_rows(writer: Client) -> None:
    use_organisation()
    many(10)
    query = opened(writer).wsgi_request.GET.urlencode()

    def queries() -> int:
        with CaptureQueriesContext(database) as caught:
            writer.get(f"{WIZARD}?{query}&rows=100")
        return len(caught)

    few = queries()
    many(190)
    assert queries() == few
    assert few <= 15


def test_two_chosen_invoices_end_in_xero(connection: XeroConnection, writer: Client, today: date) -> None:
    sample_data.create(sample_data.Size(2, 3, 3), today=today)
    page = writer.get(WIZARD, {"load": "all"}, follow=True)
    assert "INV-" in text(page)
    job = check(writer, [str(each.uuid) for each in Invoice.objects.all()[:2]])
    page = writer.get(f"/finance/jobs/{job.number}/")
    assert "Working out" in text(page)
    run(job)
    page = writer.get(f"/finance/jobs/{job.number}/")
    assert "This will create 2 invoices" in text(page)
    assert "as Draft in Acme MSP Ltd" in text(page)
    assert "Send 2 invoices to Xero" in text(page)
    writer.post(f"/finance/jobs/{job.number}/send/")
    run(job)
    page = writer.get(f"/finance/jobs/{job.number}/")
    assert "2 invoices: 2 in Xero, 0 failed, 0 unknown." in text(page)
    assert "Open in Xero" in text(page)


def test_the_second_of_two_users_is_told_which_job_has_the_invoice(
    connection: XeroConnection, writer: Client, client_of: ClientOf, today: date
) -> None:
    sample_data.create(sample_data.Size(2, 2, 3), today=today)
    first, second, third = (str(each.uuid) for each in Invoice.objects.order_by("pk"))
    mine, theirs = check(writer, [first, second]), check(client_of(Role.ADMIN), [second, third])
    run(mine), run(theirs)
    writer.post(f"/finance/jobs/{mine.number}/send/")
    writer.post(f"/finance/jobs/{theirs.number}/send/")
    run(mine), run(theirs)
    page = text(writer.get(f"/finance/jobs/{theirs.number}/"))
    assert f"it is in Job {mine.number} at the moment" in page
    assert XeroLink.objects.filter(kind="invoices").count() == 3


def test_what_the_wizard_lists_is_what_a_check_of_all_plans(
    connection: XeroConnection, writer: Client, today: date
) -> None:
    sample_data.create(sample_data.Size(3, 3, 12), today=today)
    page = press(writer, opened(writer), "all")
    keys = [row.choice.key for row in page.context["grid"].rows]
    page = press(writer, page, ids=keys[2:])
    options = press(writer, page, "next")
    answer = writer.post(CHECK, {"draft": options.context["draft"], "token": str(uuid4())})
    job = run(Job.objects.get(pk=answer.headers["Location"].strip("/").split("/")[-1]))
    assert job.counts["total"] == page.context["bar"].count == 10
    assert planning.expected_calls(job)
    assert jobs.results(job)["created"] == 10


def test_a_draft_that_nobody_finished_is_forgotten(writer: Client) -> None:
    use_organisation()
    ready()
    press(writer, opened(writer), "all")
    Draft.objects.update(created=Draft.objects.get().created - timedelta(days=8))
    press(writer, opened(writer), "all")
    assert Draft.objects.count() == 1
    assert User.objects.exists()


class TestExcluded:
    @pytest.fixture
    def here(self) -> XeroConnection:
        return use_organisation()

    @pytest.fixture
    def invoices(self, here: XeroConnection) -> None:
        ready("INV-1", due_date=date(2026, 12, 1))
        invoice("INV-2", status="draft", due_date=date(2026, 12, 1))
        ready("INV-3", due_date=date(2026, 12, 1), dont_send="Paid in cash")
        job = make_job(Job.State.COMPLETED, connection=here)
        sent = ready("INV-4", due_date=date(2026, 12, 1))
        XeroLink.objects.create(
            tenant_id=here.tenant_id,
            kind="invoices",
            local_id=sent.uuid,
            xero_id="x",
            job=job,
            last_seen=timezone.now(),
        )
        invoice("INV-5", status="void", due_date=date(2026, 12, 1))
        invoice("INV-6", status="draft", due_date=date(2027, 2, 1))

    def test_a_chip_counts_them_and_shows_each_with_its_reason(self, writer: Client, invoices: None) -> None:
        asked = {"load": "due", "due_from": "2026-11-15", "due_to": "2026-12-14", "draft": str(uuid4())}
        page = writer.get(WIZARD, asked)
        assert numbers(page) == ["INV-1"]
        assert (page.context["number_offered"], page.context["number_excluded"]) == (1, 4)
        page = writer.get(WIZARD, asked | {"view": "excluded"})
        found = {row.record.number: row.choice.refusal for row in page.context["grid"].rows}
        assert found == {
            "INV-2": "Draft: mark it Ready to Send first.",
            "INV-3": "Don't send: Paid in cash",
            "INV-4": f"Exported in Job {Job.objects.get().number}.",
            "INV-5": "Void: neither Ready to Send nor Sent.",
        }
        assert text(page).count("disabled aria-describedby") == 4
        assert 'value="1" aria-current' not in text(page)

    def test_what_is_shown_there_can_not_be_chosen(self, writer: Client, invoices: None) -> None:
        token = str(uuid4())
        here = f"load=all&draft={token}&view=excluded"
        writer.post(SELECT, {"here": here, "do": "all"})
        page = writer.get(WIZARD, {"load": "all", "draft": token, "view": "excluded"})
        assert page.context["bar"].count == 1  # all that can be chosen
        assert not any(row.choice.chosen for row in page.context["grid"].rows)

    def test_it_costs_the_same_for_any_number(self, writer: Client, here: XeroConnection) -> None:
        token = str(uuid4())

        def cost() -> int:
            with CaptureQueriesContext(database) as caught:
                assert writer.get(WIZARD, {"load": "all", "view": "excluded", "draft": token}).context["grid"].total
            return len(caught)

        invoice("INV-D", status="draft")
        few = cost()
        for n in range(30):
            invoice(f"INV-D{n}", status="draft")
        assert cost() == few
