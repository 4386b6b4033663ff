"""What is known of an organisation for one batch of records: options, links, and what Xero holds.

Loaded in a few queries whatever the size of the batch; after that kinds read it without touching a database,
which is what keeps their mappers pure.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse

from bmsxero.bulk import insert_each
from finance.models import TaxRate
from xero_sync.mirror import MISSING, amount, fold
from xero_sync.models import DeepLink, TaxMapping, XeroConnection, XeroLink, XeroRecord

#: What is kept of a document that was looked up.
REMEMBERED = ("InvoiceID", "InvoiceNumber", "Type", "Status", "Url", "Contact", "Total", "CurrencyCode", "Date")


@dataclass(frozen=True)
class RunOptions:
    """Setup > Options as one job froze them."""

    sales_account: str = ""
    purchases_account: str = ""
    inventory_account: str = ""
    invoice_number: str = "bms_number"
    due_date: str = "bms_due_date"
    po_in_reference: bool = True
    keep_contacts: bool = True
    status: str = "DRAFT"
    non_taxable_tax_type: str = "NONE"
    #: Whether exporting an inactive account archives its contact
    archive_inactive: bool = True
    #: Whether Xero may sell more of a tracked item than it has on hand
    allow_backorders: bool = False
    #: Which of our five kinds imported items become: {"default": kind, "rows": {xero id: kind}}
    destination: dict[str, Any] = field(default_factory=dict)
    #: Whether importing items brings along the account codes that they use and we lack
    bring_account_codes: bool = False


@dataclass(frozen=True)
class Remote:
    """A record as Xero last told us."""

    xero_id: str
    key: str
    status: str
    payload: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.payload.get("Name") or self.key)


@dataclass(frozen=True)
class Link:
    """That one of our records is a certain record in Xero."""

    xero_id: str
    xero_number: str
    job_number: int | None
    sent: dict[str, Any]
    pk: int | None = None

    @property
    def url(self) -> str:
        """Where people see the link and may change it; blank while it isn't saved."""
        return reverse("xero_sync:link", args=[self.pk]) if self.pk else ""


