"""Our taxes and tax groups, and Xero's tax rates. Several of ours may be one of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from xero_python.accounting import TaxComponent
from xero_python.accounting import TaxRate as XeroTaxRate

from finance.models import TaxRate
from xero_sync.books import Books, Remote
from xero_sync.gateway import Gateway
from xero_sync.kinds.base import Accepted, Description, ExportKind, Found, Problem, too_long
from xero_sync.kinds.importing import ImportBooks, ImportKind
from xero_sync.mirror import Element, amount, fold
from xero_sync.models import Job, TaxMapping, XeroLink, XeroRecord

#: Of our own tax names.
NAME_LENGTH = 50

#: Countries where a new rate must say what it is in the tax return; the US forbids it.
REPORTING = {"AU", "NZ", "UK", "GB"}


class TaxRateExport(ExportKind[TaxRate]):
    name = "tax_rates"
    label, plural = "Tax rate", "Tax rates"
    xero_label = "tax rate"
    endpoint, id_field = "TaxRates", "TaxType"
    query = ""
    batch_size = 1  # Xero takes one per call
    many_to_one = True
    mirrors = ("tax_rates",)

    def all_records(self) -> QuerySet[TaxRate]:
        return TaxRate.objects.all()

    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[TaxRate]:
        return TaxRate.objects.filter(active=True)

    def load(self, keys: Iterable[str | UUID]) -> list[TaxRate]:
        return list(TaxRate.objects.filter(uuid__in=list(keys)).prefetch_related("components"))

    def describe(self, record: TaxRate) -> Description:
        return Description(record.name, f"{record.rate.normalize():f} %")

    def learn(self, records: Sequence[TaxRate], books: Books) -> None:
        pass  # the books hold all of Xero's rates

    def look(self, gateway: Gateway, records: Sequence[TaxRate], books: Books, sent: Sequence[Element]) -> None:
        super().look(gateway, records, books, sent)
        books.learn_rates()

    def find(self, record: TaxRate, books: Books) -> Found:
        """The saved mapping, then name and rate, then the only rate that is as high. Zero is never guessed."""
        if mapped := books.rates.get(books.tax_types.get(record.pk, "")):
            problem = None if is_usable(mapped) else _not_usable(record, mapped)
            return Found([mapped], "saved mapping", linked=True, problem=problem)
        usable = [rate for rate in books.rates.values() if is_usable(rate)]
        same_rate = [rate for rate in usable if amount(rate.payload.get("EffectiveRate")) == record.rate]
        if named := [rate for rate in same_rate if fold(rate.name) == fold(record.name)]:
            return Found(named, "same name and rate")
        if same_rate and (record.rate == 0 or len(same_rate) > 1):
            return Found(
                same_rate,
                problem=Problem(
                    "tax_ambiguous",
                    f"Several Xero tax rates could be “{record.name}” ({_percent(record.rate)}): "
                    f"{', '.join(rate.name for rate in same_rate)}. Choose one.",
                    "tax_mapping",
                ),
            )
        return Found(same_rate, "same rate" if same_rate else "")

    def tell_apart(self, remote: Remote, books: Books) -> str:
        return f"{remote.key}, {_percent(_rate(remote))}"

    def problems(self, record: TaxRate, books: Books) -> list[Problem]:
        taken = [rate for rate in books.rates.values() if fold(rate.name) == fold(record.name)]
        return [
            *too_long("The tax's name", record.name, 50),
            *(
                Problem(
                    "tax_name_taken",
                    f"Xero has “{record.name}” with {_percent(_rate(rate))} instead of {_percent(record.rate)}"
                    f"{_parts_told(rate)}. Rename the tax, or choose which Xero rate it is.",
                    "tax_mapping",
                )
                for rate in taken
            ),
        ]

    def to_xero(self, record: TaxRate, books: Books) -> XeroTaxRate:
        parts = [
            TaxComponent(name=part.name, rate=part.rate, is_compound=part.compound) for part in record.components.all()
        ] or [TaxComponent(name=record.name, rate=record.rate, is_compound=False)]
        return XeroTaxRate(name=record.name, tax_components=parts, report_tax_type=report_type(record.rate, books))

    def element_keys(self, record: TaxRate, books: Books) -> tuple[str, ...]:
        return (fold(record.name),)

    def remote_keys(self, element: Element) -> tuple[str, ...]:
        return (fold(str(element.get("Name") or "")),)

    def collision_key(self, record: TaxRate, books: Books) -> str:
        return fold(record.name)

    def link(self, record: TaxRate, accepted: Accepted, books: Books, *, matched_by: str, job: Job) -> XeroLink | None:
        TaxMapping.objects.update_or_create(
            tenant_id=books.tenant_id,
            tax_rate=record,
            defaults={"tax_type": accepted.xero_id, "matched_by": matched_by},
        )
        books.tax_types[record.pk] = accepted.xero_id
        return None


def tax_to_be(rate: TaxRate, books: Books) -> str:
    """Return the tax type that one of our taxes has, or will have once it is linked; its name, if it is yet to be
    created."""
    if tax_type := books.tax_type(rate):
        return tax_type
    found = TaxRateExport().find(rate, books).remotes
    return found[0].xero_id if len(found) == 1 else rate.name


class TaxRateImport(ImportKind[TaxRate]):
    """Brings the taxes that imported records need. Several parts become one rate: a part may have another rate in
    another tax, which is not allowed here."""

    name = "tax_rates"
    label, xero_label = "Tax rate", "tax rate"
    mirrors = ("tax_rates",)
    #: One of ours stands for one of Xero's; another as high is a tax of its own
    comes_apart = True

    def text(self, text: str) -> Q:
        return Q(folded_name__contains=fold(text))

    def load(self, local_ids: Iterable[UUID], *, lock: bool) -> list[TaxRate]:
        records = TaxRate.objects.select_for_update() if lock else TaxRate.objects.all()
        return list(records.filter(uuid__in=list(local_ids)))

    def linked(self, remotes: Sequence[XeroRecord], books: ImportBooks) -> dict[str, TaxRate]:
        found = {remote.xero_id: books.our_rate(remote.xero_id) for remote in remotes}
        return {tax_type: rate for tax_type, rate in found.items() if rate}

    def matches(self, remotes: Sequence[XeroRecord]) -> dict[str, tuple[str, list[TaxRate]]]:
        """Name and rate, else the only one of ours that is as high, unless that is nothing."""
        active = list(TaxRate.objects.filter(active=True))
        return {remote.xero_id: _ours_like(remote, active) for remote in remotes}

    def taken(self, records: Iterable[TaxRate], books: ImportBooks) -> set[UUID]:
        return {record.uuid for record in records if record.pk in books.tax_types}

    def describe(self, remote: XeroRecord) -> Description:
        return Description(str(remote.payload.get("Name") or remote.key), _percent(_rate_of(remote)))

    def problems(self, remote: XeroRecord, books: ImportBooks) -> list[Problem]:
        rate = _rate_of(remote)
        if not 0 <= rate <= 100:
            return [Problem("bad_rate", f"{_percent(rate)} is not a rate that can be kept here.")]
        return []

    def notes(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        return [words] if (words := parts_words(remote.payload)) else []

    def collision_key(self, remote: XeroRecord) -> str:
        return fold(str(remote.payload.get("Name") or ""))

    def make(self, remote: XeroRecord, books: ImportBooks) -> TaxRate:
        rate = _rate_of(remote)
        name = str(remote.payload.get("Name") or remote.key)[:NAME_LENGTH]
        if fold(name) in {fold(ours.name) for ours in books.our_rates.values()}:
            # Ours of that name has another rate, or stands for another tax: both are kept apart
            ending = f" ({_percent(rate)}, {remote.key})"
            name = name[: NAME_LENGTH - len(ending)] + ending
        return TaxRate(name=name, rate=rate, note=parts_words(remote.payload))

    def save_links(self, pairs: Sequence[tuple[XeroRecord, TaxRate, str]], job: Job) -> None:
        TaxMapping.objects.bulk_create(
            TaxMapping(tenant_id=job.tenant_id, tax_rate=rate, tax_type=remote.xero_id, matched_by=how)
            for remote, rate, how in pairs
        )

    def remember(self, record: TaxRate) -> dict[str, Any]:
        return {"name": record.name, "rate": str(record.rate)}


def _ours_like(remote: XeroRecord, active: Sequence[TaxRate]) -> tuple[str, list[TaxRate]]:
    name, rate = fold(str(remote.payload.get("Name") or "")), _rate_of(remote)
    same_rate = [ours for ours in active if ours.rate == rate]
    if named := [ours for ours in same_rate if fold(ours.name) == name]:
        return "same name and rate", named
    return ("same rate", same_rate) if rate and len(same_rate) == 1 else ("", [])


def _rate_of(remote: XeroRecord) -> Decimal:
    return amount(remote.payload.get("EffectiveRate"))


def parts_words(payload: Element) -> str:
    """Say which parts a tax of Xero's had that is one rate here; nothing for a tax without parts."""
    parts = payload.get("TaxComponents") or []
    if len(parts) < 2:
        return ""
    words = ", ".join(_part_words(part) for part in parts)
    return f"Kept as one rate; its parts in Xero are: {words}."


