from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.conf import settings
from django.test import Client

from tests.xero_simulator.caller import XeroCaller, connect
from xero_simulator import seed, tokens
from xero_simulator.controls import CONTROLS
from xero_simulator.models import Connection, Organisation

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
AUTHORIZE, TOKEN = "/sim/xero/identity/connect/authorize", "/sim/xero/connect/token"
CALLBACK = f"{settings.SITE_URL}/finance/xero/callback/"
VERIFIER = "v" * 43
ASKED = {
    "response_type": "code",
    "client_id": settings.XERO_CLIENT_ID,
    "redirect_uri": CALLBACK,
    "scope": settings.XERO_SCOPES,
    "state": "a b/c?ä",
    "code_challenge": tokens.challenge(VERIFIER),
    "code_challenge_method": "S256",
}
SECRET = {"client_id": settings.XERO_CLIENT_ID, "client_secret": settings.XERO_CLIENT_SECRET}


@pytest.fixture
def world() -> None:
    seed.seed()


def allow(organisation: str = "Acme MSP Ltd", **changed: str) -> dict[str, str]:
    """Give consent on the page and return what the app is sent back with."""
    tenant_id = Organisation.objects.get(name=organisation).tenant_id
    url = f"{AUTHORIZE}?{urlencode({**ASKED, **changed})}"
    answer = Client().post(url, {"organisation": str(tenant_id), "decision": "allow"})
    assert answer.status_code == 302, answer.content
    assert answer["Location"].startswith(CALLBACK + "?")
    return {name: value for name, [value] in parse_qs(urlsplit(answer["Location"]).query).items()}


def exchange(**form: str) -> Any:
    return Client().post(TOKEN, {**SECRET, **form})


def redeem(code: str, **changed: str) -> Any:
    form = {"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER, **changed}
    return exchange(grant_type="authorization_code", **form)


def refresh(token: str) -> Any:
    return exchange(grant_type="refresh_token", refresh_token=token)


def claims(jwt: str) -> dict[str, Any]:
    payload = jwt.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


def connections(access_token: str, query: str = "") -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {access_token}"}
    return list(Client().get(f"/sim/xero/connections{query}", headers=headers).json())


# --- the consent page


def test_the_page_offers_every_organisation_and_has_chosen_the_first(world: None) -> None:
    page = Client().get(AUTHORIZE, ASKED).content.decode()
    assert page.count('name="organisation"') == 5
    first = page.index('name="organisation"')
    assert "checked" in page[first : page.index("</label>", first)]
    assert page.index("Acme MSP Ltd") < page.index("Demo Company (NZ)")


def test_the_page_lets_its_form_lead_back_to_the_app(world: None) -> None:
    policy = Client().get(AUTHORIZE, ASKED)["Content-Security-Policy"]
    [rule] = [part for part in policy.split(";") if "form-action" in part]
    assert settings.SITE_URL in rule.split()


def test_the_page_needs_the_form_token_of_its_own_page(world: None) -> None:
    answer = Client(enforce_csrf_checks=True).post(f"{AUTHORIZE}?{urlencode(ASKED)}", {"decision": "allow"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"client_id": "somebody"}, "unauthorized_client"),
        ({"redirect_uri": CALLBACK + "/"}, "Invalid redirect_uri"),
        ({"redirect_uri": CALLBACK.rstrip("/")}, "Invalid redirect_uri"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "accounting.transactions"}, "Invalid scope for client"),
        ({"scope": "accounting.reports.read"}, "Invalid scope for client"),
        ({"scope": "openid nonsense"}, "Invalid scope for client"),
        ({"scope": ""}, "Invalid scope for client"),
        ({"scope": "openid app.connections"}, "Requested wrong apps scopes"),
        ({"code_challenge_method": "plain"}, "Transform algorithm not supported"),
    ],
)
def test_a_bad_request_is_shown_and_not_sent_back(world: None, changed: dict[str, str], words: str) -> None:
    answer = Client().get(AUTHORIZE, {**ASKED, **changed})
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_state_comes_back_as_it_was(world: None) -> None:
    assert allow()["state"] == ASKED["state"]


def test_cancel_tells_the_app(world: None) -> None:
    answer = Client().post(f"{AUTHORIZE}?{urlencode(ASKED)}", {"decision": "cancel"})
    sent = parse_qs(urlsplit(answer["Location"]).query)
    assert sent["error"] == ["access_denied"]
    assert sent["state"] == [ASKED["state"]]
    assert "error_description" in sent


# --- codes and tokens


def test_a_code_buys_tokens(world: None) -> None:
    answer = redeem(allow()["code"]).json()
    access = claims(answer["access_token"])
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 1800
    assert "accounting.invoices" in answer["scope"].split()
    assert access["client_id"] == settings.XERO_CLIENT_ID
    assert access["authentication_event_id"]
    assert claims(answer["id_token"])["xero_userid"] == access["xero_userid"]


def test_credentials_may_come_as_basic_authorisation(world: None) -> None:
    pair = base64.b64encode(f"{settings.XERO_CLIENT_ID}:{settings.XERO_CLIENT_SECRET}".encode()).decode()
    form = {"grant_type": "authorization_code", "code": allow()["code"], "redirect_uri": CALLBACK}
    answer = Client().post(TOKEN, {**form, "code_verifier": VERIFIER}, headers={"Authorization": f"Basic {pair}"})
    assert answer.status_code == 200


def test_a_code_is_good_once(world: None) -> None:
    code = allow()["code"]
    redeem(code)
    assert redeem(code).json() == {"error": "invalid_grant"}


