"""What the session keeps between leaving for Xero and coming back: sealed, used once, good for ten minutes."""

from __future__ import annotations

import hmac
import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from cryptography.fernet import InvalidToken
from django.http import HttpRequest

from xero_sync.encryption import keyring
from xero_sync.oauth import Authorisation, Organisation, Tokens

LIFETIME = 600  # seconds
_LEFT_FOR_XERO = "xero_left"
_ALLOWED = "xero_allowed"


class NotStartedHere(Exception):
    """This sign-in was not started here, or too long ago. Nothing was connected."""


@dataclass(frozen=True, repr=False)
class Allowed:
    """Several organisations that one consent gave, until somebody chooses. In memory only."""

    organisations: list[Organisation]
    tokens: Tokens


def remember(request: HttpRequest, going: Authorisation) -> None:
    """Keep what the callback will have to prove."""
    request.session[_LEFT_FOR_XERO] = _seal(request, asdict(going))


def take(request: HttpRequest) -> str:
    """Return what `remember` kept, still sealed, and forget it at once, whatever happens next."""
    return _pop(request, _LEFT_FOR_XERO)


def match(request: HttpRequest, kept: str, state: str) -> Authorisation:
    """Return the authorisation that `state` belongs to. Raises NotStartedHere; its cause is for the log only."""
    going = Authorisation(**_open(request, kept))
    if not hmac.compare_digest(going.state.encode(), state.encode()):
        raise NotStartedHere from ValueError("another state")
    return going


def keep(request: HttpRequest, allowed: Allowed) -> None:
    """Keep the tokens until the person has chosen an organisation."""
    tokens = asdict(allowed.tokens)
    found = [asdict(each) for each in allowed.organisations]
    request.session[_ALLOWED] = _seal(request, {"tokens": tokens, "organisations": found, "at": int(time.time())})


def kept(request: HttpRequest) -> Allowed:
    """Return what is to be chosen from. Raises NotStartedHere."""
    found = _open(request, request.session.get(_ALLOWED, ""))
    tokens = Tokens(**found["tokens"])
    # The access token has aged meanwhile
    tokens = replace(tokens, expires_in=tokens.expires_in - (int(time.time()) - found["at"]))
    return Allowed([Organisation(**each) for each in found["organisations"]], tokens)


def forget(request: HttpRequest) -> None:
    """Forget the tokens that waited for a choice."""
    _pop(request, _ALLOWED)


def _pop(request: HttpRequest, name: str) -> str:
    value = str(request.session.pop(name, ""))
    # At once: Django saves no session after an error, and the same callback could be tried again
    request.session.save()
    return value


def _seal(request: HttpRequest, data: dict[str, Any]) -> str:
    return keyring().encrypt(json.dumps(data | {"user": request.user.pk}).encode()).decode()


def _open(request: HttpRequest, sealed: str) -> dict[str, Any]:
    if not sealed:
        raise NotStartedHere from ValueError("nothing kept")
    try:
        data: dict[str, Any] = json.loads(keyring().decrypt(sealed.encode(), ttl=LIFETIME))
    except InvalidToken:
        raise NotStartedHere from ValueError("older than ten minutes")
    if data.pop("user") != request.user.pk:
        raise NotStartedHere from ValueError("another user")
    return data
