"""Connecting an organisation: there and back, and everything that must not get in on the way."""

from __future__ import annotations

import html
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client

from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.records import account, site
from tests.xero_sync.simulated import SimulatedXero
from tests.xero_sync.witness import TOKENS, Witness
from xero_sync.models import Job, SyncOptions, XeroConnection, XeroLink

pytestmark = pytest.mark.django_db
CONNECT, CALLBACK = "/finance/xero/connect/", "/finance/xero/callback/"
SETUP, CHOOSE, DISCONNECT = "/finance/xero/setup/", "/finance/xero/setup/choose/", "/finance/xero/disconnect/"
STRANGE = "This sign-in was not started here, or too long ago. Nothing was connected."
SAID_NO = "You said no in Xero. Nothing was connected."


@pytest.fixture
def me(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


@pytest.fixture
def witness(settings: Any) -> Iterator[Witness]:
    """In the place of Xero's sign-in service."""
    running = Witness()
    for name, value in running.settings().items():
        setattr(settings, name, value)
    yield running
    running.close()


def leave(me: Client) -> str:
    """Press Connect; return the address at Xero."""
    answer = me.post(CONNECT)
    assert answer.status_code == 302
    return answer.headers["Location"]


def state_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["state"][0]


def come_back(me: Client, xero: SimulatedXero, organisation: str = "Acme MSP Ltd", **more: bool) -> HttpResponse:
    return me.get(CALLBACK, xero.allow(leave(me), organisation), **more)


def text(answer: HttpResponse) -> str:
    return " ".join(html.unescape(answer.content.decode()).split())


# --- there and back


def test_connecting_saves_the_organisation_and_reads_its_settings(me: Client, xero: SimulatedXero) -> None:
    answer = come_back(me, xero)
    assert (answer.status_code, answer.headers["Location"]) == (302, SETUP)
    connection = XeroConnection.objects.get()
    assert (connection.name, connection.state, connection.is_current) == ("Acme MSP Ltd", "connected", True)
    assert str(connection.connected_by) == Role.ADMIN
    assert SyncOptions.objects.get().sales_account == "200"
    page = me.get(SETUP)
    assert "Connected to Acme MSP Ltd." in text(page)
    assert "Renews itself, no 30-minute limit" in text(page)


def test_only_the_answer_to_xero_hides_where_it_came_from(me: Client, xero: SimulatedXero) -> None:
    answer = come_back(me, xero)
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]
    assert me.get(SETUP).headers["Referrer-Policy"] == "same-origin"


def test_the_way_out_asks_for_what_xero_wants_and_nothing_of_ours_comes_back_in_the_address(
    me: Client, xero: SimulatedXero, settings: Any
) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(leave(me)).query).items()}
    assert asked["redirect_uri"] == f"{settings.SITE_URL}{CALLBACK}"
    assert "offline_access" in asked["scope"]
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43
    assert asked["state"] != state_of(leave(me))


def test_jobs_that_waited_for_a_sign_in_go_on(me: Client, connection: XeroConnection, xero: SimulatedXero) -> None:
    XeroConnection.objects.update(state=XeroConnection.State.RECONNECT, state_reason="Gone.")
    job = _parked(connection)
    page = me.get(SETUP)
    assert "1 job with 0 rows waits for it" in text(page)
    come_back(me, xero)
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED
    connection.refresh_from_db()
    assert (connection.state, connection.state_reason) == (XeroConnection.State.CONNECTED, "")


def test_signing_in_again_keeps_the_options(me: Client, connection: XeroConnection, xero: SimulatedXero) -> None:
    SyncOptions.objects.update(sales_account="260", suggested=False)
    come_back(me, xero)
    assert list(SyncOptions.objects.values_list("sales_account", "suggested")) == [("260", False)]


