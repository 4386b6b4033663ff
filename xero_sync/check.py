"""Check: what would happen to each record, and why. Reads only; nothing is written to Xero."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from xero_sync import clock, jobs, mirror, organisation, selection
from xero_sync.books import Books, Remote, RunOptions
from xero_sync.failpoints import reach
from xero_sync.gateway import Gateway, encode
from xero_sync.kinds import EXPORTS, export_kind, stage
from xero_sync.kinds.base import Decision, ExportKind, Found, Need, Problem, R
from xero_sync.models import Job, JobRow, LogLine

Outcome = JobRow.Outcome

#: How old the copy of what Xero holds may be for a Check, and for a Send.
CHECK_AGE = timedelta(minutes=5)
SEND_AGE = timedelta(minutes=15)
#: Numbers are looked up in Xero beforehand for no more records than this; else Xero's refusal is the result.
LOOK_AHEAD = 40


#: What a person may decide about a row, besides the id of one of the candidates.
LEAVE_OUT, CREATE_NEW = "skip", "create"


def decide(kind: ExportKind[R], record: R, books: Books, *, requested: bool, choice: str = "") -> Decision:
    """Say what would happen to a record, from what the books know. Check and Send both ask here."""
    if choice == LEAVE_OUT:
        return Decision(Outcome.SKIP, "left_out", "Left out.")
    found = kind.find(record, books)
    if choice and not found.linked:
        found = _chosen(kind, record, found, choice, books)
    if requested and (decision := kind.decide_status(record, found, books)):
        return decision
    if found.problem:
        several = len(found.remotes) > 1
        decision = _stopped(found.problem, Outcome.DECIDE if several else Outcome.FAIL)
        return replace(decision, candidates=_candidates(kind, found, books)) if several else decision
    if len(found.remotes) > 1:
        return _ambiguous(kind, found, books)
    if found.linked:
        return _linked(kind, record, found, books, requested=requested)
    if found.remotes:
        return _link(kind, record, found.remotes[0], found.how, books, requested=requested)
    if problems := kind.problems(record, books):
        return _stopped(problems[0], Outcome.FAIL, more=problems[1:])
    return Decision(Outcome.CREATE, warning=" ".join(kind.warnings(record, books)))


def _chosen(kind: ExportKind[R], record: R, found: Found, choice: str, books: Books) -> Found:
    """Return what a person made of several candidates; a choice that is no longer among them leaves the question."""
    if choice == CREATE_NEW:
        return Found()
    chosen = next((remote for remote in found.remotes if remote.xero_id == choice), None)
    return kind.choose(record, chosen, books) if chosen else found


def _ambiguous(kind: ExportKind[R], found: Found, books: Books) -> Decision:
    candidates = _candidates(kind, found, books)
    names = ", ".join(f"{name} ({apart})" for _, name, apart in candidates[:5])
    words = f"{len(found.remotes)} records in Xero could be this one: {names}. Choose one."
    return Decision(Outcome.DECIDE, "ambiguous", words, candidates=candidates)


def _candidates(kind: ExportKind[R], found: Found, books: Books) -> list[tuple[str, str, str]]:
    found_ones = [(remote.xero_id, remote.name, kind.tell_apart(remote, books)) for remote in found.remotes]
    return sorted(found_ones, key=lambda candidate: candidate[1:])  # the order of Xero's ids says nothing


def _stopped(problem: Problem, outcome: str, more: Sequence[Problem] = ()) -> Decision:
    words = list(dict.fromkeys(each.message for each in (problem, *more)))
    return Decision(outcome, problem.reason, " ".join(words), problem.fix_url, suggestion=problem.suggestion)


def _link(kind: ExportKind[R], record: R, remote: Remote, how: str, books: Books, *, requested: bool) -> Decision:
    """A record of Xero's that is matched for the first time is linked and left alone: people edit there, too."""
    differing = [label for label, *_ in kind.changes(record, remote, books, requested=True)] if requested else []
    differs = f" What differs is not sent: {', '.join(differing)}. Export it again to send that." if differing else ""
    return Decision(
        Outcome.LINK,
        "found",
        f"Link to “{remote.name}” in Xero ({how}). It is left as it is there.{differs}",
        how=how,
        xero_id=remote.xero_id,
        xero_number=kind.number(remote.payload),
    )


def _linked(kind: ExportKind[R], record: R, found: Found, books: Books, *, requested: bool) -> Decision:
    (remote,) = found.remotes
    known = books.linked_remote(kind.name, record.uuid)
    if diff := kind.changes(record, known, books, requested=requested):
        return Decision(
            Outcome.UPDATE, "changed", "Update in Xero.", diff=diff, xero_id=remote.xero_id, xero_number=remote.key
        )
    link = books.link(kind.name, record.uuid)
    job = f" in Job {link.job_number}" if link and link.job_number else ""
    return Decision(
        Outcome.SKIP, "already_linked", f"Already in Xero{job}.", xero_id=remote.xero_id, xero_number=remote.key
    )


