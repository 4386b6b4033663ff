"""Signing in to Xero: authorise, callback, refresh under a row lock, disconnect.

This is the only module that reads the token columns. Nothing here logs or raises with a request, an answer
or a token in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import urllib3
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from xero_sync import clock, credentials, pulse
from xero_sync.credentials import App
from xero_sync.errors import Misconfigured, NotConnected, ReconnectNeeded, Unanswered, XeroError
from xero_sync.failpoints import reach
from xero_sync.models import XeroConnection
from xero_sync.texts import all_storable

logger = logging.getLogger(__name__)

#: An access token is renewed when it has less than this to live.
RENEW_BEFORE = timedelta(minutes=2)
#: Tokens that nobody used are renewed after this; Xero forgets them after sixty days.
KEEP_ALIVE = timedelta(days=30)
#: For so long after a rotation Xero still takes the refresh token before it (thirty minutes, less a margin).
GRACE = timedelta(minutes=25)
TIMEOUT = urllib3.Timeout(connect=3, read=10)
NO_USABLE_ANSWER = "Xero's sign-in service gave no usable answer. It will be tried again."
_http = urllib3.PoolManager(retries=False, timeout=TIMEOUT)


@dataclass(frozen=True)
class Authorisation:
    """What must be remembered between leaving for Xero and coming back."""

    state: str
    verifier: str

    @classmethod
    def new(cls) -> Authorisation:
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(48))

    @property
    def url(self) -> str:
        """Where to send the browser."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code",
            "client_id": credentials.current().client_id,
            "redirect_uri": redirect_uri(),
            "scope": credentials.scopes(),
            "state": self.state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{credentials.address('XERO_AUTHORIZE_URL')}?{urlencode(query)}"


@dataclass(frozen=True, repr=False)
class Tokens:
    """A fresh token set, in memory only."""

    access: str
    refresh: str
    expires_in: int
    scopes: str

    @classmethod
    def from_answer(cls, answer: dict[str, Any], *, previous_refresh: str = "") -> Tokens:
        # Without a new refresh token the one we have stays good
        try:
            return cls(
                str(answer["access_token"]),
                str(answer.get("refresh_token") or previous_refresh),
                int(answer.get("expires_in") or 1800),
                str(answer.get("scope") or ""),
            )
        except (KeyError, TypeError, ValueError):
            raise Unanswered(NO_USABLE_ANSWER) from None


@dataclass(frozen=True)
class Organisation:
    """One organisation that the person allowed us to use."""

    connection_id: str
    tenant_id: str
    name: str


def redirect_uri() -> str:
    """Return the address that Xero sends people back to; registered there letter by letter."""
    return f"{settings.SITE_URL}/finance/xero/callback/"