def test_another_organisation_leaves_the_first_as_it_was(
    me: Client, connection: XeroConnection, xero: SimulatedXero
) -> None:
    XeroLink.objects.create(tenant_id=connection.tenant_id, kind="invoices", local_id=account().uuid, xero_id="1")
    job = _parked(connection)
    assert "What was sent to Acme MSP Ltd stays linked to it" in text(me.get(SETUP))
    come_back(me, xero, "Acme Inc")
    page = text(me.get(SETUP))
    assert "Connected to Acme Inc." in page
    assert "stays linked to Acme MSP Ltd and shows again when you connect it again. 1 job waits until then." in page
    assert list(XeroConnection.objects.filter(is_current=True).values_list("name", flat=True)) == ["Acme Inc"]
    assert XeroLink.objects.get().tenant_id == connection.tenant_id
    job.refresh_from_db()
    assert job.state == Job.State.WAITING
    come_back(me, xero)
    assert XeroConnection.objects.get(is_current=True) == connection
    job.refresh_from_db()
    assert job.state == Job.State.QUEUED


def _parked(connection: XeroConnection) -> Job:
    return Job.objects.create(
        kind="invoices",
        direction=Job.Direction.EXPORT,
        connection=connection,
        tenant_id=connection.tenant_id,
        state=Job.State.WAITING,
        wait_why=Job.WaitWhy.RECONNECT,
    )


# --- Xero says no


def test_saying_no_in_xero_connects_nothing(me: Client, xero: SimulatedXero) -> None:
    told = xero.allow(leave(me), decision="cancel")
    page = me.get(CALLBACK, told, follow=True)
    assert SAID_NO in text(page)
    assert "Connect to Xero</button>" in text(page)
    assert not XeroConnection.objects.exists()


def test_saying_no_uses_the_state_up(me: Client, witness: Witness) -> None:
    state = state_of(leave(me))
    me.get(CALLBACK, {"error": "access_denied", "state": state})
    assert STRANGE in text(me.get(CALLBACK, {"code": "a-code", "state": state}))
    assert witness.asked == []


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        (
            {"error": "access_denied", "error_description": "Requested wrong apps scopes"},
            "Setup > App credentials has the other set",
        ),
        ({"error": "invalid_scope"}, "Setup > App credentials has the other set"),
        ({"error": "unauthorized_client"}, "Check it at Setup > App credentials."),
        ({"error": "invalid_request"}, "http://localhost:8000/finance/xero/callback/"),
        ({"error": "temporarily_unavailable"}, "Try again in a few minutes."),
        ({"error": "<b>news</b>", "error_description": "<i>phone us</i>"}, "an error of its own"),
    ],
)
def test_an_error_of_xeros_is_told_in_our_words(
    me: Client, witness: Witness, told: dict[str, str], sentence: str
) -> None:
    page = me.get(CALLBACK, {**told, "state": state_of(leave(me))}, follow=True)
    assert sentence in text(page)
    mended_at_the_app = told["error"] in {"invalid_scope", "unauthorized_client", "invalid_request"}
    assert (page.request["PATH_INFO"] == "/finance/xero/setup/app/") or not mended_at_the_app
    assert "news" not in text(page)
    assert "phone us" not in text(page)
    assert witness.asked == []


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/token", (500, "secret-of-the-server")),
        ("/token", (200, "secret-of-the-server")),
        ("/token", (400, {"error": "invalid_grant"})),
        ("/token", (401, {"error": "invalid_client"})),
        ("/connections", (500, "secret-of-the-server")),
        ("/connections", (200, "secret-of-the-server")),
        ("/connections", (200, [])),
        ("/connections", (200, [{"id": "1", "tenantId": "2", "tenantType": "PRACTICE", "tenantName": "A practice"}])),
    ],
)
def test_whatever_xero_answers_wrongly_a_plain_page_comes_and_nothing_is_stored(
    me: Client, witness: Witness, path: str, answer: tuple[int, Any]
) -> None:
    witness.answers[path] = answer
    wrong_app = answer[1] == {"error": "invalid_client"}
    back = me.get(CALLBACK, {"code": "a-code", "state": state_of(leave(me))})
    assert (back.status_code, back.headers["Location"]) == (302, f"{SETUP}app/" if wrong_app else SETUP)
    told = text(me.get(back.headers["Location"]))
    assert 'role="alert"' in told
    assert "secret-of-the-server" not in told
    page = text(me.get(SETUP))
    assert "Connect to Xero</button>" in page
    assert not XeroConnection.objects.exists()