class Books:
    """One organisation, as far as one batch needs it."""

    def __init__(self, connection: XeroConnection, options: RunOptions) -> None:
        self.tenant_id = connection.tenant_id
        self.options = options
        self.country = connection.version or connection.country_code
        self.base_currency = connection.base_currency
        self.currencies = {connection.base_currency, *connection.currencies}
        self.lock_date: date | None = connection.lock_date
        #: Documents that Xero has already, by number and by our deep link, where somebody looked them up
        self.documents: dict[str, list[dict[str, Any]]] = {}
        #: Records of ours that another organisation has, and which
        self.elsewhere: dict[UUID, str] = {}
        self.deep_links: dict[UUID, UUID] = {}
        #: Ids in Xero that a reset has released, by the record of ours that they once were, each with the number that
        #: it had here then: never adopted again
        self.released: dict[UUID, dict[str, str]] = {}
        #: Item codes that are not free, for suggestions; a Check hands the same set on from batch to batch
        self.taken_codes: set[str] = set()
        #: Keys of records whose link back to us Xero has refused
        self.without_url: set[str] = set()
        #: Ids of documents that Xero says our app has created
        self.made_by_us: set[str] = set()
        #: In a fingerprint, records of ours stand for what they will be in Xero
        self.symbolic = False
        #: Ids in Xero, deleted there, that records of ours are still linked to
        self.vanished: dict[tuple[str, UUID], str] = {}
        #: What records of ours are called that own something which others could be, too
        self.names: dict[UUID, str] = {}
        self._links: dict[tuple[str, UUID], Link] = {}
        self._owners: dict[tuple[str, str], UUID] = {}
        self._by_id: dict[tuple[str, str], Remote] = {}
        self._by_key: dict[tuple[str, str], list[Remote]] = {}
        self._by_name: dict[tuple[str, str], list[Remote]] = {}

    def learn_accounts(self) -> None:
        """Load Xero's whole chart anew."""
        self.__dict__.pop("accounts", None)

    def learn_rates(self) -> None:
        """Load all of Xero's tax rates anew."""
        self.__dict__.pop("rates", None)

    @cached_property
    def accounts(self) -> dict[str, Remote]:
        """Xero's whole chart by code, without what it has deleted."""
        return {remote.key: remote for remote in self._all("account_codes") if remote.key}

    @cached_property
    def rates(self) -> dict[str, Remote]:
        """All of Xero's tax rates by type, without those that it has deleted."""
        return {remote.xero_id: remote for remote in self._all("tax_rates")}

    @cached_property
    def tax_types(self) -> dict[int, str]:
        """Xero's tax type by the id of our rate."""
        mapped = TaxMapping.objects.filter(tenant_id=self.tenant_id)
        return dict(mapped.values_list("tax_rate_id", "tax_type"))

    def learn_links(self, kind: str, local_ids: Iterable[UUID], *, may_vanish: bool = False) -> None:
        """Load the links of these records, and what Xero last told of the linked ones.

        `may_vanish`: a link to what Xero has deleted counts for nothing, so that the record can go there anew.
        """
        links = XeroLink.objects.filter(tenant_id=self.tenant_id, kind=kind, local_id__in=list(local_ids))
        found = {
            local_id: Link(*columns)
            for local_id, *columns in links.values_list("local_id", "xero_id", "xero_number", "job_id", "sent", "pk")
        }
        rows = XeroRecord.objects.filter(
            tenant_id=self.tenant_id, kind=kind, xero_id__in=[link.xero_id for link in found.values()]
        )
        self._by_id |= {(kind, remote.xero_id): remote for remote in _remotes(rows)}
        for local_id, link in found.items():
            there = self._by_id.get((kind, link.xero_id))
            if may_vanish and there and there.status in {MISSING, "DELETED"}:
                self.vanished[kind, local_id] = link.xero_id
            else:
                self._note_link(kind, local_id, link)

    def add_link(self, kind: str, link: XeroLink) -> None:
        """Note a link that has just been made."""
        made = Link(link.xero_id, link.xero_number, link.job_id, link.sent, link.pk)
        self._note_link(kind, link.local_id, made)

    def learn_matches(self, kind: str, *, keys: Iterable[str] = (), names: Iterable[str] = ()) -> None:
        """Load what Xero has under these keys and names, and who of ours is linked to it."""
        by_key, by_name = set(keys) - {""}, {fold(name) for name in names} - {""}
        mine = XeroRecord.objects.filter(tenant_id=self.tenant_id, kind=kind).exclude(status=MISSING)
        # Both in one query, each by its own index
        columns = ("pk", "folded_name", *_REMOTE)
        named = mine.filter(folded_name__in=list(by_name)).values_list(*columns)
        either = mine.filter(key__in=list(by_key)).values_list(*columns).union(named, all=True)
        found = {pk: (name, Remote(*rest)) for pk, name, *rest in either} if by_key or by_name else {}
        self._by_key |= {(kind, key): [] for key in by_key}
        self._by_name |= {(kind, name): [] for name in by_name}
        for _, (name, remote) in sorted(found.items(), key=itemgetter(0)):
            if remote.key in by_key:
                self._by_key[kind, remote.key].append(remote)
            if name in by_name:
                self._by_name[kind, name].append(remote)
        owners = XeroLink.objects.filter(
            tenant_id=self.tenant_id, kind=kind, xero_id__in=[remote.xero_id for _, remote in found.values()]
        )
        self._owners |= {(kind, link.xero_id): link.local_id for link in owners}

    def learn_owners(self, kind: str, xero_ids: Iterable[str]) -> None:
        """Load which of these records of Xero's are linked to one of ours."""
        links = XeroLink.objects.filter(tenant_id=self.tenant_id, kind=kind, xero_id__in=list(xero_ids))
        self._owners |= {(kind, link.xero_id): link.local_id for link in links}

    def learn_deep_links(self, kind: str, local_ids: Iterable[UUID]) -> None:
        """Load the addresses under which Xero's documents lead back here, making those that lack."""
        wanted = set(local_ids)
        mine = DeepLink.objects.filter(tenant_id=self.tenant_id, kind=kind, local_id__in=list(wanted))
        resets: Counter[UUID] = Counter()
        columns = ("local_id", "uuid", "released_at", "released_xero_id", "released_number")
        for local_id, uuid, released_at, xero_id, number in mine.values_list(*columns):
            if released_at is None:
                self.deep_links[local_id] = uuid
            else:
                self.released.setdefault(local_id, {})[xero_id] = number
                resets[local_id] += 1
        if not (lacking := wanted.difference(self.deep_links)):
            return
        made = [
            DeepLink(
                uuid=DeepLink.uuid_of(self.tenant_id, kind, each, resets[each]),
                tenant_id=self.tenant_id,
                kind=kind,
                local_id=each,
            )
            for each in lacking
        ]
        insert_each(made, unless_there=True)
        # Somebody else may have been faster
        live = DeepLink.objects.filter(tenant_id=self.tenant_id, kind=kind, released_at__isnull=True)
        self.deep_links |= dict(live.filter(local_id__in=list(lacking)).values_list("local_id", "uuid"))

    def memory(self) -> dict[str, list[dict[str, Any]]]:
        """Return the documents that somebody looked up, by key, with the fields that matching goes by."""
        return {
            key: [{name: each[name] for name in REMEMBERED if name in each} for each in documents]
            for key, documents in self.documents.items()
        }

    def learn_elsewhere(self, kind: str, local_ids: Iterable[UUID]) -> None:
        """Load which of these records are in another organisation of ours."""
        links = XeroLink.objects.filter(kind=kind, local_id__in=list(local_ids)).exclude(tenant_id=self.tenant_id)
        found = list(links.values_list("local_id", "tenant_id", "job_id"))
        names = dict(XeroConnection.objects.values_list("tenant_id", "name")) if found else {}
        self.elsewhere |= {
            local_id: f"{names.get(tenant_id, 'a former organisation')} (Job {job})"
            for local_id, tenant_id, job in found
        }

    def link(self, kind: str, local_id: UUID) -> Link | None:
        """Return the link of one of our records, if it has one."""
        return self._links.get((kind, local_id))

    def linked_remote(self, kind: str, local_id: UUID) -> Remote | None:
        """Return what Xero last told of the record that this one is linked to."""
        link = self.link(kind, local_id)
        return self._by_id.get((kind, link.xero_id)) if link else None

    def owner(self, kind: str, xero_id: str) -> UUID | None:
        """Return which of our records a record of Xero's is linked to."""
        return self._owners.get((kind, xero_id))

    def by_key(self, kind: str, key: str) -> list[Remote]:
        """Return what Xero has under a key that was learnt."""
        return self._by_key.get((kind, key), [])

    def by_name(self, kind: str, name: str) -> list[Remote]:
        """Return what Xero has under a name that was learnt; case and spaces don't matter."""
        return self._by_name.get((kind, fold(name)), [])

    def tax_type(self, rate: TaxRate) -> str:
        """Return Xero's tax type for one of our rates, blank while there is none; as a symbol, rate and per cent."""
        if not self.symbolic:
            return self.tax_types.get(rate.pk, "")
        return f"{rate.uuid} {self.rate_in_xero(rate).normalize():f}"

    def rate_name(self, tax_type: str) -> str:
        """Return what Xero calls a tax type; the type itself where it isn't known, blank for none."""
        rate = self.rates.get(tax_type)
        return rate.name if rate else tax_type

    def rate_in_xero(self, rate: TaxRate) -> Decimal:
        """Return what Xero will reckon with, in per cent: our own rate, where the tax isn't in Xero yet."""
        mapped = self.rates.get(self.tax_types.get(rate.pk, ""))
        return amount(mapped.payload.get("EffectiveRate")) if mapped else rate.rate

    def as_symbols(self) -> Books:
        """Return the same books for making fingerprints, which must not change when a need is fulfilled."""
        _ = self.accounts, self.rates, self.tax_types  # loaded once, and shared
        twin = copy.copy(self)
        twin.symbolic = True
        return twin

    def _note_link(self, kind: str, local_id: UUID, link: Link) -> None:
        self._links[kind, local_id] = link
        self._owners[kind, link.xero_id] = local_id

    def _all(self, kind: str) -> list[Remote]:
        rows = XeroRecord.objects.filter(tenant_id=self.tenant_id, kind=kind).exclude(status__in=(MISSING, "DELETED"))
        return _remotes(rows)


#: The columns of our copy that a Remote is made of. Whole rows take three times as long to load.
_REMOTE = ("xero_id", "key", "status", "payload")


def _remotes(rows: QuerySet[XeroRecord]) -> list[Remote]:
    return [Remote(*columns) for columns in rows.values_list(*_REMOTE)]
