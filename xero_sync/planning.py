"""Plan an export: a row for each record that was chosen and for each that those need, chunk by chunk."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F

from bmsxero.bulk import insert_each
from xero_sync import check, jobs, selection
from xero_sync.books import Books, RunOptions
from xero_sync.failpoints import reach
from xero_sync.gateway import Gateway
from xero_sync.kinds import EXPORTS, export_kind, stage
from xero_sync.kinds.base import Decision, ExportKind, Need
from xero_sync.models import Job, JobRow

Outcome = JobRow.Outcome
#: Kind and key of a record.
Key = tuple[str, str]

#: Numbers are looked up in Xero beforehand for no more records than this; else Xero's refusal is the result.
LOOK_AHEAD = 40


class AsksXero(Exception):
    """Something has to be asked of Xero that nobody has asked yet."""


def plan(job: Job, keep_alive: Callable[[], None]) -> None:
    """Make a job's rows and say what would happen to each. Raises any of errors.py if Xero can't be read."""
    kind = export_kind(job.kind)
    gateway = Gateway(job.connection)
    gateway.keep_alive = keep_alive
    check.refresh(gateway, kind, check.CHECK_AGE)
    job.connection.refresh_from_db()
    planner = Planner(job, kind, gateway)
    for records in selection.chosen(kind, job.selection, job.tenant_id):
        planner.add(records)
        keep_alive()
    job.looked_up = {"asked": sorted(planner.asked), "documents": planner.documents}
    job.save(update_fields=["looked_up"])
    check.done(job, gateway)


class Planner:
    """Plans a job chunk by chunk. Remembers across chunks what was planned for the records that others need.

    Without a gateway it asks Xero nothing: what has been asked at Check is remembered, and where that does not do,
    it raises AsksXero.
    """

    def __init__(self, job: Job, kind: ExportKind[Any], gateway: Gateway | None = None) -> None:
        self.job, self.gateway, self.kind = job, gateway, kind
        self.options = RunOptions(**job.options)
        self.planned: dict[tuple[str, UUID], Decision] = {}
        self.collisions: dict[Key, str] = {}
        self.clash_keys: dict[Key, str] = {}
        self.stocks: dict[str, Decimal] = {}
        #: Keys of the stocks that the records draw on, whether they go or not
        self.drawn: set[str] = set()
        self.taken_codes: set[str] = set()
        self.rows_so_far = 0
        self.tried = _tried(job)
        #: What Xero was asked about single documents, and what it has of them
        known = {} if gateway else job.looked_up or {}
        self.asked: set[str] = set(known.get("asked") or ())
        self.documents: dict[str, Any] = known.get("documents") or {}

    def add(self, records: Sequence[Any]) -> None:
        # A worker that died while checking leaves rows; the next one finds them made
        insert_each(self.rows(records), unless_there=True)
        reach("planning", self.kind.name)

    def rows(self, records: Sequence[Any]) -> list[JobRow]:
        """Return the rows of these records, after those of what they need that was not planned yet; saved nowhere."""
        books = Books(self.job.connection, self.options)
        books.taken_codes = self.taken_codes
        needs = _needs(self.kind, records)
        rows: list[JobRow] = []
        for kind in EXPORTS:
            if new := [each for each in needs[kind.name].values() if (kind.name, each.uuid) not in self.planned]:
                rows += self._needed_rows(kind, new, books)
        self.kind.learn(records, books)
        self._look_ahead(records, books)
        rows += [self._requested_row(record, books) for record in records]
        self.rows_so_far += len(records)
        return rows

    def _look_ahead(self, records: Sequence[Any], books: Books) -> None:
        number = len(records) + self.rows_so_far if self.gateway else (self.job.counts or {}).get("total", 0)
        few = self.job.retry_of_id or number <= LOOK_AHEAD
        doubtful = [record for record in records if few or self.kind.must_look_ahead(record, books)]
        asks = {question for record in doubtful for question in self.kind.asks(record, books)}
        if self.gateway and asks:
            self.kind.look_ahead(self.gateway, doubtful, books)
            self.asked |= asks
            self.documents |= books.memory()
        elif asks <= self.asked:
            books.documents = self.documents
        else:
            raise AsksXero

    def _needed_rows(self, kind: ExportKind[Any], records: list[Any], books: Books) -> list[JobRow]:
        kind.learn(records, books)
        rows = []
        for record in records:
            decision = self._decide(kind, record, books, requested=False)
            needs = kind.needs(record) if decision.outcome == Outcome.CREATE else []
            decision = self._after_needs(decision, needs)
            self.planned[kind.name, record.uuid] = decision
            if decision.outcome != Outcome.SKIP:
                row = self._row(kind, record, decision, requested=False)
                row.needs = self._open_needs(needs)
                rows.append(row)
        return rows

    def _requested_row(self, record: Any, books: Books) -> JobRow:
        decision = self._decide(self.kind, record, books, requested=True)
        needs = self.kind.needs(record)
        if decision.outcome in jobs.ACTIONABLE:
            decision = self._after_needs(decision, needs)
        decision = self._if_enough(decision, record, books)
        row = self._row(self.kind, record, decision, requested=True)
        row.needs = self._open_needs(needs)
        if decision.outcome in {Outcome.CREATE, Outcome.UPDATE, Outcome.ARCHIVE}:
            row.fingerprint = check.fingerprint(self.kind, record, books)
        row.our_total = self.kind.our_total(record)
        if decision.outcome == Outcome.CREATE:
            row.message = self._along_with(needs)
            row.xero_total = self.kind.expected_total(record, books)
            if row.our_total is not None and row.xero_total != row.our_total:
                row.outcome, row.reason = Outcome.FAIL, "totals_differ"
                row.message = f"Xero would total {row.xero_total}, we have {row.our_total}."
        return row

    def _decide(self, kind: ExportKind[Any], record: Any, books: Books, *, requested: bool) -> Decision:
        choice = self.job.choices.get(f"{kind.name}:{record.uuid}", "")
        decision = check.decide(kind, record, books, requested=requested, choice=choice)
        key = ""
        if decision.outcome == Outcome.CREATE:
            key = kind.collision_key(record, books)
        elif decision.outcome == Outcome.LINK and not kind.many_to_one:
            key = f"xero:{decision.xero_id}"
        if not key:
            return decision
        self.clash_keys[kind.name, str(record.uuid)] = key
        first = self.collisions.setdefault((kind.name, key), str(record.uuid))
        if first == str(record.uuid):
            return decision
        return Decision(
            Outcome.DECIDE,
            "collision",
            f"Another {kind.label.lower()} of this job would be the same in Xero: “{record}”. Rename one of the two.",
            record.get_absolute_url() if hasattr(record, "get_absolute_url") else "",
            suggestion=kind.suggest(record, books),
        )

    def _if_enough(self, decision: Decision, record: Any, books: Books) -> Decision:
        """Xero sells no more of a tracked item than it has on hand; the records of a job share that."""
        draws = self.kind.draws(record, books)
        self.drawn |= {draw.key for draw in draws}
        if decision.outcome != Outcome.CREATE:
            return decision
        for draw in draws:
            if draw.quantity > (left := self.stocks.setdefault(draw.key, draw.available)):
                return Decision(
                    Outcome.FAIL,
                    "out_of_stock",
                    f"Xero has {draw.available.normalize():f} of “{draw.label}” on hand, of which {left.normalize():f} "
                    f"are left for this one; it needs {draw.quantity.normalize():f}. Send as Draft, or allow back "
                    "orders in this run's options.",
                    "options",
                )
        for draw in draws:
            self.stocks[draw.key] -= draw.quantity
        return decision

    def _after_needs(self, decision: Decision, needs: Iterable[Need]) -> Decision:
        """A record can't go where something that it needs can't go; say which, and why."""
        for name, need in needs:
            planned = self.planned[name, need.uuid]
            if planned.reason == "left_out":
                label = export_kind(name).label.lower()
                return Decision(Outcome.SKIP, "left_out", f"Left out, as {label} “{need}” was.")
            if planned.outcome in {Outcome.FAIL, Outcome.DECIDE}:
                label = export_kind(name).label
                return Decision(planned.outcome, planned.reason, f"{label} {need}: {planned.message}", planned.fix_url)
        return decision

    def _along_with(self, needs: Iterable[tuple[str, Any]]) -> str:
        """Say what comes along with a new record, and how what is in Xero already was recognised."""
        verbs = {Outcome.CREATE: "creates", Outcome.LINK: "links", Outcome.UPDATE: "updates"}
        groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        for name, need in dict.fromkeys(needs):
            planned = self.planned[name, need.uuid]
            if verb := verbs.get(Outcome(planned.outcome)):
                how = f" ({planned.how})" if planned.how else ""
                groups[verb, export_kind(name).xero_label, how].append(str(need))
        words = [
            f"{verb} {label}{'s' if len(names) > 1 else ''} {', '.join(names)}{how}"
            for (verb, label, how), names in groups.items()
        ]
        return f"Also {'; '.join(words)}." if words else "All that it needs is in Xero."

    def _open_needs(self, needs: Iterable[Need]) -> list[list[str]]:
        """Return what a row has to wait for, each once."""
        return [
            [name, str(uuid)]
            for name, uuid in dict.fromkeys((name, need.uuid) for name, need in needs)
            if self.planned[name, uuid].outcome != Outcome.SKIP or self.planned[name, uuid].reason == "left_out"
        ]

    def _row(self, kind: ExportKind[Any], record: Any, decision: Decision, *, requested: bool) -> JobRow:
        about = kind.describe(record)
        return JobRow(
            job=self.job,
            tenant_id=self.job.tenant_id,
            kind=kind.name,
            requested=requested,
            stage=stage(kind.name),
            record_key=str(record.uuid),
            record_id=record.pk,
            label=about.label[:300],
            detail=about.detail[:300],
            amount=about.amount,
            currency=about.currency or self.job.connection.base_currency,
            choice=self.job.choices.get(f"{kind.name}:{record.uuid}", ""),
            clash_key=self.clash_keys.get((kind.name, str(record.uuid)), "")[:300],
            xero_id=decision.xero_id,
            xero_number=decision.xero_number,
            tried_before=self.tried.get((kind.name, str(record.uuid)), 0),
            **decision.columns(),
        )


def _tried(job: Job) -> dict[Key, int]:
    """Return how often records were sent by the jobs that this one retries, where they were."""
    if job.retry_of_id is None:
        return {}
    rows = JobRow.objects.filter(job=job.retry_of_id).annotate(tries=F("attempts") + F("tried_before"))
    return {
        (kind, key): tries for kind, key, tries in rows.filter(tries__gt=0).values_list("kind", "record_key", "tries")
    }


def _needs(kind: ExportKind[Any], records: Iterable[Any]) -> dict[str, dict[UUID, Any]]:
    """Return all that these records need in Xero, and what that needs in turn, by kind."""
    found: dict[str, dict[UUID, Any]] = defaultdict(dict)
    queue = deque((kind, record) for record in records)
    while queue:
        each, record = queue.popleft()
        for name, need in each.needs(record):
            if need.uuid not in found[name]:
                found[name][need.uuid] = need
                queue.append((export_kind(name), need))
    return found