def test_a_sign_in_service_that_is_away_is_told_so(me: Client, witness: Witness, settings: Any) -> None:
    settings.XERO_TOKEN_URL = "http://127.0.0.1:9/token"
    page = me.get(CALLBACK, {"code": "a-code", "state": state_of(leave(me))}, follow=True)
    assert "can't be reached" in text(page)
    assert "It will be tried again" not in text(page)


def test_a_used_code_connects_nothing(me: Client, xero: SimulatedXero) -> None:
    first = xero.allow(leave(me), "Acme MSP Ltd")
    me.get(CALLBACK, first)
    again = state_of(leave(me))
    page = me.get(CALLBACK, {"code": first["code"], "state": again}, follow=True)
    assert "was used already" in text(page)
    assert XeroConnection.objects.count() == 1


# --- somebody else's hand


@pytest.mark.parametrize("state", ["", "forged", "nø-ascii"])
def test_a_missing_or_forged_state_never_reaches_xero(
    me: Client, witness: Witness, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    leave(me)
    page = me.get(CALLBACK, {"code": "a-code", "state": state})
    assert page.status_code == 400
    assert STRANGE in text(page)
    assert "<form" not in text(page)
    assert witness.asked == []
    assert "another state" in caplog.text
    assert "a-code" not in caplog.text


def test_a_sign_in_that_nobody_started_here_never_reaches_xero(me: Client, witness: Witness) -> None:
    page = me.get(CALLBACK, {"code": "a-code", "state": "any"})
    assert (page.status_code, witness.asked) == (400, [])


def test_a_state_is_good_once(me: Client, xero: SimulatedXero) -> None:
    told = xero.allow(leave(me), "Acme MSP Ltd")
    me.get(CALLBACK, told)
    page = me.get(CALLBACK, told)
    assert (page.status_code, STRANGE in text(page)) == (400, True)


def test_a_wrong_state_uses_the_right_one_up(me: Client, witness: Witness) -> None:
    state = state_of(leave(me))
    me.get(CALLBACK, {"code": "a-code", "state": "guessed"})
    assert me.get(CALLBACK, {"code": "a-code", "state": state}).status_code == 400
    assert witness.asked == []


def test_a_state_is_good_for_ten_minutes(me: Client, witness: Witness, caplog: pytest.LogCaptureFixture) -> None:
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False):
        state = state_of(leave(me))
    with time_machine.travel("2026-11-22T10:10:01Z", tick=False):
        page = me.get(CALLBACK, {"code": "a-code", "state": state})
    assert (page.status_code, witness.asked) == (400, [])
    assert "older than ten minutes" in caplog.text


def test_a_state_is_good_for_the_one_who_left_with_it(
    me: Client, witness: Witness, caplog: pytest.LogCaptureFixture
) -> None:
    state = state_of(leave(me))
    other = Client()
    other.force_login(User.objects.create_superuser("other"))
    session, mine = other.session, me.session
    session["xero_left"] = mine["xero_left"]
    session.save()
    page = other.get(CALLBACK, {"code": "a-code", "state": state})
    assert (page.status_code, witness.asked) == (400, [])
    assert "another user" in caplog.text


def test_a_role_taken_away_meanwhile_connects_nothing(me: Client, witness: Witness) -> None:
    state = state_of(leave(me))
    User.objects.get(username=Role.ADMIN).groups.clear()
    page = me.get(CALLBACK, {"code": "a-code", "state": state})
    assert (page.status_code, witness.asked) == (403, [])


