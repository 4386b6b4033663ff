"""Codes and tokens: made, exchanged, looked up."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from xero_simulator import clock
from xero_simulator.controls import CONTROLS
from xero_simulator.models import (
    AccessToken,
    App,
    AuthorisationCode,
    Connection,
    Consent,
    Organisation,
    RefreshToken,
)
from xero_simulator.seed import USER_ID

CODE_SECONDS = 300
ACCESS_SECONDS = 1800
REFRESH_DAYS = 60
USER = {
    "sub": USER_ID.hex,
    "xero_userid": str(USER_ID),
    "email": "sam.sample@simulated.example",
    "preferred_username": "sam.sample@simulated.example",
    "given_name": "Sam",
    "family_name": "Sample",
    "name": "Sam Sample",
}


class GrantRefused(Exception):
    """The token endpoint answers 400 with this OAuth error code."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def allow(app: App, organisation: Organisation, scopes: list[str], **request: Any) -> AuthorisationCode:
    """Connect the organisation and return the code that the app may exchange."""
    event = uuid.uuid4()
    consent, _ = Consent.objects.get_or_create(app=app, user_id=USER_ID)
    consent.scopes = list(dict.fromkeys([*consent.scopes, *scopes]))
    consent.save()
    Connection.objects.update_or_create(
        app=app,
        user_id=USER_ID,
        organisation=organisation,
        defaults={"authentication_event_id": event, "updated": clock.now()},
    )
    return AuthorisationCode.objects.create(
        code=secrets.token_urlsafe(32),
        app=app,
        user_id=USER_ID,
        authentication_event_id=event,
        scopes=consent.scopes,
        expires_at=clock.now() + dt.timedelta(seconds=CODE_SECONDS),
        **request,
    )


def grant(app: App, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tokens that the form asks for; raise `GrantRefused` if there is no right to them."""
    match form.get("grant_type"):
        case "authorization_code":
            return exchange_code(app, form)
        case "refresh_token":
            return exchange_refresh_token(app, form)
        case "client_credentials":  # for custom connections only
            raise GrantRefused("unauthorized_client")
    raise GrantRefused("unsupported_grant_type")


def exchange_code(app: App, form: Mapping[str, Any]) -> dict[str, Any]:
    code = AuthorisationCode.objects.select_for_update().filter(app=app, code=form.get("code", "")).first()
    if code is None or code.used_at or code.expires_at <= clock.now():
        raise GrantRefused("invalid_grant")
    if code.redirect_uri != form.get("redirect_uri"):
        raise GrantRefused("invalid_grant")
    if code.code_challenge and code.code_challenge != challenge(form.get("code_verifier", "")):
        raise GrantRefused("invalid_grant")
    code.used_at = clock.now()
    code.save()
    return issue(app, code.scopes, code.authentication_event_id, nonce=code.nonce)


def exchange_refresh_token(app: App, form: Mapping[str, Any]) -> dict[str, Any]:
    """Return a new pair. The old refresh token stays good for the grace period and no longer."""
    now = clock.now()
    old = RefreshToken.objects.select_for_update().filter(app=app, token=form.get("refresh_token", "")).first()
    if old is None or old.expires_at <= now:
        raise GrantRefused("invalid_grant")
    grace = dt.timedelta(milliseconds=int(CONTROLS.grace_seconds * 1000))
    if old.replaced_at and old.replaced_at + grace <= now:
        raise GrantRefused("invalid_grant")
    old.replaced_at = old.replaced_at or now
    old.save()
    return issue(app, old.scopes, old.authentication_event_id)


def issue(app: App, scopes: list[str], event: uuid.UUID, *, nonce: str = "") -> dict[str, Any]:
    now = clock.now()
    expires_at = now + dt.timedelta(seconds=ACCESS_SECONDS)
    claims = {
        "nbf": int(now.timestamp()),
        "exp": int(expires_at.timestamp()),
        "iss": "https://identity.xero.com",
        "client_id": app.client_id,
        "auth_time": int(now.timestamp()),
    }
    shared = {"app": app, "user_id": USER_ID, "authentication_event_id": event, "scopes": scopes}
    access = _jwt(
        {
            **claims,
            "aud": "https://identity.xero.com/resources",
            "sub": USER["sub"],
            "xero_userid": USER["xero_userid"],
            "global_session_id": uuid.uuid4().hex,
            "authentication_event_id": str(event),
            "jti": secrets.token_hex(16),
            "scope": scopes,
        }
    )
    AccessToken.objects.create(token=access, expires_at=expires_at, **shared)
    answer: dict[str, Any] = {
        "access_token": access,
        "expires_in": ACCESS_SECONDS,
        "token_type": "Bearer",
        "scope": " ".join(scopes),
    }
    if "openid" in scopes:
        about = USER if {"profile", "email"} <= set(scopes) else {"sub": USER["sub"]}
        answer["id_token"] = _jwt(
            {
                **claims,
                **about,
                "aud": app.client_id,
                "exp": int(now.timestamp()) + CODE_SECONDS,
                **({"nonce": nonce} if nonce else {}),
            }
        )
    if "offline_access" in scopes:
        answer["refresh_token"] = secrets.token_urlsafe(32)
        RefreshToken.objects.create(
            token=answer["refresh_token"], expires_at=now + dt.timedelta(days=REFRESH_DAYS), **shared
        )
    return answer


def revoke(app: App, token: str) -> None:
    """End the consent behind this refresh token: all tokens and all connections the user made to the app."""
    found = RefreshToken.objects.filter(app=app, token=token).first()
    if found is None:
        return
    mine = {"app": app, "user_id": found.user_id}
    for model in (RefreshToken, Connection, Consent):
        model.objects.filter(**mine).delete()


def challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier."""
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _jwt(claims: dict[str, Any]) -> str:
    """Return something shaped like Xero's signed tokens; nobody can check its signature."""
    header = {"alg": "RS256", "kid": "simulated", "typ": "JWT"}
    parts = [json.dumps(part, separators=(",", ":")).encode() for part in (header, claims)]
    return ".".join([*map(_base64url, parts), _base64url(secrets.token_bytes(64))])


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