def exchange(code: str, verifier: str) -> Tokens:
    """Turn the code of the callback into tokens. Raises ReconnectNeeded for a used or expired code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(),
        "code_verifier": verifier,
    }
    return Tokens.from_answer(_token_call(form))


def organisations(tokens: Tokens) -> list[Organisation]:
    """Return the organisations of this very consent; earlier ones of the same person are not repeated."""
    event = _claim(tokens.access, "authentication_event_id")
    query = f"?{urlencode({'authEventId': event})}" if event else ""
    answer = _call("GET", credentials.address("XERO_CONNECTIONS_URL") + query, access=tokens.access)
    if answer.status != 200:
        raise Unanswered("Xero did not tell which organisations were chosen. Please connect again.")
    return [
        Organisation(str(each["id"]), str(each["tenantId"]), str(each.get("tenantName") or "Unnamed organisation"))
        for each in _json(answer)
        if each.get("tenantType") == "ORGANISATION"
    ]


def is_demo_company(organisation: Organisation, tokens: Tokens) -> bool:
    """Ask Xero whether this is a Demo Company, before anything is stored. Raises Unanswered."""
    url = f"{credentials.address('XERO_API_URL')}/Organisation"
    answer = _call("GET", url, access=tokens.access, tenant=organisation.tenant_id)
    if answer.status != 200:
        raise Unanswered("Xero did not tell whether this is a Demo Company. Please connect again.")
    found = (_json(answer).get("Organisations") or [{}])[0]
    return found.get("IsDemoCompany") in {True, "true"}


def save_connection(organisation: Organisation, tokens: Tokens, user: User) -> XeroConnection:
    """Store the tokens and make this the current organisation. Another one stops being current; its links stay."""
    with transaction.atomic():
        XeroConnection.objects.filter(is_current=True).exclude(tenant_id=organisation.tenant_id).update(
            is_current=False
        )
        connection, _ = XeroConnection.objects.update_or_create(
            tenant_id=organisation.tenant_id,
            defaults={
                "xero_connection_id": organisation.connection_id,
                "client_id": credentials.current().client_id,
                "name": organisation.name,
                "state": XeroConnection.State.CONNECTED,
                "state_reason": "",
                "is_current": True,
                "connected_by": user,
                "connected_at": clock.now(),
                **_columns(tokens),
            },
        )
    return connection


def access_token(connection_id: int, *, refused: str = "") -> str:
    """Return an access token that is good for two minutes at least, renewing it if need be.

    However many ask at once, Xero is asked once: the row is locked over the call, the only place where a
    transaction stays open over the network. `refused` is a token that Xero has just rejected.
    Raises ReconnectNeeded, Misconfigured or Unanswered; after the last the old token set is kept.
    """
    # durable: an outer transaction that rolled back would lose a rotation that has happened at Xero
    with transaction.atomic(durable=True):
        row = XeroConnection.objects.select_for_update().get(pk=connection_id)
        if row.state == XeroConnection.State.DISCONNECTED:
            raise NotConnected
        if row.state == XeroConnection.State.RECONNECT or row.client_id != credentials.current().client_id:
            raise ReconnectNeeded(row.state_reason)
        token = row.access_token
        if token and token != refused and row.expires_at and row.expires_at > clock.now() + RENEW_BEFORE:
            return str(token)
        try:
            tokens = _renewed(row.refresh_token)
            reach("rotated")
        except XeroError as error:
            failure = error
        else:
            for column, value in _columns(tokens).items():
                setattr(row, column, value)
            row.save(update_fields=list(_columns(tokens)))
            return tokens.access
    pulse.beat(pulse.REFRESH_FAILED)
    if isinstance(failure, ReconnectNeeded):
        mark_reconnect(connection_id, failure.message)
    raise failure


def keep_alive() -> int:
    """Renew the tokens that would die: a refresh token lives sixty days. Return how many were renewed.

    A token that ran out lately is renewed, too: if a worker died between Xero's rotation and our commit, the old
    refresh token works for thirty minutes more, and this heals the chain.
    """
    now = clock.now()
    dying = Q(refreshed_at__lt=now - KEEP_ALIVE) | Q(expires_at__range=(now - GRACE, now))
    renewed = 0
    connected = XeroConnection.objects.filter(dying, state=XeroConnection.State.CONNECTED)
    for connection_id in connected.values_list("pk", flat=True):
        try:
            access_token(connection_id)
        except XeroError as error:
            logger.warning("connection %s: %s", connection_id, error.message)
        else:
            renewed += 1
    return renewed


def encrypt_anew() -> tuple[int, list[str]]:
    """Write all tokens with the first key. Return how many connections had some, and which no key opens."""
    rotated, unreadable = 0, []
    for connection_id in XeroConnection.objects.values_list("pk", flat=True):
        with transaction.atomic():
            row = XeroConnection.objects.select_for_update().get(pk=connection_id)
            if row.access_token and row.refresh_token:
                row.save(update_fields=["access_token", "refresh_token"])
                rotated += 1
            elif row.state == XeroConnection.State.CONNECTED:
                unreadable.append(row.name)  # saving it would lose what another key may still open
    return rotated, unreadable


def mark_reconnect(connection_id: int, reason: str) -> None:
    """Note that only a person can bring this connection back. Links and waiting jobs stay."""
    XeroConnection.objects.filter(pk=connection_id, state=XeroConnection.State.CONNECTED).update(
        state=XeroConnection.State.RECONNECT, state_reason=reason
    )
    logger.warning("connection %s needs somebody to sign in again", connection_id)


def disconnect(connection: XeroConnection) -> None:
    """Remove the connection at Xero and forget its tokens. Links, jobs and the mirror stay."""
    try:
        access = access_token(connection.pk)
        url = f"{credentials.address('XERO_CONNECTIONS_URL')}/{connection.xero_connection_id}"
        answer = _call("DELETE", url, access=access)
    except (ReconnectNeeded, NotConnected):
        pass  # Xero has let go already
    else:
        # 404: somebody disconnected it in Xero
        if answer.status not in {204, 404, 401, 403}:
            raise Unanswered("Xero did not confirm the disconnect. Please try again.")
    XeroConnection.objects.filter(pk=connection.pk).update(
        state=XeroConnection.State.DISCONNECTED,
        state_reason="",
        is_current=False,
        access_token="",
        refresh_token="",
        expires_at=None,
    )


def _renewed(refresh_token: str) -> Tokens:
    if not refresh_token:  # never granted, or the key it was encrypted with is lost
        raise ReconnectNeeded
    answer = _token_call({"grant_type": "refresh_token", "refresh_token": refresh_token})
    return Tokens.from_answer(answer, previous_refresh=refresh_token)


def _columns(tokens: Tokens) -> dict[str, Any]:
    now = clock.now()
    return {
        "access_token": tokens.access,
        "refresh_token": tokens.refresh,
        "expires_at": now + timedelta(seconds=tokens.expires_in),
        "refreshed_at": now,
        "scopes": tokens.scopes,
    }


def recognises(app: App, token_url: str) -> bool:
    """Ask Xero whether it knows a client id and its secret, before anybody signs in. Raises Unanswered.

    A token that cannot exist is offered: whoever is known hears that the token is bad, anybody else that they are.
    """
    try:
        _token_call({"grant_type": "refresh_token", "refresh_token": "made-up"}, app, token_url)
    except Misconfigured:
        return False
    except ReconnectNeeded:
        pass
    return True


def _token_call(form: dict[str, str], app: App | None = None, url: str = "") -> dict[str, Any]:
    answer = _call("POST", url or credentials.address("XERO_TOKEN_URL"), form=form, app=app)
    if answer.status == 200:
        decoded: dict[str, Any] = _json(answer)
        return decoded
    refusal = _json(answer) if answer.status in {400, 401} else None
    problem = refusal.get("error") if isinstance(refusal, dict) else None
    if problem == "invalid_grant":
        raise ReconnectNeeded
    if problem in {"invalid_client", "unauthorized_client"}:
        raise Misconfigured
    raise Unanswered(NO_USABLE_ANSWER)


def _call(
    method: str,
    url: str,
    *,
    access: str = "",
    tenant: str = "",
    form: dict[str, str] | None = None,
    app: App | None = None,
) -> urllib3.BaseHTTPResponse:
    headers = {"Accept": "application/json"}
    if tenant:
        headers["xero-tenant-id"] = tenant
    if access:
        headers["Authorization"] = f"Bearer {access}"
    else:
        app = app or credentials.current()
        headers |= urllib3.make_headers(basic_auth=f"{app.client_id}:{app.client_secret}")
    body = None
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urlencode(form)
    try:
        return _http.request(method, url, headers=headers, body=body, redirect=False)
    except urllib3.exceptions.HTTPError:
        # From None: the exception's text has the address, and a request body near it
        raise Unanswered("Xero's sign-in service can't be reached. It will be tried again.") from None


def _json(answer: urllib3.BaseHTTPResponse) -> Any:
    try:
        return all_storable(json.loads(answer.data))
    except ValueError:
        raise Unanswered(NO_USABLE_ANSWER) from None


def _claim(token: str, name: str) -> str:
    """Return a claim of a token that came from Xero itself; its signature is not our concern."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return ""
    return str(claims.get(name) or "")