def test_a_stranger_at_the_callback_signs_in_without_the_code(stranger: Client) -> None:
    answer = stranger.get(CALLBACK, {"code": "a-code", "state": "any"})
    assert answer.headers["Location"] == f"/login/?{urlencode({'next': SETUP}, safe='/')}"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    "extra", [{"next": "//evil.example/"}, {"redirect_uri": "https://evil.example/"}, {"next": "https://evil.example"}]
)
def test_nothing_in_the_address_says_where_to_go_next(me: Client, xero: SimulatedXero, extra: dict[str, str]) -> None:
    answer = me.post(f"{CONNECT}?{urlencode(extra)}", extra)
    assert "evil" not in answer.headers["Location"]
    told = xero.allow(answer.headers["Location"], "Acme MSP Ltd")
    assert me.get(CALLBACK, {**told, **extra}).headers["Location"] == SETUP


ACTS = (
    ("post", CONNECT),
    ("post", CHOOSE),
    ("post", DISCONNECT),
    ("post", SETUP),
    ("post", "/finance/xero/setup/options/"),
    ("post", "/finance/xero/setup/taxes/"),
)
FOR_ADMINS = (*ACTS, ("get", CALLBACK), ("get", CHOOSE), ("get", DISCONNECT))


def test_a_post_without_our_form_is_refused(connection: XeroConnection, admin: User) -> None:
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(admin)
    for method, path in ACTS:
        assert getattr(careful, method)(path).status_code == 403, path
    connection.refresh_from_db()
    assert connection.is_connected


@pytest.mark.parametrize(
    ("method", "path"),
    [("get", CONNECT), ("post", CALLBACK), ("head", CALLBACK), ("put", SETUP), ("delete", DISCONNECT), ("put", CHOOSE)],
)
def test_other_methods_are_refused(me: Client, method: str, path: str) -> None:
    assert getattr(me, method)(path).status_code == 405


@pytest.mark.parametrize("role", [Role.FINANCE, Role.VIEWER, Role.SUPPORT])
def test_only_admins_act(
    client_of: ClientOf, connection: XeroConnection, role: Role, caplog: pytest.LogCaptureFixture
) -> None:
    someone = client_of(role)
    for method, path in FOR_ADMINS:
        caplog.clear()
        answer = getattr(someone, method)(path)
        assert (answer.status_code, "Finance admin" in text(answer)) == (403, True), path
        assert f"Forbidden (Permission denied): {path}" in caplog.text
    connection.refresh_from_db()
    assert connection.is_connected


def test_without_a_client_id_the_button_says_what_is_missing(me: Client, settings: Any) -> None:
    settings.XERO_CLIENT_ID = ""
    answer = me.post(CONNECT, follow=True)
    assert "There is no app to connect with" in text(answer)


# --- several organisations


@pytest.fixture
def several(me: Client, witness: Witness) -> Client:
    """Back from a consent for three organisations, before choosing."""
    witness.gives("Acme MSP Ltd", "Demo Company (UK)", "Bolt & Sons")
    answer = me.get(CALLBACK, {"code": "a-code", "state": state_of(leave(me))})
    assert (answer.status_code, answer.headers["Location"]) == (302, CHOOSE)
    assert not XeroConnection.objects.exists()
    return me


def test_of_several_organisations_none_is_chosen_for_you(several: Client) -> None:
    page = several.get(CHOOSE)
    main = page.content.partition(b"</main>")[0]
    assert main.count(b'type="radio"') == 3
    assert b"checked" not in main
    assert "Bolt & Sons" in text(page)
    assert page.content.count(b"Demo Company</span>") == 1


def test_choosing_connects_that_one(several: Client) -> None:
    answer = several.post(CHOOSE, {"organisation": "t-Bolt & Sons"}, follow=True)
    assert "Connected to Bolt & Sons." in text(answer)
    connection = XeroConnection.objects.get()
    assert (connection.tenant_id, connection.access_token) == ("t-Bolt & Sons", TOKENS["access_token"])
    assert several.get(CHOOSE).headers["Location"] == SETUP