def _part_words(part: Element) -> str:
    compound = " (compound)" if part.get("IsCompound") in {True, "true"} else ""
    return f"{part.get('Name')} {_percent(amount(part.get('Rate')))}{compound}"


def _parts_told(rate: Remote) -> str:
    parts = rate.payload.get("TaxComponents") or []
    return f", made of {', '.join(map(_part_words, parts))}" if len(parts) > 1 else ""


def report_type(rate: Decimal, books: Books) -> str | None:
    """Return what a new sales tax is in the tax return; None where Xero doesn't want to know."""
    if books.country not in REPORTING:
        return None
    return "OUTPUT" if rate else "EXEMPTOUTPUT"


def other_parts(record: TaxRate, remote: Remote) -> str:
    """Say how the parts of a tax differ from those that it has in Xero; nothing where they agree.

    The names of the parts don't count, as long as there is only one.
    """
    ours = [(fold(part.name), part.rate, part.compound) for part in record.components.all()]
    theirs = [
        (fold(str(part.get("Name") or "")), amount(part.get("Rate")), part.get("IsCompound") in {True, "true"})
        for part in remote.payload.get("TaxComponents") or []
    ]
    if max(len(ours), len(theirs)) < 2 or sorted(ours) == sorted(theirs):
        return ""
    here = ", ".join(f"{part.name} {_percent(part.rate)}" for part in record.components.all()) or "one part"
    there = ", ".join(_part_words(part) for part in remote.payload.get("TaxComponents") or []) or "one part"
    return f"Xero has it with different parts: {there}. Here: {here}."


def _not_usable(record: TaxRate, mapped: Remote) -> Problem:
    return Problem(
        "tax_unknown",
        f"“{record.name}” is mapped to “{mapped.name}”, which Xero no longer allows on sales. Choose another rate.",
        "tax_mapping",
    )


def is_usable(rate: Remote) -> bool:
    """Say whether a sale may carry this rate of Xero's."""
    return rate.status == "ACTIVE" and rate.payload.get("CanApplyToRevenue") in {True, "true"}


def _rate(remote: Remote) -> Decimal:
    return amount(remote.payload.get("EffectiveRate"))


def _percent(rate: Decimal) -> str:
    return f"{rate.normalize():f} %"
