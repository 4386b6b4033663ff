"""Taxes, matched to Xero's rates on the page of a check."""

from __future__ import annotations

from dataclasses import dataclass

from finance.models import TaxRate
from xero_sync import tax_matches
from xero_sync.books import Books, Remote, RunOptions
from xero_sync.mending import Mended, NotMended
from xero_sync.mirror import amount
from xero_sync.models import Job, JobRow

#: Of a tax by itself, and of an invoice that carries it.
TAX_REASONS = ("tax_unknown", "tax_name_taken", "tax_ambiguous")
RATES_DIFFER = "tax_rates_differ"


@dataclass(frozen=True)
class TaxFix:
    """One of our taxes that stands for no usable rate of Xero's, and those that it may stand for."""

    rate: TaxRate
    why: str
    same: list[Remote]  #: of the same per cent
    others: list[Remote]
    saved: str  #: what it is mapped to; blank where matching decides


def offered(job: Job) -> list[TaxFix]:
    """Return what taxes are to be matched, in a fixed number of queries."""
    failing = job.rows.filter(outcome=JobRow.Outcome.FAIL)
    why: dict[int | None, str] = dict(
        failing.filter(kind="tax_rates", reason__in=TAX_REASONS).values_list("record_id", "message")
    )
    books = Books(job.connection, RunOptions(**job.options))
    invoices = failing.filter(kind="invoices", reason=RATES_DIFFER).values("record_id")
    for rate in TaxRate.objects.filter(lines__invoice_id__in=invoices).distinct():
        if (theirs := books.rate_in_xero(rate)) != rate.rate:
            why[rate.pk] = f"“{rate.name}” is {rate.rate.normalize():f} % here and {theirs.normalize():f} % in Xero."
    usable = tax_matches.usable(books)
    return [_fix(rate, why[rate.pk], usable, books) for rate in TaxRate.objects.filter(pk__in=list(filter(None, why)))]


def _fix(rate: TaxRate, why: str, usable: list[Remote], books: Books) -> TaxFix:
    same = [each for each in usable if amount(each.payload.get("EffectiveRate")) == rate.rate]
    others = [each for each in usable if each not in same]
    return TaxFix(rate, why, same, others, books.tax_types.get(rate.pk, ""))


def set_tax(job: Job, rate_id: str, tax_type: str) -> Mended:
    """Let one of our taxes stand for a rate of Xero's; "match" leaves it to matching. Raises NotMended."""
    fix = next((each for each in offered(job) if str(each.rate.pk) == rate_id), None)
    remote = next((each for each in (*fix.same, *fix.others) if each.xero_id == tax_type), None) if fix else None
    if fix is None or (remote is None and not (tax_type == "match" and fix.saved)):
        raise NotMended
    tax_matches.save(job.tenant_id, {fix.rate.pk: remote.xero_id if remote else ""})
    words = f"stands for “{remote.name}” in Xero now" if remote else "is matched by name and rate now"
    return Mended(f"“{fix.rate.name}” {words}.", frozenset({("tax_rates", str(fix.rate.uuid))}))