def test_a_code_is_good_for_five_minutes(world: None) -> None:
    code = allow()["code"]
    CONTROLS.clock_offset += 300
    assert redeem(code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize("changed", [{"redirect_uri": "http://else/"}, {"code_verifier": "x" * 43}, {"code": "no"}])
def test_a_code_needs_what_it_was_asked_for_with(world: None, changed: dict[str, str]) -> None:
    answer = redeem(**{"code": allow()["code"], **changed})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_the_token_endpoint_names_the_error(world: None, form: dict[str, str], error: str) -> None:
    answer = exchange(**{"grant_type": "refresh_token", "refresh_token": "x", **form})
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_refresh_token_is_replaced_and_stays_good_for_half_an_hour(world: None) -> None:
    old = redeem(allow()["code"]).json()["refresh_token"]
    new = refresh(old).json()["refresh_token"]
    assert new != old
    CONTROLS.clock_offset += 1799
    assert refresh(old).status_code == 200
    CONTROLS.clock_offset += 2
    assert refresh(old).json() == {"error": "invalid_grant"}
    assert refresh(new).status_code == 200


def test_an_unused_refresh_token_lasts_sixty_days(world: None) -> None:
    token = redeem(allow()["code"]).json()["refresh_token"]
    CONTROLS.clock_offset += 60 * 86_400
    assert refresh(token).json() == {"error": "invalid_grant"}


def test_without_offline_access_there_is_no_refresh_token(world: None) -> None:
    answer = redeem(allow(scope="openid accounting.invoices")["code"]).json()
    assert "refresh_token" not in answer


def test_scopes_add_up_over_consents(world: None) -> None:
    redeem(allow(scope="openid accounting.invoices")["code"])
    answer = redeem(allow(scope="openid accounting.contacts")["code"]).json()
    assert {"accounting.invoices", "accounting.contacts"} <= set(answer["scope"].split())


def test_revoking_ends_all_connections_and_refresh_tokens(world: None) -> None:
    answer = redeem(allow()["code"]).json()
    assert Client().post("/sim/xero/connect/revocation", {**SECRET, "token": answer["refresh_token"]}).content == b""
    assert refresh(answer["refresh_token"]).json() == {"error": "invalid_grant"}
    assert connections(answer["access_token"]) == []


# --- connections


def test_one_token_reaches_every_organisation_allowed_so_far(world: None) -> None:
    redeem(allow("Acme MSP Ltd")["code"])
    answer = redeem(allow("Acme Inc")["code"]).json()
    event = claims(answer["access_token"])["authentication_event_id"]
    everything = connections(answer["access_token"])
    fresh = connections(answer["access_token"], f"?authEventId={event}")
    assert [row["tenantName"] for row in everything] == ["Acme MSP Ltd", "Acme Inc"]
    assert [row["tenantName"] for row in fresh] == ["Acme Inc"]
    assert everything[0]["id"] != everything[0]["tenantId"]
    assert everything[0]["tenantType"] == "ORGANISATION"


def test_a_deleted_connection_lets_nobody_in(xero: XeroCaller) -> None:
    [row] = connections(xero.tokens["access_token"])
    headers = {"Authorization": xero.headers["Authorization"]}
    url = f"/sim/xero/connections/{row['id']}"
    assert Client().delete(url, headers=headers).status_code == 204
    assert Client().delete(url, headers=headers).status_code == 404
    answer = xero.get("Organisation")
    assert (answer.status_code, answer.json()["Detail"]) == (403, "AuthenticationUnsuccessful")


# --- who may call


def test_a_token_that_is_over_says_when(xero: XeroCaller) -> None:
    CONTROLS.clock_offset += 1801
    answer = xero.get("Organisation")
    assert answer.status_code == 401
    assert answer.json()["Detail"].startswith("TokenExpired: token expired at ")
    assert answer.json()["Title"] == "Unauthorized"


def test_an_unknown_token_is_refused(xero: XeroCaller) -> None:
    assert xero.get("Organisation", Authorization="Bearer x").json()["Detail"] == "AuthenticationUnsuccessful"


@pytest.mark.parametrize("tenant", ["", "nonsense", "8d6a6c0e-0000-4000-8000-000000000000"])
def test_a_foreign_organisation_is_forbidden(xero: XeroCaller, tenant: str) -> None:
    answer = xero.get("Organisation", xero_tenant_id=tenant)
    assert (answer.status_code, answer.json()["Title"]) == (403, "Forbidden")


@pytest.mark.parametrize(
    ("scope", "method", "name", "status"),
    [
        ("accounting.settings.read", "GET", "Accounts", 200),
        ("accounting.settings.read", "PUT", "Accounts", 401),
        ("accounting.contacts", "GET", "Contacts", 200),
        ("accounting.contacts", "GET", "Invoices", 401),
        ("accounting.invoices", "GET", "CreditNotes", 200),
        ("accounting.invoices", "GET", "Items", 200),
        ("accounting.payments.read", "GET", "Payments", 200),
        ("accounting.payments.read", "PUT", "Payments", 401),
    ],
)
def test_every_endpoint_needs_its_scope(db: None, scope: str, method: str, name: str, status: int) -> None:
    answer = connect("Acme MSP Ltd", scope).call(method, name)
    assert answer.status_code == status
    if status == 401:
        assert 'error="insufficient_scope"' in answer["WWW-Authenticate"]


def test_the_api_asks_nothing_of_the_products_database(
    xero: XeroCaller, django_assert_num_queries: Any, client: Client
) -> None:
    with django_assert_num_queries(0, using="default"):
        assert xero.get("Contacts?page=1").status_code == 200
        client.get(AUTHORIZE, ASKED)
        client.get("/sim/xero/app/")
    assert Connection.objects.count() == 1
