"""What a kind of record has to say for itself. The engine (check.py, outbox.py, imports.py) does the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from xero_python.models import BaseModel

from crm.models import Record
from xero_sync import clock, mirror
from xero_sync.books import Books, Remote, RunOptions
from xero_sync.gateway import Gateway
from xero_sync.mirror import Element
from xero_sync.models import Job, JobRow, XeroLink

R = TypeVar("R", bound=Record)

#: A field that changes: its name on screen, before, after.
Change = tuple[str, str, str]
#: How a record was recognised that a person chose among several.
CHOICE = "your choice"
#: Name and record of something that must be in Xero first.
Need = tuple[str, Record]


@dataclass(frozen=True)
class Problem:
    """Why a record can't go to Xero as it is, in plain words, and where to mend it."""

    reason: str
    message: str
    fix_url: str = ""
    suggestion: str = ""


@dataclass(frozen=True)
class Decision:
    """What would happen to one record: an outcome, why, and the record in Xero that it concerns."""

    outcome: str
    reason: str = ""
    message: str = ""
    fix_url: str = ""
    how: str = ""
    xero_id: str = ""
    xero_number: str = ""
    diff: list[Change] = field(default_factory=list)
    warning: str = ""
    #: What a person may take over with one press, such as a free code
    suggestion: str = ""
    #: What a person may choose from: id, name, and what tells it from the others
    candidates: Sequence[tuple[str, str, str]] = ()

    def columns(self) -> dict[str, Any]:
        """Return what a job's row keeps of it. How it was matched is kept where it is to be linked."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "message": self.message,
            "fix_url": self.fix_url,
            "diff": [list(change) for change in self.diff],
            "warning": self.warning,
            "how": self.how if self.outcome == JobRow.Outcome.LINK else "",
            "suggestion": self.suggestion,
            "candidates": [list(candidate) for candidate in self.candidates],
        }


@dataclass(frozen=True)
class Description:
    """How a record is named on job pages. The amount is in `currency`, two decimals."""

    label: str
    detail: str = ""
    amount: Decimal | None = None
    currency: str = ""


@dataclass(frozen=True)
class Draw:
    """That a record would take some of what Xero has only so much of."""

    key: str
    label: str
    quantity: Decimal
    available: Decimal


@dataclass(frozen=True)
class Found:
    """What a record of ours corresponds to in Xero."""

    remotes: Sequence[Remote] = ()
    how: str = ""
    linked: bool = False
    #: Found, but it must not be used: archived, or somebody else's
    problem: Problem | None = None


@dataclass(frozen=True)
class Accepted:
    """What Xero made of a record that it took."""

    xero_id: str
    number: str = ""
    total: Decimal | None = None
    warnings: Sequence[str] = field(default_factory=list)


class ExportKind(ABC, Generic[R]):
    """One kind of record on its way to Xero."""

    name: ClassVar[str]
    label: ClassVar[str]
    xero_label: ClassVar[str]
    plural: ClassVar[str]
    endpoint: ClassVar[str]
    id_field: ClassVar[str]
    query: ClassVar[str] = "summarizeErrors=false"
    batch_size: ClassVar[int] = 50
    #: Whether several of our records may be one in Xero.
    many_to_one: ClassVar[bool] = False
    #: Which parts of the mirror Check and Send read.
    mirrors: ClassVar[tuple[str, ...]]
    #: Where Xero shows one of these to a person; below XeroConnection.app_url.
    app_path: ClassVar[str] = ""

    @abstractmethod
    def all_records(self) -> QuerySet[R]:
        """Return every record of the kind, whatever its state."""

    @abstractmethod
    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[R]:
        """Return the records that may be chosen, narrowed by the wizard's filters, in a stable order."""

    def is_linked(self, tenant_id: str) -> Exists:
        """Return the condition that a record is in this organisation already."""
        return Exists(XeroLink.objects.filter(tenant_id=tenant_id, kind=self.name, local_id=OuterRef("uuid")))

    @abstractmethod
    def load(self, keys: Iterable[str | UUID]) -> list[R]:
        """Return these records with all that mapping them reads, in a fixed number of queries."""

    @abstractmethod
    def describe(self, record: R) -> Description:
        """Return how job pages name the record."""

    def needs(self, record: R) -> list[Need]:
        """Return the records that must be in Xero before this one."""
        return []

    def needing(self, needs: Mapping[str, Collection[str]]) -> Q:
        """Return the condition that a record needs one of these, by kind and uuid, itself or through what it needs."""
        return Q(pk__in=[])

    @abstractmethod
    def learn(self, records: Sequence[R], books: Books) -> None:
        """Load into the books what `find`, `problems` and `to_xero` will ask for."""

    @abstractmethod
    def find(self, record: R, books: Books) -> Found:
        """Return what the record is in Xero: by its link, then by what Xero tells records apart by."""

    def decide_status(self, record: R, found: Found, books: Books) -> Decision | None:
        """Return what happens to a chosen record because it is inactive here, or was archived in Xero; None where
        that plays no part."""
        return None

    def look(self, gateway: Gateway, records: Sequence[R], books: Books, sent: Sequence[Element]) -> None:
        """Ask Xero about these very records, so that `find` knows what became of a write without an answer.

        `sent` is what the write said: a record may have been edited since.
        """
        mirror.read(gateway, self.name)
        self.learn(records, books)

    def changes(self, record: R, remote: Remote | None, books: Books, *, requested: bool) -> list[Change]:
        """Return what an update of the record in Xero would change; nothing means leave it alone.

        `requested`: a person chose this very record, rather than one that needs it.
        """
        return []

    def tell_apart(self, remote: Remote, books: Books) -> str:
        """Return what tells a record in Xero from others of its name, and what speaks against choosing it."""
        return remote.key

    def choose(self, record: R, remote: Remote, books: Books) -> Found:
        """Return what a record is in Xero once a person has chosen among several. What may not be used stays so."""
        return Found([remote], CHOICE)

    @abstractmethod
    def problems(self, record: R, books: Books) -> list[Problem]:
        """Return what can be known before sending to make Xero refuse the record."""

    def warnings(self, record: R, books: Books) -> list[str]:
        """Return what the person should know although the record can be sent."""
        return []

    @abstractmethod
    def to_xero(self, record: R, books: Books) -> BaseModel:
        """Map the record, without its id in Xero. Pure."""

    def to_update(self, record: R, xero_id: str, books: Books, *, requested: bool) -> BaseModel:
        """Map what `changes` speaks of, with the id in Xero. Pure."""
        raise NotImplementedError(f"{self.plural} are never updated in Xero")

    def to_archive(self, record: R, xero_id: str) -> BaseModel:
        """Map that the record is to be archived in Xero. Pure."""
        raise NotImplementedError(f"{self.plural} are never archived in Xero")

    @abstractmethod
    def element_keys(self, record: R, books: Books) -> tuple[str, ...]:
        """Return what tells this record's element in an answer from the others, the surest first."""

    @abstractmethod
    def remote_keys(self, element: Element) -> tuple[str, ...]:
        """Return the same of an element of an answer. Xero doesn't keep the order of what it was sent."""

    def accept(self, element: Element) -> Accepted:
        """Read the answer's element of a record that was taken."""
        return Accepted(str(element[self.id_field]), self.number(element))

    def number(self, element: Element) -> str:
        """Return what people call the record in Xero."""
        return str(element.get("Name") or "")

    def collision_key(self, record: R, books: Books) -> str:
        """Return what two new records must not share; blank where Xero doesn't mind."""
        return ""

    def suggest(self, record: R, books: Books) -> str:
        """Return a free key for a record whose `collision_key` is not; blank where none can be made up."""
        return ""

    def draws(self, record: R, books: Books) -> Sequence[Draw]:
        """Return what the record would take from stocks that it shares with others of its job."""
        return ()

    def asks(self, record: R, books: Books) -> tuple[str, ...]:
        """Return what `look_ahead` asks Xero about the record; nothing where it has nothing to ask."""
        return ()

    def look_ahead(self, gateway: Gateway, records: Sequence[R], books: Books) -> None:
        """Ask Xero at Check what only Send would find out; called for small or repeated jobs."""

    def can_do_without(self, words: str) -> bool:
        """Say whether what Xero refuses in these words may be left out: the link back to us, of documents."""
        return False

    def must_look_ahead(self, record: R, books: Books) -> bool:
        """Say whether that has to be asked for this record however large the job is."""
        return False

    def our_total(self, record: R) -> Decimal | None:
        """Return what the document adds up to here, in its currency."""
        return None

    def expected_total(self, record: R, books: Books) -> Decimal | None:
        """Return what Xero will make of it, reckoned as Xero does."""
        return None

    def link(self, record: R, accepted: Accepted, books: Books, *, matched_by: str, job: Job) -> XeroLink | None:
        """Return the link that says which record in Xero this one is, to be saved in the transaction that marks its
        row succeeded; None if the kind has saved it in a way of its own."""
        made = XeroLink(
            tenant_id=books.tenant_id,
            kind=self.name,
            local_id=record.uuid,
            xero_id=accepted.xero_id,
            xero_number=accepted.number,
            matched_by=matched_by,
            job=job,
            sent=self.remember(record),
            last_seen=clock.stamp(),
        )
        books.add_link(self.name, made)
        return made

    def path(self, options: RunOptions) -> str:
        """Return the path of a write, below the API's address, with its query."""
        return f"{self.endpoint}?{self.query}" if self.query else self.endpoint

    def envelope(self, elements: Sequence[str]) -> str:
        """Return the body of a write, from elements that are JSON already."""
        return f'{{"{self.endpoint}":[{",".join(elements)}]}}'

    def elements(self, body: Any) -> list[Element]:
        """Return the elements of a decoded body of a write."""
        found: list[Element] = body[self.endpoint]
        return found

    def remember(self, record: R) -> dict[str, Any]:
        """Return what a link keeps of what was sent, for later drift checks."""
        return {}


def made_anew(xero_label: str) -> str:
    """Say of a record that is to be created that Xero had it before."""
    return f"The {xero_label} that it was linked to was deleted in Xero; it is created there anew."


def too_long(field_name: str, value: str, limit: int, fix_url: str = "") -> list[Problem]:
    """Return a problem if Xero would refuse `value` for its length."""
    if len(value) <= limit:
        return []
    return [Problem("too_long", f"{field_name} is {len(value)} characters long; Xero allows {limit}.", fix_url=fix_url)]
