"""Import of contacts, items and the chart of accounts: what Check and the import itself share is `decide`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet

from bmsxero.bulk import insert_each
from bmsxero.history import because
from xero_sync import jobs, linking, selection
from xero_sync.batches import chunks, save_rows
from xero_sync.books import RunOptions
from xero_sync.check import CREATE_NEW, LEAVE_OUT
from xero_sync.constraints import Broken, Sort, broken
from xero_sync.failpoints import reach
from xero_sync.kinds import import_kind, import_stage
from xero_sync.kinds.base import Decision
from xero_sync.kinds.importing import ImportBooks, ImportKind, Ours
from xero_sync.mirror import MISSING
from xero_sync.models import Job, JobRow, LogLine, TaxMapping, XeroLink, XeroRecord

Outcome, State = JobRow.Outcome, JobRow.State
Kind = ImportKind[Any]
#: States of what Xero does not have any more; only what a person named comes this far.
GONE = {"DELETED", MISSING}


# --- deciding: pure


def decide(kind: Kind, remote: XeroRecord, ours: Ours, books: ImportBooks, choice: str = "") -> Decision:
    """Say what would happen to a record of Xero's, from what we have that it is or could be."""
    if choice == LEAVE_OUT:
        return Decision(Outcome.SKIP, "left_out", "Left out.")
    if remote.status in GONE:
        return Decision(Outcome.FAIL, "gone_in_xero", "Xero does not have it any more.")
    if ours.linked:
        return _linked(kind, remote, ours.linked, books)
    matched = [] if choice == CREATE_NEW else _chosen(ours, choice)
    free = [record for record in matched if record.uuid not in ours.taken]
    if matched and not free and not kind.comes_apart:
        return _taken(kind, matched[0])
    if len(free) > 1:
        return _ambiguous(kind, free)
    if free:
        words = f"Link to “{free[0]}” here ({ours.how}). It is left as it is."
        return Decision(Outcome.LINK, "found", words, how=ours.how)
    if problems := kind.problems(remote, books):
        words = " ".join(dict.fromkeys(each.message for each in problems))
        return Decision(Outcome.FAIL, problems[0].reason, words, problems[0].fix_url)
    return Decision(
        Outcome.CREATE, message=" ".join(kind.notes(remote, books)), warning=" ".join(kind.warnings(remote, books))
    )


def _linked(kind: Kind, remote: XeroRecord, record: Any, books: ImportBooks) -> Decision:
    if diff := kind.changes(remote, record, books):
        return Decision(Outcome.UPDATE, "changed", f"Update “{record}” here.", diff=diff)
    return Decision(Outcome.SKIP, "already_linked", f"Linked to “{record}” already, and nothing differs.")


def _chosen(ours: Ours, choice: str) -> Sequence[Any]:
    return [record for record in ours.matched if str(record.uuid) == choice] or ours.matched


def _taken(kind: Kind, record: Any) -> Decision:
    words = f"“{record}” here is like it, and is linked to another {kind.xero_label} already."
    if not kind.may_repeat:
        return Decision(Outcome.FAIL, "taken", words)
    return Decision(Outcome.DECIDE, "taken", f"{words} Make another one here, or leave it out.")


def _ambiguous(kind: Kind, free: Sequence[Any]) -> Decision:
    candidates = [(str(record.uuid), str(record), getattr(record, "code", "") or f"no. {record.pk}") for record in free]
    words = f"{len(free)} records here could be this one: {', '.join(apart for _, _, apart in candidates[:5])}. Choose."
    return Decision(Outcome.DECIDE, "ambiguous", words, candidates=candidates)


def target(ours: Ours, choice: str) -> Any:
    """Return which record of ours a LINK is about."""
    return next(record for record in _chosen(ours, choice) if record.uuid not in ours.taken)


def _ours(kind: Kind, remotes: Sequence[XeroRecord], books: ImportBooks) -> dict[str, Ours]:
    """Return what we have of each, in a fixed number of queries."""
    linked = kind.linked(remotes, books)
    matches = kind.matches([remote for remote in remotes if remote.xero_id not in linked])
    taken = kind.taken([record for _, records in matches.values() for record in records], books)
    found = {}
    for remote in remotes:
        how, matched = matches.get(remote.xero_id, ("", []))
        found[remote.xero_id] = Ours(linked.get(remote.xero_id), matched, how, taken)
    return found


