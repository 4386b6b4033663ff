"""Jobs that start by themselves: when, as whom, with what they leave to people, and the page that sets them."""

from __future__ import annotations

import html
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from bmsxero.roles import EVERYONE, Role
from crm.models import Account
from finance.models import Invoice
from tests import records
from tests.conftest import ClientOf
from tests.xero_sync.driving import export
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, jobs, schedule
from xero_sync.models import Job, Schedule, SyncOptions, XeroConnection

pytestmark = pytest.mark.django_db
PAGE = "/finance/xero/setup/schedule/"
READY = Invoice.Status.READY
IMPORT, EXPORT = Schedule.Task.IMPORT_PAYMENTS, Schedule.Task.EXPORT_INVOICES


def make_due(connection: XeroConnection, user: User | None, task: str = IMPORT, **fields: Any) -> Schedule:
    """Return a schedule that is on and due now."""
    due = clock.now() - timedelta(seconds=1)
    return Schedule.objects.create(
        connection=connection, task=task, runs_as=user, **({"is_on": True, "next_at": due} | fields)
    )


def sweep_until_ended(times: int = 6) -> list[Job]:
    """Sweep and work as beat and a worker would; return all jobs of schedules."""
    for _ in range(times):
        for number in engine.sweep():
            engine.run(number)
    return list(Job.objects.filter(schedule__isnull=False).order_by("pk"))


def options_were_looked_at(connection: XeroConnection) -> None:
    SyncOptions.objects.filter(connection=connection).update(suggested=False, status="AUTHORISED")


# --- when


@pytest.mark.parametrize(
    ("fields", "after", "expected"),
    [
        ({"unit": "minutes", "every": 15}, datetime(2026, 11, 22, 9, 0, tzinfo=UTC), "2026-11-22T09:15:00+00:00"),
        ({"unit": "hours", "every": 4}, datetime(2026, 11, 22, 9, 0, tzinfo=UTC), "2026-11-22T13:00:00+00:00"),
        ({"unit": "daily", "at": time(7, 30)}, datetime(2026, 11, 22, 7, 0, tzinfo=UTC), "2026-11-22T07:30:00+00:00"),
        ({"unit": "daily", "at": time(7, 30)}, datetime(2026, 11, 22, 7, 30, tzinfo=UTC), "2026-11-23T07:30:00+00:00"),
    ],
)
def test_the_next_run_is_one_interval_later_or_at_the_time_of_day(
    fields: dict[str, Any], after: datetime, expected: str
) -> None:
    assert schedule.next_run(Schedule(**fields), after).isoformat() == expected


def test_a_time_of_day_is_local_and_follows_summer_time(settings: Any) -> None:
    from django.utils import timezone

    each = Schedule(unit="daily", at=time(7, 30))
    with timezone.override("Europe/London"):
        winter = schedule.next_run(each, datetime(2026, 3, 28, 12, 0, tzinfo=UTC))
        assert winter.astimezone(UTC).isoformat() == "2026-03-29T06:30:00+00:00"


# --- what runs


def test_payments_come_by_themselves_under_a_persons_name(
    connection: XeroConnection, xero: SimulatedXero, admin: User
) -> None:
    invoice = records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    export(status="AUTHORISED")
    xero.control("pay", invoices=["INV-1"], amount="40.00")
    make_due(connection, admin)
    (job,) = sweep_until_ended()
    invoice.refresh_from_db()
    assert (job.state, job.created_as, job.created_by) == ("completed", "schedule of admin", admin)
    assert (invoice.get_status_display(), str(invoice.balance_due)) == ("Partly Paid", "60.00")
    assert job.log.filter(message="Started by schedule of admin.").exists()


def test_what_was_imported_before_makes_no_row_again(
    connection: XeroConnection, xero: SimulatedXero, admin: User
) -> None:
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    export(status="AUTHORISED")
    xero.control("pay", invoices=["INV-1"], amount="40.00")
    each = make_due(connection, admin)
    sweep_until_ended()
    Schedule.objects.filter(pk=each.pk).update(next_at=clock.now())
    first, second = sweep_until_ended()
    assert (first.rows.count(), second.rows.count()) == (1, 0)
    assert second.state == Job.State.COMPLETED


def test_two_sweeps_at_once_start_one_job(connection: XeroConnection, admin: User) -> None:
    each = make_due(connection, admin)
    assert len(schedule.run_due()) == 1
    assert schedule.run_due() == []
    each.refresh_from_db()
    assert each.next_at is not None
    assert each.next_at > clock.now() + timedelta(minutes=14)


def test_a_scheduled_export_sends_what_is_clear_and_leaves_decisions_to_people(
    connection: XeroConnection, xero: SimulatedXero, admin: User
) -> None:
    options_were_looked_at(connection)
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    records.invoice("INV-2", of=Account.objects.create(name="bolt ltd"), status=READY)
    make_due(connection, admin, EXPORT)
    (job,) = sweep_until_ended()
    told = {row.label: (row.state, row.message) for row in job.rows.filter(requested=True)}
    assert [each["number"] for each in xero.invoices()] == ["INV-1"]
    assert told["INV-1"][0] == "succeeded"
    assert told["INV-2"][0] == "skipped"
    assert told["INV-2"][1].startswith("A schedule leaves decisions to people. Account bolt ltd: ")
    assert job.state == Job.State.COMPLETED