@pytest.mark.parametrize("choice", ["", "t-somebody-else"])
def test_a_choice_that_was_not_offered_is_asked_again(several: Client, choice: str) -> None:
    page = several.post(CHOOSE, {"organisation": choice})
    assert "Choose one of the organisations." in text(page)
    assert "<title>Error: Choose an organisation" in text(page)
    assert not XeroConnection.objects.exists()


def test_the_choice_is_open_for_ten_minutes(me: Client, witness: Witness) -> None:
    witness.gives("Acme MSP Ltd", "Bolt & Sons")
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False):
        me.get(CALLBACK, {"code": "a-code", "state": state_of(leave(me))})
    with time_machine.travel("2026-11-22T10:09:59Z", tick=False):
        assert me.get(CHOOSE).status_code == 200
    with time_machine.travel("2026-11-22T10:10:01Z", tick=False):
        page = me.post(CHOOSE, {"organisation": "t-Bolt & Sons"}, follow=True)
    assert "The ten minutes to choose are over" in text(page)
    assert not XeroConnection.objects.exists()


@pytest.mark.skipif(
    os.environ.get("TEST_SERVICES") == "1", reason="with PostgreSQL the clock is the database's, which can't be set"
)
def test_the_time_spent_choosing_counts_against_the_access_token(me: Client, witness: Witness) -> None:
    witness.gives("Acme MSP Ltd", "Bolt & Sons")
    with time_machine.travel("2026-11-22T10:00:00Z", tick=False):
        me.get(CALLBACK, {"code": "a-code", "state": state_of(leave(me))})
    with time_machine.travel("2026-11-22T10:09:00Z", tick=False):
        me.post(CHOOSE, {"organisation": "t-Bolt & Sons"})
    assert str(XeroConnection.objects.get().expires_at) == "2026-11-22 10:30:00+00:00"


def test_no_token_lies_open_while_somebody_chooses(several: Client) -> None:
    for session in Session.objects.all():
        assert "canary" not in str(session.get_decoded())
    assert b"canary" not in several.get(CHOOSE).content


# --- after saving


def test_an_organisation_that_could_not_be_read_stays_connected_and_can_be_read_again(
    me: Client, xero: SimulatedXero
) -> None:
    xero.control("faults", faults=[{"what": "unavailable", "endpoint": "Accounts", "times": 1}])
    come_back(me, xero)
    page = text(me.get(SETUP))
    assert "Its settings could not be read:" in page
    assert "Read again" in page
    assert XeroConnection.objects.get().is_connected
    assert not SyncOptions.objects.exists()
    assert "Nothing is read from Xero yet" in text(me.get("/finance/xero/setup/options/"))
    assert "Read again from Acme MSP Ltd." in text(me.post(SETUP, follow=True))
    assert SyncOptions.objects.get().sales_account == "200"


