"""Reading records of Xero into our copy because a page asked for it, and how far that is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.timesince import timesince
from kombu.exceptions import OperationalError

from xero_sync import clock, mirror
from xero_sync.models import MirrorStamp, XeroConnection

logger = logging.getLogger(__name__)

#: A worker that has not begun after this is missing.
PATIENCE = timedelta(seconds=15)


@dataclass(frozen=True)
class Standing:
    """How fresh the copy is, and how its reading goes."""

    complete_at: datetime | None
    is_loading: bool
    read_so_far: int
    calls_so_far: int
    error: str
    lacks_worker: bool

    @property
    def age(self) -> str:
        """How old the copy is, in words."""
        if self.complete_at is None:
            return ""
        age = clock.now() - self.complete_at
        return "just now" if age < timedelta(minutes=1) else f"{timesince(self.complete_at, depth=1)} ago"

    @property
    def is_loaded(self) -> bool:
        return self.complete_at is not None


def kinds_read(connection: XeroConnection) -> set[str]:
    """Return what was read from an organisation at least once."""
    stamps = MirrorStamp.objects.filter(tenant_id=connection.tenant_id, complete_at__isnull=False)
    return set(stamps.values_list("kind", flat=True))


def start(connection: XeroConnection, kinds: Sequence[str]) -> None:
    """Ask for a fresh copy of these kinds. A worker reads it once this transaction is through."""
    with transaction.atomic():
        for kind in kinds:
            mirror.want(connection.tenant_id, kind)
        transaction.on_commit(lambda: _ring(connection.pk, kinds), robust=True)


def _ring(connection_id: int, kinds: Sequence[str]) -> None:
    from xero_sync.tasks import read_mirror

    try:
        for kind in kinds:
            read_mirror.delay(connection_id, kind)
    except OperationalError:
        logger.warning("the broker does not answer: nothing will be loaded before it does")


def standing(connection: XeroConnection, kinds: Sequence[str]) -> Standing:
    """Return how the copy stands, in one query. Together the kinds are as old as the oldest."""
    return _standing(MirrorStamp.objects.filter(tenant_id=connection.tenant_id, kind__in=kinds), kinds)


def standing_now(kinds: Sequence[str]) -> Standing:
    """Return how the copy of the current organisation stands, which one query finds, too; empty where there is none."""
    current = XeroConnection.objects.filter(is_current=True).values("tenant_id")
    return _standing(MirrorStamp.objects.filter(tenant_id__in=current, kind__in=kinds), kinds)


def _standing(stamped: QuerySet[MirrorStamp], kinds: Sequence[str]) -> Standing:
    stamps = {stamp.kind: stamp for stamp in stamped}
    found = [stamps.get(kind) for kind in kinds]
    times = [stamp.complete_at if stamp else None for stamp in found]
    open_ones = [stamp for stamp in found if stamp and mirror.is_wanted(stamp)]
    return Standing(
        complete_at=None if None in times else min(time for time in times if time),
        is_loading=bool(open_ones),
        read_so_far=sum(stamp.read_so_far for stamp in found if stamp),
        calls_so_far=sum(stamp.calls_so_far for stamp in found if stamp),
        error=next((stamp.error for stamp in found if stamp and stamp.error), ""),
        lacks_worker=any(
            stamp.wanted_at and stamp.wanted_at < clock.now() - PATIENCE and not stamp.calls_so_far
            for stamp in open_ones
        ),
    )


def ring_again(now: datetime) -> None:
    """Ring for readings that no worker has in hand, though a page asked for them: a bell was lost, or a worker died.

    Not for ever: after an hour nobody waits any more.
    """
    asked = MirrorStamp.objects.filter(wanted_at__range=(now - timedelta(hours=1), now - PATIENCE))
    left = [stamp for stamp in asked.exclude(lease_until__gt=now) if mirror.is_wanted(stamp)]
    connected = XeroConnection.objects.filter(state=XeroConnection.State.CONNECTED)
    known = dict(connected.filter(tenant_id__in={stamp.tenant_id for stamp in left}).values_list("tenant_id", "pk"))
    for stamp in left:
        if stamp.tenant_id in known:
            _ring(known[stamp.tenant_id], [stamp.kind])