# --- Check


def plan(job: Job, keep_alive: Callable[[], None]) -> None:
    """Make a job's rows from our copy of what Xero holds."""
    planner = Planner(job)
    for chunk in chunks(chosen(job)):
        planner.add(chunk)
        keep_alive()


def chosen(job: Job) -> QuerySet[XeroRecord]:
    """Return the records that the job's rule chooses. Named one by one they come whatever their state."""
    kind, rule = import_kind(job.kind), job.selection
    if rule.get("all"):
        matching = selection.matching_remote(kind, rule.get("filters") or {}, job.tenant_id)
        return matching.exclude(xero_id__in=rule.get("except") or [])
    mine = XeroRecord.objects.filter(tenant_id=job.tenant_id, kind=job.kind)
    return mine.filter(xero_id__in=rule.get("ids") or []).order_by("folded_name", "id")


class Planner:
    """Plans a job chunk by chunk. Remembers across chunks what comes along, and what would be alike."""

    def __init__(self, job: Job) -> None:
        self.job, self.kind = job, import_kind(job.kind)
        self.options = RunOptions(**job.options)
        self.brought: set[tuple[str, str]] = set()
        self.coming: dict[tuple[str, str], Any] = {}
        self.alike: set[tuple[str, str]] = set()
        self.clash_keys: dict[tuple[str, str], str] = {}

    def add(self, remotes: Sequence[XeroRecord]) -> None:
        # A worker that died while checking leaves rows; the next one finds them made
        insert_each(self.rows(remotes), unless_there=True)
        reach("planning", self.kind.name)

    def rows(self, remotes: Sequence[XeroRecord]) -> list[JobRow]:
        """Return the rows of these records, after those of what comes along with them; saved nowhere."""
        books = ImportBooks(self.job.connection, self.options)
        books.coming = self.coming
        needs = dict.fromkeys(need for remote in remotes for need in self.kind.needs(remote, books))
        rows: list[JobRow] = []
        for name, group in groupby(sorted(set(needs) - self.brought), key=lambda need: need[0]):
            rows += self._along(name, [xero_id for _, xero_id in group], books)
        requested = self._rows(self.kind, remotes, books, requested=True)
        for row, remote in zip(requested, remotes, strict=True):
            row.needs = [list(need) for need in self.kind.needs(remote, books)]
        return rows + requested

    def _along(self, name: str, xero_ids: list[str], books: ImportBooks) -> list[JobRow]:
        self.brought |= {(name, xero_id) for xero_id in xero_ids}
        mine = XeroRecord.objects.filter(tenant_id=self.job.tenant_id, kind=name, xero_id__in=xero_ids)
        rows = self._rows(import_kind(name), list(mine.order_by("key")), books, requested=False)
        return [row for row in rows if row.outcome != Outcome.SKIP]

    def _rows(self, kind: Kind, remotes: Sequence[XeroRecord], books: ImportBooks, *, requested: bool) -> list[JobRow]:
        ours = _ours(kind, remotes, books)
        rows = []
        for remote in remotes:
            choice = self.job.choices.get(f"{kind.name}:{remote.xero_id}", "")
            decision = decide(kind, remote, ours[remote.xero_id], books, choice)
            decision = self._unless_alike(kind, remote, ours[remote.xero_id], decision, choice)
            if not requested and decision.outcome == Outcome.LINK:
                self.coming[kind.name, remote.xero_id] = target(ours[remote.xero_id], choice)
            elif not requested and decision.outcome == Outcome.CREATE:
                self.coming[kind.name, remote.xero_id] = kind.make(remote, books)
            rows.append(self._row(kind, remote, ours[remote.xero_id], decision, choice, requested=requested))
        return rows

    def _unless_alike(self, kind: Kind, remote: XeroRecord, ours: Ours, decision: Decision, choice: str) -> Decision:
        """Two records of a job that would become one here, or two alike, ask."""
        if decision.outcome == Outcome.LINK:
            key = f"ours:{target(ours, choice).uuid}"
        elif decision.outcome == Outcome.CREATE and choice != CREATE_NEW:
            key = kind.collision_key(remote)
        else:
            return decision
        self.clash_keys[kind.name, remote.xero_id] = key
        if not key or (kind.name, key) not in self.alike:
            self.alike.add((kind.name, key))
            return decision
        words = f"Another {kind.xero_label} of this job is called the same. Make both here, or leave one out."
        return Decision(Outcome.DECIDE, "collision", words)

    def _row(
        self, kind: Kind, remote: XeroRecord, ours: Ours, decision: Decision, choice: str, *, requested: bool
    ) -> JobRow:
        about = kind.describe(remote)
        return JobRow(
            job=self.job,
            tenant_id=self.job.tenant_id,
            kind=kind.name,
            requested=requested,
            stage=import_stage(kind.name),
            record_key=remote.xero_id,
            record_id=_local_id(ours, decision, choice),
            label=about.label[:300],
            detail=about.detail[:300],
            amount=about.amount,
            currency=self.job.connection.base_currency if about.amount is not None else "",
            choice=choice,
            clash_key=self.clash_keys.get((kind.name, remote.xero_id), "")[:300],
            xero_id=remote.xero_id,
            xero_number=kind.number(remote)[:255],
            **decision.columns(),
        )


