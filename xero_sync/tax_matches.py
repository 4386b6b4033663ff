"""What each of our tax rates is in Xero, or would be at the next export."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django.db.models import Count, Q

from bmsxero.listing import Badge
from finance.models import InvoiceLine, TaxRate
from xero_sync import organisation
from xero_sync.books import Books, Remote
from xero_sync.kinds.base import Found, Problem
from xero_sync.kinds.tax_rates import TaxRateExport, is_usable, other_parts, report_type
from xero_sync.mirror import amount, fold
from xero_sync.models import TaxMapping

CHOSEN = "chosen in Setup"
DECISION = Badge("Needs a decision", "warning")
#: What Xero's pages call the tax return types that a new rate of ours may have.
REPORT_TYPES = {"OUTPUT": "Sales", "EXEMPTOUTPUT": "Sales exempt"}


@dataclass(frozen=True)
class Match:
    """One of our rates, and what it is in Xero."""

    rate: TaxRate
    used_by: int
    remote: Remote | None
    badge: Badge
    notes: Sequence[str]
    candidates: Sequence[Remote]  #: what a person had better choose from
    others: Sequence[Remote]  #: Xero's other rates for sales
    saved: str  #: the tax type that is saved; blank where matching decides
    picked: str  #: the one that the list shows: that, or what a person has just chosen
    error: str = ""

    @property
    def their_rate(self) -> Decimal | None:
        return amount(self.remote.payload.get("EffectiveRate")) if self.remote else None

    @property
    def stale(self) -> str:
        """What is saved and can't be chosen any more."""
        if not self.saved or any(each.xero_id == self.saved for each in (*self.candidates, *self.others)):
            return ""
        return self.remote.name if self.remote and self.remote.xero_id == self.saved else self.saved

    @property
    def differs(self) -> bool:
        return self.remote is not None and self.their_rate != self.rate.rate


@dataclass(frozen=True)
class Untaxed:
    """What stands in Xero for what isn't taxed."""

    tax_type: str
    remote: Remote | None
    used_by: int
    badge: Badge
    note: str


def matches(
    books: Books, refused: Mapping[int, str] | None = None, chosen: Mapping[int, str] | None = None
) -> list[Match]:
    """Return a line for each of our rates, in a fixed number of queries.

    `chosen` is what a person has chosen and could not save; `refused` says by our rate's id why.
    """
    rates = TaxRate.objects.filter(active=True).prefetch_related("components")
    used = rates.annotate(used_by=Count("lines__invoice", distinct=True))
    for_sales = usable(books)
    found = [_match(rate, books, for_sales) for rate in used]
    if not refused:
        return found
    return [
        replace(each, picked=(chosen or {}).get(each.rate.pk, each.saved), error=refused.get(each.rate.pk, ""))
        for each in found
    ]


def usable(books: Books) -> list[Remote]:
    """Return Xero's rates that a sale may carry."""
    return sorted((rate for rate in books.rates.values() if is_usable(rate)), key=lambda rate: rate.name.casefold())


def untaxed(books: Books, tax_type: str, version: str) -> Untaxed:
    """Return what lines without tax carry in Xero, as Options say it, and whether that is right."""
    lines = InvoiceLine.objects.filter(Q(taxable=False) | Q(tax=None))
    used_by = lines.aggregate(number=Count("invoice", distinct=True))["number"]
    remote = books.rates.get(tax_type)
    usual = books.rates.get(organisation.non_taxable(version))
    note = f"Usual in this organisation's country: {usual.name}." if usual and usual != remote else ""
    if remote is None or not is_usable(remote):
        note = f"{tax_type or 'Nothing'} can't be used on a sale in this organisation. {note}".strip()
        return Untaxed(tax_type, remote, used_by, DECISION, note)
    if rate := amount(remote.payload.get("EffectiveRate")):
        return Untaxed(tax_type, remote, used_by, DECISION, f"{remote.name} is {rate.normalize():f} %. {note}".strip())
    return Untaxed(tax_type, remote, used_by, Badge("Saved", "success"), note)


def refusals(books: Books, chosen: Mapping[int, str]) -> dict[int, str]:
    """Return why some of what was chosen can't be saved, by the id of our rate. What is saved already may stay."""
    offered = {rate.xero_id for rate in usable(books)} | {""}
    return {
        pk: "Xero has no such tax rate for sales any more. Choose again."
        for pk, tax_type in chosen.items()
        if tax_type not in offered and tax_type != books.tax_types.get(pk)
    }


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


def _match(rate: TaxRate, books: Books, for_sales: Sequence[Remote]) -> Match:
    kind = TaxRateExport()
    found = kind.find(rate, books)
    problem = found.problem or (None if found.remotes else next(iter(kind.problems(rate, books)), None))
    remote = found.remotes[0] if found.remotes and (found.linked or not found.problem) else None
    saved = books.tax_types.get(rate.pk, "")
    badge, notes = _told(rate, found, problem, books)
    if saved and saved not in books.rates:
        notes.insert(0, f"It was mapped to {saved}, which Xero no longer has.")
    likely = _likely(rate, found, for_sales)
    return Match(
        rate=rate,
        used_by=rate.used_by,  # type: ignore[attr-defined]
        remote=remote,
        badge=badge,
        notes=notes,
        candidates=likely,
        others=[each for each in for_sales if each not in likely],
        saved=saved,
        picked=saved,
    )


def _likely(rate: TaxRate, found: Found, for_sales: Collection[Remote]) -> list[Remote]:
    """Return the rates that a person will most likely choose from: those found, else those of the name."""
    return [each for each in for_sales if each in found.remotes or fold(each.name) == fold(rate.name)]


def _told(rate: TaxRate, found: Found, problem: Problem | None, books: Books) -> tuple[Badge, list[str]]:
    if problem:
        return DECISION, [problem.message]
    if not found.remotes:
        return Badge("Would be created", "neutral"), _creation(rate, books)
    (remote, *_) = found.remotes
    notes = []
    if found.linked and (theirs := amount(remote.payload.get("EffectiveRate"))) != rate.rate:
        notes.append(
            f"{rate.rate.normalize():f} % here, {theirs.normalize():f} % in Xero: invoices with it are held back. "
            "Correct the rate, or choose another."
        )
    if not found.linked:
        other_name = fold(remote.name) != fold(rate.name)
        notes.append(f"By {found.how}{f', under another name: “{remote.name}”' if other_name else ''}.")
    if parts := other_parts(rate, remote):
        notes.append(f"{parts} The total is the same; to keep them apart, rename the tax here.")
    return Badge("Saved", "success") if found.linked else Badge("Would match", "info"), notes


def _creation(rate: TaxRate, books: Books) -> list[str]:
    notes = ["No rate in Xero is as high. Check lists it before it happens."]
    if report := report_type(rate.rate, books):
        notes.append(
            f"For the tax return it would be “{REPORT_TYPES[report]}” ({report}). Xero does not put rates that an app "
            "made into the return by itself: better make it there and map it here."
        )
    return notes