def fingerprint(kind: ExportKind[R], record: R, books: Books) -> str:
    """Return a mark of what would be sent. It stays the same while the records it needs are being created."""
    return hashlib.sha256(encode(kind.to_xero(record, books.as_symbols())).encode()).hexdigest()


def refresh(gateway: Gateway, kind: ExportKind[R], max_age: timedelta) -> None:
    """Bring what Check and Send read of Xero up to date. Raises any of errors.py."""
    organisation.ensure(gateway, max_age)
    for name in kind.mirrors:
        mirror.ensure(gateway, name, max_age)


def plan(job: Job, keep_alive: Callable[[], None]) -> None:
    """Make a job's rows and say what would happen to each. Raises any of errors.py if Xero can't be read."""
    kind = export_kind(job.kind)
    gateway = Gateway(job.connection)
    gateway.keep_alive = keep_alive
    refresh(gateway, kind, CHECK_AGE)
    job.connection.refresh_from_db()
    planner = _Planner(job, gateway, kind)
    for records in selection.chosen(kind, job.selection, job.tenant_id):
        planner.add(records)
        keep_alive()
    done(job, gateway)


def done(job: Job, gateway: Gateway) -> None:
    """Note that all rows are planned: the job may be sent now."""
    with transaction.atomic():
        jobs.recount(job)
        jobs.bump_calls(job, gateway.calls)
        Job.objects.filter(pk=job.pk, state=Job.State.CHECKING).update(
            state=Job.State.CHECKED, checked_at=clock.now(), wait_until=None, wait_why="", failed_reads=0
        )
        jobs.log(job, "check", "Checked", outcome=LogLine.Outcome.OK, message=jobs.outcome_words(job))


class _Planner:
    """Plans a job chunk by chunk. Remembers across chunks what was planned for the records that others need."""

    def __init__(self, job: Job, gateway: Gateway, kind: ExportKind[Any]) -> None:
        self.job, self.gateway, self.kind = job, gateway, kind
        self.options = RunOptions(**job.options)
        self.planned: dict[tuple[str, UUID], Decision] = {}
        self.collisions: dict[tuple[str, str], str] = {}
        self.stocks: dict[str, Decimal] = {}
        self.taken_codes: set[str] = set()
        self.rows_so_far = 0
        self.tried = _tried(job)

    def add(self, records: Sequence[Any]) -> None:
        books = Books(self.job.connection, self.options)
        books.taken_codes = self.taken_codes
        needs = _needs(self.kind, records)
        rows: list[JobRow] = []
        for kind in EXPORTS:
            if new := [each for each in needs[kind.name].values() if (kind.name, each.uuid) not in self.planned]:
                rows += self._needed_rows(kind, new, books)
        self.kind.learn(records, books)
        few = self.job.retry_of_id or len(records) + self.rows_so_far <= LOOK_AHEAD
        if doubtful := [record for record in records if few or self.kind.must_look_ahead(record, books)]:
            self.kind.look_ahead(self.gateway, doubtful, books)
        rows += [self._requested_row(record, books) for record in records]
        self.rows_so_far += len(records)
        # A worker that died while checking leaves rows; the next one finds them made
        JobRow.objects.bulk_create(rows, ignore_conflicts=True, batch_size=200)
        reach("planning", self.kind.name)

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
        if decision.outcome == Outcome.CREATE:
            decision = self._if_enough(decision, record, books)
        row = self._row(self.kind, record, decision, requested=True)
        row.needs = self._open_needs(needs)
        if decision.outcome in {Outcome.CREATE, Outcome.UPDATE, Outcome.ARCHIVE}:
            row.fingerprint = fingerprint(self.kind, record, books)
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
        decision = decide(kind, record, books, requested=requested, choice=choice)
        key = ""
        if decision.outcome == Outcome.CREATE:
            key = kind.collision_key(record, books)
        elif decision.outcome == Outcome.LINK and not kind.many_to_one:
            key = f"xero:{decision.xero_id}"
        if not key:
            return decision
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
            if self.planned[name, uuid].outcome != Outcome.SKIP
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
            outcome=decision.outcome,
            reason=decision.reason,
            message=decision.message,
            fix_url=decision.fix_url,
            diff=[list(change) for change in decision.diff],
            warning=decision.warning,
            how=decision.how if decision.outcome == Outcome.LINK else "",
            choice=self.job.choices.get(f"{kind.name}:{record.uuid}", ""),
            suggestion=decision.suggestion,
            candidates=[list(candidate) for candidate in decision.candidates],
            xero_id=decision.xero_id,
            xero_number=decision.xero_number,
            tried_before=self.tried.get((kind.name, str(record.uuid)), 0),
        )


def _tried(job: Job) -> dict[tuple[str, str], int]:
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


def expected_calls(job: Job) -> int:
    """Return how many calls sending the job will take, as Check knows it."""
    counts = job.counts or {}
    per_kind = {job.kind: counts.get("outcome") or {}, **(counts.get("also") or {})}
    return sum(
        ceil(outcomes.get(outcome, 0) / export_kind(name).batch_size)
        for name, outcomes in per_kind.items()
        for outcome in (Outcome.CREATE, Outcome.UPDATE, Outcome.ARCHIVE)
    )
