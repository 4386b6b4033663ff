"""Setup > App credentials: which app this installation is at Xero."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import Client

from bmsxero.roles import EVERYONE, Role
from tests.conftest import ClientOf
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import connecting, credentials, oauth
from xero_sync.credentials import Source
from xero_sync.models import AppCredentials, XeroConnection
from xero_sync.standing import current

pytestmark = pytest.mark.django_db
APP = "/finance/xero/setup/app/"
CLIENT_ID, SECRET = "simulated-client-id", "simulated-client-secret"


@pytest.fixture
def real(xero: SimulatedXero, settings: Any) -> Iterator[SimulatedXero]:
    """The simulator plays Xero itself; whatever is saved is gone after the test."""
    settings.XERO_REAL = xero.settings()
    credentials.remember()
    yield xero
    AppCredentials.objects.all().delete()
    credentials.remember()


@pytest.fixture
def me(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)


def text(answer: Any) -> str:
    return " ".join(html.unescape(answer.content.decode()).split())


def save(me: Client, client_id: str = CLIENT_ID, secret: str = SECRET) -> Any:
    return me.post(APP, {"do": "save", "client_id": client_id, "client_secret": secret}, follow=True)


# --- entering


def test_what_xero_knows_is_saved_encrypted_and_never_shown(me: Client, real: SimulatedXero) -> None:
    page = text(save(me, f"  {CLIENT_ID} ", f"\t{SECRET}\n"))
    assert "Xero knows this client id and secret. Saved." in page
    assert credentials.current() == credentials.App(CLIENT_ID, SECRET, Source.SAVED)
    with database.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM xero_sync_appcredentials")
        assert SECRET not in cursor.fetchone()[0]
    shown = text(me.get(APP))
    assert CLIENT_ID in shown
    assert SECRET not in shown
    assert SECRET not in repr(credentials.current())


@pytest.mark.parametrize(("client_id", "secret"), [(CLIENT_ID, "wrong"), ("unknown", SECRET)])
def test_what_xero_does_not_know_is_said_at_the_field_and_not_saved(
    me: Client, real: SimulatedXero, client_id: str, secret: str
) -> None:
    answer = save(me, client_id, secret)
    assert answer.status_code == 400
    assert "Xero doesn't know this client id with this secret. Nothing was saved." in text(answer)
    assert not AppCredentials.objects.exists()
    assert credentials.is_simulated()


def test_swapped_fields_are_spotted_before_xero_is_asked(me: Client, real: SimulatedXero) -> None:
    answer = save(me, "s" * 48, "0123456789ABCDEF0123456789ABCDEF")
    assert "were they swapped?" in text(answer)


@pytest.mark.parametrize("odd", ["two words", "clé"])
def test_odd_characters_are_refused(me: Client, real: SimulatedXero, odd: str) -> None:
    assert "Copy it again" in text(save(me, odd))
    assert "Copy it again" in text(save(me, CLIENT_ID, odd))


def test_the_secret_may_stay_when_the_id_does(me: Client, real: SimulatedXero) -> None:
    save(me)
    assert "Saved." in text(save(me, secret=""))
    assert credentials.current().client_secret == SECRET
    assert "Enter the secret that goes with this client id." in text(save(me, "another", ""))


def test_xero_out_of_reach_is_no_reason_to_type_it_twice(me: Client, real: SimulatedXero, settings: Any) -> None:
    settings.XERO_REAL = settings.XERO_REAL | {"XERO_TOKEN_URL": "http://127.0.0.1:9/connect/token"}
    assert "could not be asked" in text(save(me))
    assert credentials.current().source is Source.SAVED
    assert AppCredentials.objects.get().checked_at is None


# --- what follows


@pytest.mark.django_db(databases=["default", "simulator"])
def test_saved_credentials_shut_the_simulated_xero(me: Client, real: SimulatedXero, client: Client) -> None:
    assert client.get("/sim/xero/identity/connect/authorize").status_code == 400
    save(me)
    for path in ("/sim/xero/console/", "/sim/xero/api.xro/2.0/Invoices", "/sim/xero/connections"):
        assert client.get(path).status_code == 404
    assert "SIMULATED" not in text(me.get("/"))
    me.post(APP, {"do": "forget"})
    assert credentials.is_simulated()
    assert "SIMULATED: nothing reaches Xero" in text(me.get("/"))


def test_another_client_id_asks_for_a_reconnect(
    me: Client, real: SimulatedXero, connection: XeroConnection, admin: User
) -> None:
    assert not current().needs_reconnect
    credentials.save("another", "b" * 40, admin, known=True)
    assert current().needs_reconnect
    assert "another client id" in current().reason


def test_the_environment_comes_first_and_is_only_shown(me: Client, real: SimulatedXero, settings: Any) -> None:
    settings.SIMULATOR = False
    settings.XERO_CLIENT_ID, settings.XERO_CLIENT_SECRET = "from-outside", "outside-secret"
    page = text(me.get(APP))
    assert 'from-outside</code> <span class="quiet">Set by environment' in page
    assert "outside-secret" not in page
    assert 'name="client_secret"' not in page
    save(me)
    assert not AppCredentials.objects.exists()


@pytest.mark.parametrize(("secret", "words"), [(SECRET, "Xero knows this"), ("wrong", "Xero doesn't know this")])
def test_the_current_credentials_can_be_checked(
    me: Client, real: SimulatedXero, settings: Any, secret: str, words: str
) -> None:
    settings.XERO_CLIENT_SECRET = secret
    assert words in text(me.post(APP, {"do": "check"}, follow=True))


def test_the_older_permissions_are_one_click_away(me: Client, real: SimulatedXero, settings: Any) -> None:
    assert "accounting.invoices" in oauth.Authorisation.new().url
    page = text(me.post(APP, {"do": "scopes", "set": "broad"}, follow=True))
    assert "Connect again" in page
    assert "accounting.transactions" in page
    assert "accounting.transactions" in oauth.Authorisation.new().url
    assert "accounting.invoices" not in oauth.Authorisation.new().url
    settings.XERO_SCOPES_FIXED = True
    assert "accounting.invoices" in oauth.Authorisation.new().url
    assert "can't be changed here" in text(me.post(APP, {"do": "scopes", "set": "granular"}, follow=True))
    assert "can't be changed here" in text(me.post(APP, {"do": "nonsense"}, follow=True))


def test_the_secret_follows_new_keys(real: SimulatedXero, admin: User, settings: Any) -> None:
    old, new = settings.FIELD_ENCRYPTION_KEYS[0], Fernet.generate_key().decode()
    credentials.save(CLIENT_ID, SECRET, admin, known=True)
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    call_command("rotate_token_keys", stdout=StringIO())
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert credentials.current().client_secret == SECRET
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="enter it again at Setup"):
        call_command("rotate_token_keys", stdout=StringIO())


def test_saved_credentials_lead_to_xero_itself(real: SimulatedXero, admin: User, settings: Any) -> None:
    settings.XERO_REAL = {"XERO_API_URL": "https://api.xero.com/api.xro/2.0"}
    assert not connecting.is_real_xero()
    credentials.save(CLIENT_ID, SECRET, admin, known=True)
    assert connecting.is_real_xero()


# --- the address


@pytest.mark.parametrize(
    ("site", "host", "words"),
    [
        ("http://bms.test", "bms.test", "Xero takes plain http for localhost only"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "Xero takes no bare numbers such as 127.0.0.1"),
        ("https://bms.test", "10.0.0.7:8000", "SITE_URL says bms.test"),
        ("https://bms.test", "bms.test", "has to set X-Forwarded-Proto"),
    ],
)
def test_an_address_that_xero_will_not_take_is_warned_of(
    me: Client, settings: Any, site: str, host: str, words: str
) -> None:
    settings.SITE_URL = site
    page = text(me.get(APP, headers={"host": host}))
    assert f"{site}/finance/xero/callback/" in page
    assert words in page


def test_a_fitting_address_is_not_warned_of(me: Client, settings: Any) -> None:
    settings.SITE_URL = "http://localhost:8000"
    page = me.get(APP, headers={"host": "localhost:8000"})
    assert page.context["warnings"] == []


# --- who


@pytest.mark.parametrize("role", EVERYONE)
def test_everybody_may_look_and_admins_act(client_of: ClientOf, real: SimulatedXero, role: Role) -> None:
    someone = client_of(role)
    page = someone.get(APP)
    assert page.status_code == 200
    main = page.content.decode().partition("<main")[2].partition("</main>")[0]
    assert ("<button" in main) == (role == Role.ADMIN)
    assert someone.post(APP, {"do": "check"}).status_code == (302 if role == Role.ADMIN else 403)


# --- the redirect address, tried by the person's own browser


def tried(client: Client, **extra: Any) -> str:
    page = text(client.get(APP, headers={"host": "localhost:8000"}))
    (link,) = re.findall(r'href="http://localhost:8000(/finance/xero/callback/[^"]+)"', page)
    return text(client.get(link, follow=True, **{"headers": {"host": "localhost:8000"}} | extra))


def test_the_redirect_address_that_leads_here_says_so(me: Client) -> None:
    assert "http://localhost:8000/finance/xero/callback/ leads here." in tried(me)


def test_a_proxy_that_hides_the_host_is_told(me: Client) -> None:
    assert "a proxy in front has to pass the Host header on" in tried(me, headers={"host": "inner:9000"})


def test_whoever_is_not_signed_in_at_that_address_still_learns_that_it_leads_here(me: Client) -> None:
    page = text(me.get(APP))
    (link,) = re.findall(r'href="http://localhost:8000(/finance/xero/callback/[^"]+)"', page)
    answer = Client().get(link, follow=True, headers={"host": "localhost:8000"})
    assert answer.redirect_chain[-1][0].startswith("/login/")
    assert "leads here" in text(answer)


@pytest.mark.parametrize("mark", ["", "made-up", "Imh0dHA6Ly9lbHNld2hlcmUvIg:1vN:x"])
def test_a_mark_that_is_not_ours_proves_nothing(me: Client, mark: str) -> None:
    page = text(me.get(f"/finance/xero/callback/?trial={mark}", follow=True))
    assert "leads here" not in page
    assert "begun at another installation" in page


def test_trying_the_address_does_not_disturb_a_connecting_under_way(me: Client, real: SimulatedXero) -> None:
    me.post("/finance/xero/connect/")
    kept = dict(me.session)
    tried(me)
    assert {name: value for name, value in me.session.items() if name in kept} == kept