def _local_id(ours: Ours, decision: Decision, choice: str) -> int | None:
    if ours.linked:
        return int(ours.linked.pk)
    return int(target(ours, choice).pk) if decision.outcome == Outcome.LINK else None


# --- the import itself


@dataclass
class _Made:
    """A row that changes something here, and the record of ours that it concerns."""

    row: JobRow
    remote: XeroRecord
    decision: Decision
    record: Any


def apply(job: Job, rows: Sequence[JobRow]) -> None:
    """Decide once more and do it: records, links, rows and log in one transaction. Rows are of one kind.

    Where something else got in the way at this very moment, the rows go one by one, so that only that one is touched.
    """
    try:
        with transaction.atomic(), because(f"Job {job.number}"):
            _Batch(job, rows).apply()
            reach("applying", rows[0].kind)
        reach("applied", rows[0].kind)
    except IntegrityError as error:
        if len(rows) > 1:
            for row in rows:
                apply(job, [row])
        else:
            _refused(job, rows[0], broken(error))


def _refused(job: Job, row: JobRow, rule: Broken) -> None:
    """End a row that the database would not take. What somebody else was faster with is left to a new check."""
    if words := _overtaken(rule, import_kind(row.kind)):
        state, reason, action, outcome = State.SKIPPED, "changed", "Skip", LogLine.Outcome.WARNING
    else:
        words = f"It can't be kept here: {rule.name.replace('_', ' ') or 'the database refused it'}."
        state, reason, action, outcome = State.FAILED, "not_kept", "Fail", LogLine.Outcome.FAILED
    with transaction.atomic():
        row.refresh_from_db()
        row.state, row.reason, row.message = state, reason, words
        save_rows([row])
        jobs.log(job, "import", action, row=row, outcome=outcome, message=words)


def _overtaken(rule: Broken, kind: Kind) -> str:
    """Say what somebody else did at this very moment; nothing for a rule that Xero's data itself breaks."""
    if rule.sort == Sort.REFERENCE:
        return "What it belongs to was deleted here this very moment. Check it again."
    if rule.sort != Sort.UNIQUE:
        return ""
    if rule.table in _LINKS:
        return "Somebody else has linked it, or what it was to be linked to, this very moment. Check it again."
    same = " and ".join(column.removesuffix("_id").replace("_", " ") for column in rule.columns) or "key"
    return f"Another {kind.label.lower()} of the same {same} was made here this very moment. Check it again."


#: Tables that say what belongs together.
_LINKS = {model._meta.db_table for model in (XeroLink, TaxMapping)}