def test_cron_runs_a_schedule_to_its_end_without_a_worker(
    connection: XeroConnection, xero: SimulatedXero, admin: User, settings: Any
) -> None:
    settings.CELERY_BROKER_URL = settings.EMBEDDED_BROKER
    options_were_looked_at(connection)
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    make_due(connection, admin, EXPORT)
    call_command("xero_sweep", verbosity=0)
    assert Job.objects.get(schedule__isnull=False).state == Job.State.COMPLETED
    assert [each["number"] for each in xero.invoices()] == ["INV-1"]


def test_a_job_that_a_person_checked_is_never_sent_by_a_schedule(
    connection: XeroConnection, xero: SimulatedXero, admin: User
) -> None:
    options_were_looked_at(connection)
    make_due(connection, admin, EXPORT)
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    mine = jobs.start_check("invoices", "export", {"all": True}, user=admin)
    engine.run(mine.pk)
    schedule.carry_on()
    mine.refresh_from_db()
    assert mine.state == Job.State.CHECKED


def test_a_check_from_before_the_schedule_was_switched_off_is_not_sent_when_it_is_on_again(
    connection: XeroConnection, xero: SimulatedXero, admin: User
) -> None:
    options_were_looked_at(connection)
    records.invoice("INV-1", of=records.account("Bolt Ltd"), status=READY)
    each = make_due(connection, admin, EXPORT)
    (number,) = schedule.run_due()
    Schedule.objects.filter(pk=each.pk).update(is_on=False)
    engine.run(number)
    Job.objects.filter(pk=number).update(checked_at=clock.now() - timedelta(hours=2))
    Schedule.objects.filter(pk=each.pk).update(is_on=True, next_at=clock.now())
    first, second = sweep_until_ended()
    assert (first.state, second.state) == (Job.State.CHECKED, Job.State.COMPLETED)
    assert [each["number"] for each in xero.invoices()] == ["INV-1"]


def test_the_home_page_tells_of_a_schedules_latest_trouble_only(
    connection: XeroConnection, xero: SimulatedXero, admin: User, client: Client
) -> None:
    options_were_looked_at(connection)
    records.invoice("INV-1", of=records.account("Bolt | Ltd <x>"), status=READY)
    each = make_due(connection, admin, EXPORT)
    sweep_until_ended()
    Schedule.objects.filter(pk=each.pk).update(next_at=clock.now())
    first, second = sweep_until_ended()
    client.force_login(admin)
    page = words(client.get("/"))
    assert f"Open Job {second.number}" in page
    assert f"Open Job {first.number}<" not in page


# --- what does not


def note_of(each: Schedule) -> str:
    assert schedule.run_due() == []
    each.refresh_from_db()
    return each.note


def test_none_starts_while_the_one_before_is_open(connection: XeroConnection, admin: User) -> None:
    each = make_due(connection, admin)
    (number,) = schedule.run_due()
    Schedule.objects.filter(pk=each.pk).update(next_at=clock.now())
    assert note_of(each) == f"Job {number}, started before, has not ended yet."


def test_an_export_does_not_start_before_somebody_saved_the_options(connection: XeroConnection, admin: User) -> None:
    records.invoice("INV-1", status=READY)
    assert note_of(make_due(connection, admin, EXPORT)).startswith("Nobody has saved the options yet")


def test_an_export_without_invoices_makes_no_job(connection: XeroConnection, admin: User) -> None:
    options_were_looked_at(connection)
    assert note_of(make_due(connection, admin, EXPORT)) == "No invoice was ready."


def test_the_days_last_calls_are_for_people(connection: XeroConnection, admin: User) -> None:
    XeroConnection.objects.filter(pk=connection.pk).update(
        day_remaining=12, background_blocked_until=clock.now() + timedelta(minutes=30)
    )
    assert note_of(make_due(connection, admin)) == "The rest of today's calls to Xero is kept for people."


def test_none_starts_while_somebody_has_to_sign_in(connection: XeroConnection, admin: User) -> None:
    XeroConnection.objects.filter(pk=connection.pk).update(state=XeroConnection.State.RECONNECT)
    assert note_of(make_due(connection, admin)) == "Xero needs somebody to sign in again."


@pytest.mark.parametrize("lost", ["role", "account", "person"])
def test_none_starts_as_somebody_who_may_not(connection: XeroConnection, user_of: Any, lost: str) -> None:
    user = user_of(Role.FINANCE)
    each = make_due(connection, user)
    if lost == "role":
        user.groups.clear()
    elif lost == "account":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        user.delete()
    assert note_of(each) == "The person it runs as may not do this any more. Choose another."


def test_another_organisations_schedule_rests(connection: XeroConnection, admin: User) -> None:
    make_due(connection, admin)
    XeroConnection.objects.filter(pk=connection.pk).update(is_current=False)
    assert schedule.run_due() == []


