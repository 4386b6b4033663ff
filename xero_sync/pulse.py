"""Signs of life that every process can read: the last sweep, and things worth counting."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F

from xero_sync import clock
from xero_sync.models import Pulse

SWEEP = "sweep"
REFRESH_FAILED = "refresh failed"
WEBHOOK = "webhook"
MAIL_FAILED = "mail failed"
NUDGE = "nudge"


def beat(name: str) -> None:
    """Note that it happened just now."""
    now = clock.now()
    if not Pulse.objects.filter(name=name).update(last_at=now, times=F("times") + 1):
        # Two at the same first time: one of them counts
        Pulse.objects.bulk_create([Pulse(name=name, last_at=now)], ignore_conflicts=True)


def beat_once_in(name: str, pause: timedelta) -> bool:
    """Note that it happens now, unless it did less than `pause` ago. Return whether it is ours to do."""
    now = clock.now()
    if Pulse.objects.filter(name=name, last_at__lte=now - pause).update(last_at=now, times=F("times") + 1):
        return True
    return Pulse.objects.get_or_create(name=name, defaults={"last_at": now})[1]


def last(name: str) -> datetime | None:
    """Return when it last happened; None if never."""
    pulse = Pulse.objects.filter(name=name).first()
    return pulse.last_at if pulse else None


def counts() -> dict[str, int]:
    """Return how often each thing has happened."""
    return dict(Pulse.objects.values_list("name", "times"))


def is_late(sweep: datetime | None) -> bool:
    """Say whether the last sweep is so long ago that beat, or cron, can't be running."""
    return sweep is None or clock.now() - sweep > timedelta(seconds=settings.SWEEP_LATE_SECONDS)
