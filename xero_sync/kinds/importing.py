"""What a kind of record has to say for itself on its way from Xero to here. imports.py does the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime

from bmsxero.bulk import insert_each
from finance.models import AccountCode, TaxRate
from xero_sync import clock
from xero_sync.books import Books, RunOptions
from xero_sync.kinds.base import Change, Description, Problem, R
from xero_sync.mirror import MISSING, amount, fold
from xero_sync.models import Job, XeroConnection, XeroLink, XeroRecord


class ImportBooks(Books):
    """One organisation and our own chart and taxes, for one batch of an import."""

    def __init__(self, connection: XeroConnection, options: RunOptions, *, for_applying: bool = False) -> None:
        super().__init__(connection, options)
        #: Whether what is decided is done in the same transaction; Check only looks
        self.for_applying = for_applying
        #: What this job will make here, or link, before the records that need it: by kind and Xero's id
        self.coming: dict[tuple[str, str], Any] = {}
        #: Our account codes by code
        self.codes = {code.code: code for code in AccountCode.objects.all()}
        self.learn_our_rates()

    def learn_our_rates(self) -> None:
        """Load our tax rates, and which of them stands for each of Xero's tax types."""
        self.our_rates = {rate.pk: rate for rate in TaxRate.objects.all()}
        self._by_tax_type: dict[str, list[TaxRate]] = defaultdict(list)
        for pk, tax_type in self.tax_types.items():
            if pk in self.our_rates:
                self._by_tax_type[tax_type].append(self.our_rates[pk])

    def our_rate(self, tax_type: str) -> TaxRate | None:
        """Return our rate for a tax type: of several that share it, the one that agrees in name and per cent."""
        rates = sorted(self._by_tax_type.get(tax_type, []), key=lambda rate: rate.pk)
        theirs = self.rates.get(tax_type)
        if theirs is None:
            return rates[0] if rates else None
        named = (rate for rate in rates if fold(rate.name) == fold(theirs.name))
        return next(named, rates[0] if rates else None)

    def effective_rate(self, tax_type: str) -> Any:
        """Return Xero's rate of a tax type in per cent, all parts together; None where the type isn't known."""
        theirs = self.rates.get(tax_type)
        return amount(theirs.payload.get("EffectiveRate")) if theirs else None


@dataclass
class Ours:
    """What we have that a record of Xero's is, or could be."""

    linked: Any = None
    matched: Sequence[Any] = ()
    how: str = ""
    #: Of those matched, which are linked to other records of Xero's
    taken: set[UUID] = field(default_factory=set)


class ImportKind(ABC, Generic[R]):
    """One kind of record on its way here."""

    name: ClassVar[str]
    label: ClassVar[str]
    xero_label: ClassVar[str]
    #: Which parts of the mirror are read.
    mirrors: ClassVar[tuple[str, ...]]
    #: Whether a second record of ours may be made beside one that is alike and belongs to another of Xero's.
    may_repeat: ClassVar[bool] = True
    #: Whether that is done without asking.
    comes_apart: ClassVar[bool] = False

    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[XeroRecord]:
        """Return what the wizard lists, narrowed by its filters, in a stable order. All of it lies in our copy."""
        records = XeroRecord.objects.filter(tenant_id=tenant_id, kind=self.name).exclude(
            status__in=("DELETED", MISSING)
        )
        if not filters.get("archived"):
            records = records.exclude(status__in=("ARCHIVED", "GDPRREQUEST"))
        if since := parse_datetime(str(filters.get("modified_since") or "")):
            records = records.filter(updated_utc__gte=since)
        if text := filters.get("text"):
            records = records.filter(self.text(text))
        return self.narrow(records, filters).order_by("folded_name", "id")

    @abstractmethod
    def text(self, text: str) -> Any:
        """Return the condition that a record matches what was typed."""

    def narrow(self, records: QuerySet[XeroRecord], filters: dict[str, Any]) -> QuerySet[XeroRecord]:
        """Apply the filters that only this kind has."""
        return records

    @abstractmethod
    def load(self, local_ids: Iterable[UUID], *, lock: bool) -> list[R]:
        """Return these records of ours in a fixed number of queries; locked where they are about to be changed."""

    @abstractmethod
    def matches(self, remotes: Sequence[XeroRecord]) -> dict[str, tuple[str, list[R]]]:
        """Return which of our records each could be, and why ("same name"), by Xero's id, in a fixed number of
        queries."""

    def linked(self, remotes: Sequence[XeroRecord], books: ImportBooks) -> dict[str, R]:
        """Return which record of ours each is linked to, by Xero's id."""
        ids = [remote.xero_id for remote in remotes]
        links = dict(
            XeroLink.objects.filter(tenant_id=books.tenant_id, kind=self.name, xero_id__in=ids).values_list(
                "local_id", "xero_id"
            )
        )
        return {links[record.uuid]: record for record in self.load(links, lock=books.for_applying)}

    def taken(self, records: Iterable[R], books: ImportBooks) -> set[UUID]:
        """Return which of our records are linked already."""
        links = XeroLink.objects.filter(
            tenant_id=books.tenant_id, kind=self.name, local_id__in=[record.uuid for record in records]
        )
        return set(links.values_list("local_id", flat=True))

    def describe(self, remote: XeroRecord) -> Description:
        """Return how job pages name the record."""
        return Description(str(remote.payload.get("Name") or remote.key), remote.key)

    def needs(self, remote: XeroRecord, books: ImportBooks) -> list[tuple[str, str]]:
        """Return kind and Xero's id of what has to be here first."""
        return []

    def problems(self, remote: XeroRecord, books: ImportBooks) -> list[Problem]:
        """Return why the record can't be brought here."""
        return []

    def changes(self, remote: XeroRecord, record: R, books: ImportBooks) -> list[Change]:
        """Return what importing a linked record again would change here."""
        return []

    def notes(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        """Return what else happens when the record is made here."""
        return []

    def warnings(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        """Return what of the record can't be kept here."""
        return []

    def collision_key(self, remote: XeroRecord) -> str:
        """Return what two new records had better not share; blank where it doesn't matter."""
        return ""

    @abstractmethod
    def make(self, remote: XeroRecord, books: ImportBooks) -> R:
        """Return a new record of ours, unsaved. Pure."""

    def make_parts(self, remote: XeroRecord, record: R, books: ImportBooks) -> list[Model]:
        """Return what belongs to a new record and is saved after it."""
        return []

    def update(self, remote: XeroRecord, record: R, books: ImportBooks) -> None:
        """Set on a linked record what `changes` speaks of, without saving it."""
        raise NotImplementedError(f"{self.label} is never updated from Xero")

    def save_links(self, pairs: Sequence[tuple[XeroRecord, R, str]], job: Job) -> None:
        """Write that these belong together, and how that is known. Raises IntegrityError if one is linked already."""
        links = [
            XeroLink(
                tenant_id=job.tenant_id,
                kind=self.name,
                local_id=record.uuid,
                xero_id=remote.xero_id,
                xero_number=self.number(remote)[:255],
                matched_by=how,
                job=job,
                sent=self.remember(record),
                last_seen=clock.stamp(),
            )
            for remote, record, how in pairs
        ]
        insert_each(links)

    def number(self, remote: XeroRecord) -> str:
        """Return what people call the record in Xero."""
        return str(remote.payload.get("Name") or "")

    @abstractmethod
    def remember(self, record: R) -> dict[str, Any]:
        """Return what a link keeps of the record, to tell later whether it was changed here."""