# --- the page


@pytest.fixture
def me(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


def form(**changes: str) -> dict[str, str]:
    user = User.objects.get(username=Role.ADMIN)
    fields = {"every": "15", "unit": "minutes", "at": "", "runs_as": str(user.pk)}
    data = {f"{task}-{name}": value for task in (IMPORT, EXPORT) for name, value in fields.items()}
    return data | {f"{IMPORT}-{name}": value for name, value in changes.items()}


def words(answer: Any) -> str:
    return " ".join(html.unescape(answer.content.decode()).split())


def test_an_admin_switches_the_import_on(me: Client, connection: XeroConnection) -> None:
    answer = me.post(PAGE, form(is_on="on", every="30"), follow=True)
    assert "The schedule is saved." in words(answer)
    saved = Schedule.objects.get(task=IMPORT)
    assert (saved.is_on, saved.every, saved.unit, saved.runs_as) == (True, 30, "minutes", saved.updated_by)
    assert saved.next_at is not None
    assert timedelta(minutes=29) < saved.next_at - clock.now() <= timedelta(minutes=30)
    assert not Schedule.objects.filter(task=EXPORT, is_on=True).exists(), "export stays off"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"every": "1"}, "Between 5 and 1440 minutes."),
        ({"every": "many"}, "Write a whole number, such as 15."),
        ({"every": ""}, "Between 5 and 1440 minutes."),
        ({"every": "200", "unit": "hours"}, "Between 1 and 168 hours."),
        ({"unit": "daily"}, "Say at what time of day."),
        ({"unit": "daily", "at": "seven"}, "Write the time as 07:30."),
        ({"unit": "weekly"}, "weekly is not one of the available choices"),
        ({"runs_as": ""}, "Choose whose name its jobs bear."),
        ({"runs_as": "999999"}, "That choice is not one of the available choices"),
    ],
)
def test_what_can_not_be_is_refused_at_its_field(
    me: Client, connection: XeroConnection, changes: dict[str, str], sentence: str
) -> None:
    answer = me.post(PAGE, form(is_on="on", **changes))
    assert sentence in words(answer)
    assert not Schedule.objects.exists()


def test_an_export_can_not_be_switched_on_with_options_that_nobody_saved(
    me: Client, connection: XeroConnection
) -> None:
    answer = me.post(PAGE, form() | {f"{EXPORT}-is_on": "on"})
    assert "Save the options first: so far they are only our suggestions." in words(answer)
    options_were_looked_at(connection)
    me.post(PAGE, form() | {f"{EXPORT}-is_on": "on"})
    assert Schedule.objects.get(task=EXPORT).is_on


def test_somebody_without_the_role_can_not_be_chosen(me: Client, connection: XeroConnection, user_of: Any) -> None:
    viewer = user_of(Role.VIEWER)
    answer = me.post(PAGE, form(is_on="on", runs_as=str(viewer.pk)))
    assert "That choice is not one of the available choices" in words(answer)


@pytest.mark.parametrize("role", EVERYONE)
def test_everybody_may_look_and_only_admins_change(client_of: ClientOf, connection: XeroConnection, role: Role) -> None:
    User.objects.filter(username="admin").update(username="somebody")
    someone = client_of(role)
    assert someone.get(PAGE).status_code == 200
    data = {f"{task}-{name}": "15" for task in (IMPORT, EXPORT) for name in ("every", "unit")}
    assert someone.post(PAGE, data).status_code == (200 if role == Role.ADMIN else 403)


def test_the_page_shows_runs_and_why_there_was_none(me: Client, connection: XeroConnection, admin: User) -> None:
    each = make_due(connection, admin)
    (number,) = schedule.run_due()
    Schedule.objects.filter(pk=each.pk).update(next_at=clock.now())
    schedule.run_due()
    page = words(me.get(PAGE))
    assert f'<a href="/finance/jobs/{number}/">Job {number}</a>' in page
    assert "has not ended yet." in page
    assert "neither beat nor cron seems to run" in page


def test_without_a_connection_the_page_says_so(me: Client) -> None:
    assert "Connect Xero first" in words(me.get(PAGE))
    assert me.post(PAGE, form()).status_code == 200
    assert not Schedule.objects.exists()


def test_the_list_of_jobs_says_who_started_it(me: Client, connection: XeroConnection, admin: User) -> None:
    make_due(connection, admin)
    (number,) = schedule.run_due()
    engine.run(number)
    engine.run(number)
    assert "schedule of admin" in words(me.get("/finance/jobs/"))


def test_the_page_says_whether_xero_tells_us_by_itself(
    me: Client, client_of: ClientOf, connection: XeroConnection, settings: Any
) -> None:
    assert "/hooks/accounting/</code> as the delivery URL" in words(me.get(PAGE))
    assert "delivery URL" not in words(client_of(Role.VIEWER).get(PAGE))
    settings.XERO_WEBHOOK_KEY = "key"
    assert "Last event" in words(me.get(PAGE))
