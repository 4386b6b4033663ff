"""Which app at Xero this installation is, where Xero is, and what is asked for: the one place that says so.

The environment comes first. Without it an admin may save a client id and secret at Setup; until then, while
trying out, it is the simulated Xero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections

from xero_sync import clock
from xero_sync.models import AppCredentials

ScopeSet = AppCredentials.ScopeSet
#: What older apps ask for in place of XERO_SCOPES: one broad permission for invoices, credits and payments.
BROAD_SCOPES = "openid profile email offline_access accounting.contacts accounting.settings accounting.transactions"


class Source(Enum):
    """Where the credentials come from."""

    SIMULATED = "simulated"
    ENVIRONMENT = "environment"
    SAVED = "saved"
    NONE = "none"


@dataclass(frozen=True)
class App:
    """An app at Xero. Its secret stays out of logs and tracebacks."""

    client_id: str
    client_secret: str
    source: Source

    def __repr__(self) -> str:
        return f"App({self.client_id!r}, source={self.source.value})"


def current() -> App:
    """Return the app that this installation is. Without a query, unless credentials are saved or there are none."""
    if settings.SIMULATOR and is_simulated():
        return App(settings.XERO_CLIENT_ID, settings.XERO_CLIENT_SECRET, Source.SIMULATED)
    if settings.XERO_CLIENT_ID and not settings.SIMULATOR:
        return App(settings.XERO_CLIENT_ID, settings.XERO_CLIENT_SECRET, Source.ENVIRONMENT)
    row = saved()
    if row is None or not row.client_id:
        return App("", "", Source.NONE)
    return App(row.client_id, row.client_secret, Source.SAVED)


def is_simulated() -> bool:
    """Say whether the simulated Xero is in use. Asks no database: the simulated API asks this for each call."""
    return bool(settings.SIMULATOR) and not _mark().exists()


def address(name: str) -> str:
    """Return one of the XERO_..._URL settings: where Xero is for the current app."""
    real = settings.SIMULATOR and not is_simulated()
    return str(settings.XERO_REAL[name] if real else getattr(settings, name))


def real_address(name: str) -> str:
    """Return where Xero itself is, though the simulated one may still be in use."""
    return str(settings.XERO_REAL[name] if settings.SIMULATOR else getattr(settings, name))


def scopes() -> str:
    """Return the permissions to ask for, as Xero spells them."""
    if settings.XERO_SCOPES_FIXED or scope_set() == ScopeSet.GRANULAR:
        return str(settings.XERO_SCOPES)
    return BROAD_SCOPES


def scope_set() -> str:
    """Return which of the two sets of permissions is asked for."""
    row = saved()
    return row.scope_set if row else ScopeSet.GRANULAR


def saved() -> AppCredentials | None:
    """Return what an admin entered, if anything."""
    return AppCredentials.objects.first()


def save(client_id: str, client_secret: str, user: User, *, known: bool) -> None:
    """Keep credentials that an admin entered: from now on this is an app at Xero itself.

    A blank secret keeps the one before. `known` says that Xero has just recognised them.
    """
    values = {"client_id": client_id, "updated_by": user, "checked_at": clock.now() if known else None}
    if client_secret:
        values["client_secret"] = client_secret
    AppCredentials.objects.update_or_create(pk=1, defaults=values)
    remember()


def forget(user: User) -> None:
    """Take the saved credentials away; while trying out, the simulated Xero is back."""
    AppCredentials.objects.filter(pk=1).update(
        client_id="", client_secret="", checked_at=None, updated_by=user, updated=clock.now()
    )
    remember()


def choose_scopes(chosen: str, user: User) -> None:
    """Ask for the other set of permissions from the next connect on."""
    AppCredentials.objects.update_or_create(pk=1, defaults={"scope_set": chosen, "updated_by": user})


def encrypt_anew() -> bool:
    """Write the saved secret with the first key. Return False if there is one that no key opens."""
    row = saved()
    if row and row.client_id and row.client_secret:
        row.save(update_fields=["client_secret"])
    # Saving a blank one would lose what another key may still open
    return not (row and row.client_id and not row.client_secret)


def remember() -> None:
    """Leave a mark beside the simulated Xero's database that credentials are saved, or take it away."""
    if not settings.SIMULATOR:
        return
    row = saved()
    if row and row.client_id:
        _mark().touch()
    else:
        _mark().unlink(missing_ok=True)


def _mark() -> Path:
    # Joining an absolute path, as SQLite's is, gives that path
    return Path(settings.VAR) / f"{connections['simulator'].settings_dict['NAME']}.left"