class _Batch:
    """Some rows of one kind, applied together inside the caller's transaction."""

    def __init__(self, job: Job, rows: Sequence[JobRow]) -> None:
        self.job, self.rows, self.kind = job, rows, import_kind(rows[0].kind)
        self.lines: list[LogLine] = []

    def apply(self) -> None:
        mine = XeroRecord.objects.filter(tenant_id=self.job.tenant_id, kind=self.kind.name)
        remotes = {each.xero_id: each for each in mine.filter(xero_id__in=[row.xero_id for row in self.rows])}
        books = ImportBooks(self.job.connection, RunOptions(**self.job.options), for_applying=True)
        ours = _ours(self.kind, list(remotes.values()), books)
        made: list[_Made] = []
        for row in self.rows:
            remote = remotes[row.xero_id]
            decision = decide(self.kind, remote, ours[row.xero_id], books, row.choice)
            if decision.outcome in {Outcome.FAIL, Outcome.DECIDE}:
                self._end(row, State.FAILED, decision)
            elif decision.outcome == Outcome.SKIP:
                self._end(row, State.SKIPPED, decision)
            elif _differs(row, decision, ours[row.xero_id]):
                words = "Changed since the check, so it was not imported. Check it again."
                self._end(row, State.SKIPPED, Decision(Outcome.SKIP, "changed", words))
            else:
                made.append(_Made(row, remote, decision, self._record(remote, ours[row.xero_id], decision, row, books)))
        self._save(made, books)
        for each in made:
            self._done(each)
        save_rows(list(self.rows))
        insert_each(self.lines)

    def _record(self, remote: XeroRecord, ours: Ours, decision: Decision, row: JobRow, books: ImportBooks) -> Any:
        match decision.outcome:
            case Outcome.CREATE:
                return self.kind.make(remote, books)
            case Outcome.LINK:
                return target(ours, row.choice)
        self.kind.update(remote, ours.linked, books)
        return ours.linked

    def _save(self, made: Sequence[_Made], books: ImportBooks) -> None:
        new = [each for each in made if each.decision.outcome == Outcome.CREATE]
        if new:
            type(new[0].record)._default_manager.bulk_create([each.record for each in new])
        parts: dict[type[Model], list[Model]] = {}
        for each in new:
            for part in self.kind.make_parts(each.remote, each.record, books):
                parts.setdefault(type(part), []).append(part)
        for model, records in parts.items():
            model._default_manager.bulk_create(records)
        updated = [each for each in made if each.decision.outcome == Outcome.UPDATE]
        for each in updated:
            each.record.save()
        seen = {each.record.uuid: (self.kind.number(each.remote), self.kind.remember(each.record)) for each in updated}
        linking.refresh(self.job.tenant_id, self.kind.name, seen)
        links = [each for each in made if each.decision.outcome != Outcome.UPDATE]
        self.kind.save_links([(each.remote, each.record, each.decision.how or "imported") for each in links], self.job)

    def _done(self, made: _Made) -> None:
        words = {
            Outcome.CREATE: ("created", f"“{made.record}” is made here."),
            Outcome.LINK: ("linked", f"Linked to “{made.record}” ({made.decision.how})."),
            Outcome.UPDATE: ("updated", f"“{made.record}” is updated here."),
        }
        made.row.how, message = words[Outcome(made.decision.outcome)]
        made.row.record_id = made.record.pk
        self._end(made.row, State.SUCCEEDED, replace(made.decision, message=message, reason=""))

    def _end(self, row: JobRow, state: str, decision: Decision) -> None:
        row.state, row.reason, row.message = state, decision.reason, decision.message
        outcome, action = _LINES[State(state)]
        if row.warning and state == State.SUCCEEDED:
            outcome = LogLine.Outcome.WARNING
        words, action = f"{row.message} {row.warning}".strip(), row.how.capitalize() or action
        fields = jobs.line_fields("import", action, row=row, outcome=outcome, message=words)
        self.lines.append(LogLine(job=self.job, **fields))


_LINES = {
    State.SUCCEEDED: (LogLine.Outcome.OK, "Import"),
    State.FAILED: (LogLine.Outcome.FAILED, "Fail"),
    State.SKIPPED: (LogLine.Outcome.INFO, "Skip"),
}


def _differs(row: JobRow, decision: Decision, ours: Ours) -> bool:
    """Say whether a chosen record would not come as Check has shown it, or to another record of ours."""
    if not row.requested:
        return False
    if _local_id(ours, decision, row.choice) != row.record_id:
        return True
    return decision.outcome != row.outcome or [list(change) for change in decision.diff] != row.diff
