"""The first run: what is to be done next follows what is there; and what belongs to trying out alone."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bmsxero.roles import ADMINS, WRITERS, Role, Who
from crm.models import Account
from finance import sample_data, sample_problems
from finance.models import Invoice, Payment
from tests.conftest import ClientOf
from tests.records import invoice
from tests.xero_sync import driving
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import credentials, first_run, jobs, standing
from xero_sync.management.commands.seed_demo import create_users
from xero_sync.models import Job, XeroConnection

pytestmark = pytest.mark.django_db
ME = Who(frozenset(ADMINS))


@pytest.fixture
def simulated_app(db: None) -> Any:
    """Whatever a test saves, the simulated Xero is in use again after it."""
    credentials.remember()
    yield
    credentials.AppCredentials.objects.all().delete()
    credentials.remember()


def states() -> list[str]:
    return [step.state.name for step in first_run.current(ME, standing.current()).steps]


def text(answer: Any) -> str:
    return answer.content.decode()


# --- the list


def test_an_empty_installation_begins_with_sample_data(client_of: ClientOf) -> None:
    assert states() == ["NEXT", *["LATER"] * 7]
    me = client_of(Role.ADMIN)
    assert "Get sample data" in text(me.get("/welcome/"))
    page = text(me.post("/welcome/", follow=True))
    assert "Added 120 accounts" in page
    assert states()[:3] == ["DONE", "NEXT", "LATER"]
    page = text(me.post("/welcome/", follow=True))
    assert "nothing was added" in page
    assert Account.objects.count() < 130


def test_only_an_admin_adds_sample_data(writer: Client) -> None:
    assert writer.post("/welcome/").status_code == 403
    assert not Account.objects.exists()


def test_only_one_step_is_next(connection: XeroConnection) -> None:
    invoice()
    assert states() == ["DONE", "DONE", "NEXT", "OPEN", "LATER", "LATER", "LATER", "LATER"]


def test_the_list_follows_a_first_run_to_its_end(connection: XeroConnection, xero: SimulatedXero, today: date) -> None:
    sample_data.create(sample_data.Size(3, 4, 3), today=today)
    sample_problems.plant(today=today)
    driving.bring("account_codes")
    assert states()[2:5] == ["DONE", "NEXT", "LATER"]

    job = driving.export(status="AUTHORISED")
    assert job.state == Job.State.COMPLETED_WITH_FAILURES
    assert states()[3:] == ["DONE", "NEXT", "OPEN", "OPEN", "LATER"]
    mend = first_run.current(ME, standing.current()).steps[4]
    assert mend.url == job.get_absolute_url()

    Invoice.objects.filter(number="INV-90007").update(currency="")
    retry = driving.send(driving.checked(jobs.retry(job, user=None)))
    assert retry.rows.get(label="INV-90007").state == "succeeded"
    assert states()[4] == "DONE"

    xero.control("pay", count=5)
    driving.import_payments()
    assert states() == ["DONE"] * 8
    paid = first_run.current(ME, standing.current()).steps[-1].url
    assert paid.startswith("/finance/invoices/")


def test_home_leads_to_it_until_it_is_over_and_help_after_that(writer: Client, reader: Client) -> None:
    assert "Get started: 0 of 8 steps completed" in text(writer.get("/"))
    assert "Get started" not in text(reader.get("/"))
    assert 'href="/welcome/"' in text(writer.get("/help/"))


def test_the_way_to_ones_own_xero_begins_with_an_app(client_of: ClientOf, connection: XeroConnection) -> None:
    page = client_of(Role.ADMIN).get("/welcome/?with=real")
    assert [step.state.name for step in page.context["run"].steps] == ["NEXT", *["LATER"] * 4]


def test_what_was_done_as_another_app_does_not_count(
    client_of: ClientOf, connection: XeroConnection, simulated_app: None, admin: User
) -> None:
    driving.export({"ids": [str(invoice(status="ready").uuid)]})
    credentials.save("A" * 32, "b" * 48, admin, known=True)
    assert states() == ["DONE", "NEXT", "LATER", "LATER", "LATER"]
    assert "Not in use here" in text(client_of(Role.ADMIN).get("/welcome/"))


# --- sample data


def test_each_sample_problem_is_there_once(today: date) -> None:
    sample_problems.plant(today=today)
    sample_problems.plant(today=today)
    assert Invoice.objects.count() == len(sample_problems.PROBLEMS)
    assert Account.objects.filter(name="Mr & Mrs Smith").count() == 2


def test_what_is_over_and_done_adds_up_and_cannot_be_exported(today: date) -> None:
    sample_data.create(sample_data.Size(3, 4, 0), today=today)
    sample_data.create_past(60, today=today)
    assert not Invoice.objects.filter(status__in=Invoice.EXPORTABLE).exists()
    for each in Invoice.objects.exclude(status__in=("void", "draft")):
        assert each.balance_due == each.total - each.settled()
        assert (each.balance_due == 0) == (each.status == "paid")
    assert Payment.objects.exists()


# --- trying out


@pytest.mark.parametrize("name", ["finance", "admin", "support"])
def test_a_button_signs_a_sample_user_in(stranger: Client, name: str) -> None:
    create_users()
    assert f'action="/login/as/{name}/"' in text(stranger.get("/login/"))
    assert stranger.get(f"/login/as/{name}/").status_code == 405
    assert stranger.post(f"/login/as/{name}/").headers["Location"] == "/"
    assert stranger.get("/").status_code == 200


def test_the_buttons_are_nowhere_else(stranger: Client, settings: Any) -> None:
    create_users()
    User.objects.create_superuser("root", password="root")
    assert stranger.post("/login/as/root/").status_code == 404
    settings.SIMULATOR = False
    assert "/login/as/" not in text(stranger.get("/login/"))
    assert stranger.post("/login/as/admin/").status_code == 404
    assert stranger.get("/").status_code == 302


def test_a_button_opens_nothing_once_the_password_was_changed(stranger: Client) -> None:
    create_users()
    user = User.objects.get(username="admin")
    user.set_password("changed since")
    user.save()
    assert "a password of its own" in text(stranger.post("/login/as/admin/", follow=True))
    assert stranger.get("/").status_code == 302


def test_files_say_that_they_are_simulated(reader: Client, settings: Any) -> None:
    assert 'filename="SIM-accounts-' in reader.get("/crm/accounts.csv").headers["Content-Disposition"]
    settings.SIMULATOR = False
    assert 'filename="accounts-' in reader.get("/crm/accounts.csv").headers["Content-Disposition"]


def test_the_menu_leads_to_the_console_while_there_is_one(writer: Client, simulated_app: None, admin: User) -> None:
    assert 'href="/finance/xero/simulator/"' in text(writer.get("/help/"))
    assert writer.get("/finance/xero/simulator/").headers["Location"] == "/sim/xero/console/"
    credentials.save("A" * 32, "b" * 48, admin, known=True)
    assert 'href="/finance/xero/simulator/"' not in text(writer.get("/help/"))
    assert writer.get("/finance/xero/simulator/").status_code == 404


@pytest.mark.parametrize("role", Role)
def test_who_may_open_the_first_run(client_of: ClientOf, role: Role) -> None:
    assert (client_of(role).get("/welcome/").status_code == 200) == (role in WRITERS)
