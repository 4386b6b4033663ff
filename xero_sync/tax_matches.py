"""What each of our tax rates is in Xero, or would be at the next export."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count

from bmsxero.listing import Badge
from finance.models import TaxRate
from xero_sync.books import Books, Remote
from xero_sync.kinds.base import Found, Problem
from xero_sync.kinds.tax_rates import REPORTING, TaxRateExport, is_usable
from xero_sync.mirror import amount
from xero_sync.models import TaxMapping

CHOSEN = "chosen in Setup"


@dataclass(frozen=True)
class Match:
    """One of our rates, and what it is in Xero."""

    rate: TaxRate
    used_by: int
    remote: Remote | None
    badge: Badge
    note: str
    saved: str  #: the tax type that is saved; blank where matching decides

    @property
    def their_rate(self) -> Decimal | None:
        return amount(self.remote.payload.get("EffectiveRate")) if self.remote else None

    @property
    def differs(self) -> bool:
        return self.remote is not None and self.their_rate != self.rate.rate


def matches(books: Books) -> list[Match]:
    """Return a line for each of our rates, in a fixed number of queries."""
    rates = TaxRate.objects.filter(active=True).prefetch_related("components")
    used = rates.annotate(used_by=Count("lines__invoice", distinct=True))
    return [_match(rate, books) for rate in used]


def usable(books: Books) -> list[Remote]:
    """Return Xero's rates that a sale may carry."""
    return sorted((rate for rate in books.rates.values() if is_usable(rate)), key=lambda rate: rate.name.casefold())


def save(tenant_id: str, chosen: dict[int, str]) -> int:
    """Save which tax type each of our rates is, blank meaning that matching decides. Return how many changed."""
    before = dict(TaxMapping.objects.filter(tenant_id=tenant_id).values_list("tax_rate_id", "tax_type"))
    changed = {pk: tax_type for pk, tax_type in chosen.items() if tax_type != before.get(pk, "")}
    for pk, tax_type in changed.items():
        if tax_type:
            TaxMapping.objects.update_or_create(
                tenant_id=tenant_id, tax_rate_id=pk, defaults={"tax_type": tax_type, "matched_by": CHOSEN}
            )
    cleared = [pk for pk, tax_type in changed.items() if not tax_type]
    TaxMapping.objects.filter(tenant_id=tenant_id, tax_rate__in=cleared).delete()
    return len(changed)


def _match(rate: TaxRate, books: Books) -> Match:
    kind = TaxRateExport()
    found = kind.find(rate, books)
    problem = found.problem or (None if found.remotes else next(iter(kind.problems(rate, books)), None))
    badge, note = _told(found, problem, REPORTING.get(books.country, ""))
    remote = found.remotes[0] if found.remotes and not found.problem else None
    return Match(rate, rate.used_by, remote, badge, note, books.tax_types.get(rate.pk, ""))  # type: ignore[attr-defined]


def _told(found: Found, problem: Problem | None, report: str) -> tuple[Badge, str]:
    if problem:
        return Badge("Needs a decision", "warning"), problem.message
    if found.linked:
        return Badge("Saved", "success"), ""
    if found.remotes:
        return Badge("Would match", "info"), f"By {found.how}."
    words = "No rate in Xero is as high. Check says so before it happens."
    return Badge("Would be created", "neutral"), f"{words} Its tax return type: {report}." if report else words