def test_reading_again_says_what_went_wrong(me: Client, connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.control("disconnect")
    page = text(me.post(SETUP, follow=True))
    assert "Acme MSP Ltd could not be read: Xero no longer lets us into this organisation." in page
    assert "Xero needs somebody to sign in again" in page


# --- sample data and real books


@pytest.fixture
def real_xero(xero: SimulatedXero, settings: Any, monkeypatch: pytest.MonkeyPatch) -> SimulatedXero:
    """The simulator under Xero's own name, as this machine's name service tells it."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: look_up("127.0.0.1" if host == "api.xero.com" else host, *rest, **more),
    )
    settings.XERO_API_URL = settings.XERO_API_URL.replace("127.0.0.1", "api.xero.com")
    return xero


def test_sample_customers_never_meet_real_books(me: Client, real_xero: SimulatedXero) -> None:
    site(account(), billing_email="accounts@c00001.example")
    page = come_back(me, real_xero, follow=True)
    assert "Acme MSP Ltd was not connected. This database holds sample data" in text(page)
    assert not XeroConnection.objects.exists()


def test_sample_users_never_meet_real_books(me: Client, real_xero: SimulatedXero) -> None:
    User.objects.create_user("viewer", password="viewer")
    assert "This database holds sample data" in text(come_back(me, real_xero, follow=True))
    assert not XeroConnection.objects.exists()


def test_sample_data_may_meet_a_demo_company(me: Client, real_xero: SimulatedXero) -> None:
    site(account(), billing_email="accounts@c00001.example")
    come_back(me, real_xero, "Demo Company (NZ)")
    assert XeroConnection.objects.get().name == "Demo Company (NZ)"


def test_real_data_may_meet_real_books(me: Client, real_xero: SimulatedXero) -> None:
    User.objects.create_user("viewer", password="changed since")
    site(account(), billing_email="accounts@bolt.test")
    come_back(me, real_xero)
    assert XeroConnection.objects.get().name == "Acme MSP Ltd"


# --- disconnecting


def test_disconnecting_asks_first_and_says_what_stays(me: Client, connection: XeroConnection) -> None:
    _parked(connection)
    page = text(me.get(DISCONNECT))
    assert "Disconnect from Acme MSP Ltd</button>" in page
    assert "not one record in Xero is changed" in page
    assert "1 job is under way" in page
    connection.refresh_from_db()
    assert connection.is_connected


def test_disconnecting_forgets_the_tokens_and_keeps_the_rest(
    me: Client, connection: XeroConnection, xero: SimulatedXero
) -> None:
    XeroLink.objects.create(tenant_id=connection.tenant_id, kind="invoices", local_id=account().uuid, xero_id="1")
    answer = me.post(DISCONNECT, follow=True)
    assert "Disconnected from Acme MSP Ltd." in text(answer)
    assert "Connect to Xero" in text(answer)
    connection.refresh_from_db()
    assert (connection.state, connection.access_token, connection.refresh_token) == ("disconnected", "", "")
    assert XeroLink.objects.count() == SyncOptions.objects.count() == 1


def test_a_disconnect_that_xero_does_not_confirm_is_no_disconnect(
    me: Client, connection: XeroConnection, settings: Any
) -> None:
    settings.XERO_CONNECTIONS_URL = "http://127.0.0.1:9/connections"
    answer = me.post(DISCONNECT, follow=True)
    assert "Still connected:" in text(answer)
    connection.refresh_from_db()
    assert connection.is_connected


def test_an_organisation_that_let_us_go_already_can_be_disconnected(
    me: Client, connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.control("disconnect")
    assert "Disconnected from Acme MSP Ltd." in text(me.post(DISCONNECT, follow=True))


def test_without_a_connection_there_is_nothing_to_disconnect(me: Client) -> None:
    for answer in (me.get(DISCONNECT, follow=True), me.post(DISCONNECT, follow=True)):
        assert "there was nothing to disconnect" in text(answer)


# --- secrets


def test_no_secret_shows_anywhere(
    me: Client, xero: SimulatedXero, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    me.force_login(User.objects.create_superuser("root"))
    come_back(me, xero)
    connection = XeroConnection.objects.get()
    secrets = [connection.access_token, connection.refresh_token, settings.XERO_CLIENT_SECRET]
    admin = "/django-admin/xero_sync/xeroconnection/"
    paths = (
        "/",
        "/finance/xero/",
        SETUP,
        "/finance/xero/setup/options/",
        "/finance/xero/setup/taxes/",
        DISCONNECT,
        admin,
        f"{admin}{connection.pk}/change/",
    )
    shown = [me.get(path) for path in paths]
    assert [page.status_code for page in shown] == [200] * len(paths)
    kept = [str(session.get_decoded()) for session in Session.objects.all()]
    for secret in secrets:
        assert not any(secret in page.content.decode() for page in shown)
        assert secret not in caplog.text
        assert not any(secret in each for each in kept)
