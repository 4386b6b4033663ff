"""How long invoices have been ready without being in Xero, in steps that a month end goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q


@dataclass(frozen=True)
class Age:
    """One step: days since an invoice became Ready to Send, both ends counted."""

    name: str
    label: str
    least: int
    most: int | None

    def q(self, now: datetime) -> Q:
        """Return the condition; one that nobody knows the age of counts as new."""
        ready = Q(ready_at__lte=now - timedelta(days=self.least))
        if self.most is not None:
            ready &= Q(ready_at__gt=now - timedelta(days=self.most + 1))
        return ready | Q(ready_at__isnull=True) | Q(ready_at__gt=now) if self.least == 0 else ready


AGES = (
    Age("0-7", "0 to 7 days", 0, 7),
    Age("8-14", "8 to 14 days", 8, 14),
    Age("15-30", "15 to 30 days", 15, 30),
    Age("31-60", "31 to 60 days", 31, 60),
    Age("61", "Over 60 days", 61, None),
)
