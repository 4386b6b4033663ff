"""Leases: who works on an organisation or a job just now. Taken by compare-and-set, ended by time."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from datetime import timedelta

from django.conf import settings
from django.db.models import Model, Q

from xero_sync import clock

#: Set when this process was told to go: whatever is at work ends its call and leaves the rest to another worker.
leaving = threading.Event()


class Lost(Exception):
    """Another worker has taken over; nothing more may be sent."""


def new_owner() -> str:
    """Return a name for one run of one worker; the random part keeps a restarted one from being taken for it."""
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(6)}"


def length() -> timedelta:
    return timedelta(seconds=settings.XERO_LEASE_SECONDS)


def take(row: Model, owner: str) -> bool:
    """Take the lease of a row if it is free or over. Return whether it is ours."""
    now = clock.now()
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=now) | Q(lease_owner=owner)
    return bool(_rows(row).filter(free).update(lease_owner=owner, lease_until=now + length()) == 1)


def renew(row: Model, owner: str) -> bool:
    """Prolong a lease that is still ours: over or not, nobody else has taken it. Return whether it was."""
    mine = _rows(row).filter(lease_owner=owner)
    return bool(mine.update(lease_until=clock.now() + length()) == 1)


def release(row: Model, owner: str) -> None:
    """Give the lease back, if it is still ours."""
    _rows(row).filter(lease_owner=owner).update(lease_owner="", lease_until=None)


def _rows(row: Model):  # type: ignore[no-untyped-def]  # the manager of whichever model has a lease
    return type(row)._default_manager.filter(pk=row.pk)
