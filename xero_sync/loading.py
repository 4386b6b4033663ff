"""Reading records of Xero into our copy because a page asked for it, and how far that is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
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
    stamps = {stamp.kind: stamp for stamp in MirrorStamp.objects.filter(tenant_id=connection.tenant_id, kind__in=kinds)}
    found = [stamps.get(kind) for kind in kinds]
    times = [stamp.complete_at if stamp else None for stamp in found]
    open_ones = [stamp for stamp in found if stamp and _is_reading(stamp)]
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


def _is_reading(stamp: MirrorStamp) -> bool:
    if stamp.wanted_at is None or stamp.error:
        return False
    return stamp.complete_at is None or stamp.complete_at < stamp.wanted_at
