"""The figures on the home page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from bmsxero.listing import Tone
from finance.balances import CurrencySum, overdue, owed, sums
from finance.models import Invoice

Narrow = Callable[[QuerySet[Invoice]], QuerySet[Invoice]]


@dataclass(frozen=True)
class Tile:
    """One figure: how many invoices, and what they come to in each currency. It opens the list of them."""

    label: str
    icon: str
    tone: Tone
    url: str
    sums: list[CurrencySum]
    what: Literal["total", "balance_due"]

    @property
    def amounts(self) -> list[tuple[Decimal, str]]:
        """The figure in money, one amount for each currency."""
        return [(getattr(one, self.what), one.currency) for one in self.sums]

    @property
    def number(self) -> int:
        return sum(one.number for one in self.sums)


def _with_status(status: str) -> Narrow:
    return lambda invoices: invoices.filter(status=status)


#: Label, icon, tone, the list's status filter, the amount that counts, and which invoices.
TILES: tuple[tuple[str, str, Tone, str, Literal["total", "balance_due"], Narrow], ...] = (
    ("Drafts", "pencil", "neutral", "draft", "total", _with_status(Invoice.Status.DRAFT)),
    ("Ready to Send", "send", "info", "ready", "total", _with_status(Invoice.Status.READY)),
    ("Unpaid", "clock", "progress", "unpaid", "balance_due", owed),
    ("Overdue", "alert-triangle", "danger", "overdue", "balance_due", overdue),
)


def tiles() -> list[Tile]:
    """Return the figures of today, one query each."""
    return [
        Tile(label, icon, tone, _list_of(status), sums(narrow(Invoice.objects.all())), what)
        for label, icon, tone, status, what, narrow in TILES
    ]


def _list_of(status: str) -> str:
    return f"{reverse('finance:invoices')}?{urlencode({'status': status})}"
