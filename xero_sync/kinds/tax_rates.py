"""Our taxes and tax groups, and Xero's tax rates. Several of ours may be one of theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from xero_python.accounting import TaxComponent
from xero_python.accounting import TaxRate as XeroTaxRate

from finance.models import TaxRate
from xero_sync.books import Books, Remote
from xero_sync.gateway import Gateway
from xero_sync.kinds.base import Accepted, Description, ExportKind, Found, Problem, too_long
from xero_sync.mirror import Element, amount, fold
from xero_sync.models import Job, TaxMapping, XeroLink

#: Countries where a new rate must say what it is in the tax return; the US forbids it.
REPORTING = {"AU": "OUTPUT", "NZ": "OUTPUT", "UK": "OUTPUT", "GB": "OUTPUT"}


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
            return Found([mapped], "saved mapping", linked=True)
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

    def problems(self, record: TaxRate, books: Books) -> list[Problem]:
        taken = [rate for rate in books.rates.values() if fold(rate.name) == fold(record.name)]
        return [
            *too_long("The tax's name", record.name, 50),
            *(
                Problem(
                    "tax_name_taken",
                    f"Xero has a tax rate called “{record.name}”, with {_percent(_rate(rate))} instead of "
                    f"{_percent(record.rate)}. Rename the tax, or choose which Xero rate it is.",
                    "tax_mapping",
                )
                for rate in taken
            ),
        ]

    def to_xero(self, record: TaxRate, books: Books) -> XeroTaxRate:
        parts = [
            TaxComponent(name=part.name, rate=part.rate, is_compound=part.compound) for part in record.components.all()
        ] or [TaxComponent(name=record.name, rate=record.rate, is_compound=False)]
        return XeroTaxRate(name=record.name, tax_components=parts, report_tax_type=REPORTING.get(books.country))

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


def is_usable(rate: Remote) -> bool:
    """Say whether a sale may carry this rate of Xero's."""
    return rate.status == "ACTIVE" and rate.payload.get("CanApplyToRevenue") in {True, "true"}


def _rate(remote: Remote) -> Decimal:
    return amount(remote.payload.get("EffectiveRate"))


def _percent(rate: Decimal) -> str:
    return f"{rate.normalize():f} %"
