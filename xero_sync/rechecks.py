"""After a fix on the page of a check: decide again what it touches, at once, and leave all other rows as they are.

What a fix touches grows until nothing else hangs on it: what needs it, what would be the same in Xero, what draws on
the same stock. Nothing is asked of Xero; where that would be needed, or the rows are too many for a page to wait for,
a worker checks the whole job again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Protocol

from django.db import transaction
from django.db.models import Q

from xero_sync import check, jobs, planning, record_imports, selection
from xero_sync.kinds import export_kind
from xero_sync.models import Job, JobRow, XeroRecord
from xero_sync.planning import AsksXero, Key

Outcome = JobRow.Outcome

#: So many rows are decided while a person waits; it takes less than a second.
MOST_ROWS = 300
#: What stands against a row until somebody mends it.
HELD_UP = (Outcome.FAIL, Outcome.DECIDE)
#: What planning says of a row.
_PLANNED = [
    each.name
    for each in JobRow._meta.concrete_fields
    if each.name not in {"id", "job", "tenant_id", "kind", "record_key", "state", "request"}
]


class NotAtOnce(Exception):
    """A page can't wait for it; says why."""


@dataclass
class Rechecked:
    """What a fix came to. `by_worker`: a worker checks the whole job, for this reason."""

    by_worker: str = ""
    now: Counter[str] = field(default_factory=Counter)  #: rows with another outcome than before, by the new one
    other: int = 0  #: rows that can't go for another reason than before


def after(job: Job, touched: Iterable[Key]) -> Rechecked | None:
    """Decide again what a fix touches, and all that hangs on it. None: the job has been sent meanwhile.

    Options are taken from Setup anew, and where they have changed, that touches every row.
    """
    with transaction.atomic():
        found = Job.objects.select_for_update(of=("self",)).filter(pk=job.pk, state=Job.State.CHECKED)
        mine = found.select_related("connection").first()
        if mine is None:
            return None
        try:
            with transaction.atomic():
                result = _recheck(mine, set(touched))
        except NotAtOnce as error:
            result = Rechecked(str(error))
        except AsksXero:
            result = Rechecked("That needs a look into Xero")
        if result.by_worker:
            jobs.recheck(mine)
    job.refresh_from_db()
    return result


def _recheck(job: Job, keys: set[Key]) -> Rechecked:
    renewed = jobs.renewed_options(job)
    if renewed != job.options:
        job.options = renewed
        job.save(update_fields=["options"])
        keys = set(job.rows.filter(requested=True).values_list("kind", "record_key"))
    if job.kind == "payments":
        raise NotAtOnce("Each payment counts in the balance that the next one finds")
    plan = _planned(job, keys)
    result = Rechecked()
    for key, row in plan.rows.items():
        before = plan.stored.get(key)
        if row.requested and before and row.outcome != before.outcome:
            result.now[row.outcome] += 1
        elif row.requested and before and row.outcome in HELD_UP and row.message != before.message:
            result.other += 1
    _save(plan)
    check.leave_unneeded(job)
    jobs.recount(job)
    return result


@dataclass
class _Plan:
    """Rows as they would be now, and as they are stored, of the same records."""

    rows: dict[Key, JobRow]
    stored: dict[Key, JobRow]
    decided: set[Key]  #: records that were looked at, with a row or without


def _planned(job: Job, keys: set[Key]) -> _Plan:
    """Plan the touched records together with all that hangs on them."""
    order = list(job.rows.filter(requested=True).order_by("pk").values_list("record_key", flat=True))
    place = {key: number for number, key in enumerate(order)}
    side = _Import(job) if job.direction == Job.Direction.IMPORT else _Export(job)
    while True:
        requested = sorted(side.requested(keys) & place.keys(), key=place.__getitem__)
        if len(requested) > MOST_ROWS:
            raise NotAtOnce(f"That touches more than {MOST_ROWS} records")
        # Chunk by chunk as Check did it, since the first of two that are alike wins
        chunks = [list(each) for _, each in groupby(requested, key=lambda key: place[key] // selection.CHUNK)]
        rows, needs, shared = side.plan(chunks)
        decided = {(job.kind, key) for key in requested} | needs
        plan = _Plan({(row.kind, row.record_key): row for row in rows}, _stored(job, decided), decided)
        more = (_changed_needs(plan, needs) | _alike(job, plan, keys) | shared) - keys
        if not more:
            return plan
        keys = keys | more


def _stored(job: Job, keys: Iterable[Key]) -> dict[Key, JobRow]:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for kind, key in keys:
        by_kind[kind].append(key)
    rows = [row for kind, wanted in by_kind.items() for row in job.rows.filter(kind=kind, record_key__in=wanted)]
    return {(row.kind, row.record_key): row for row in rows}


def _changed_needs(plan: _Plan, needs: set[Key]) -> set[Key]:
    """Return what others need and is decided otherwise than before: more than the touched rows may hang on it."""
    return {key for key in needs if _told(plan.rows.get(key)) != _told(plan.stored.get(key), plan.rows.get(key))}


def _told(row: JobRow | None, instead: JobRow | None = None) -> tuple[str, ...] | None:
    if row is not None and row.reason == check.NOT_NEEDED:
        row = instead  # what was decided of it is not stored; and what needed it goes nowhere
    return (row.outcome, row.reason, row.message, row.xero_id, row.clash_key) if row else None


def _alike(job: Job, plan: _Plan, keys: set[Key]) -> set[Key]:
    """Return what would be the same in Xero as one of these, now or before; and what was offered a free code.

    The first of those that are alike wins. So all that need them have to be planned, in their order.
    """
    rows = [*plan.rows.values(), *plan.stored.values()]
    found = Q(pk__in=[])
    if clashes := {row.clash_key for row in rows} - {""}:
        found |= Q(clash_key__in=clashes)
    if any(row.suggestion for row in rows):
        found |= ~Q(suggestion="")
    others = list(job.rows.filter(found).values_list("kind", "record_key", "clash_key", "suggestion"))
    alike: dict[Key, set[Key]] = defaultdict(set)
    for kind, key, clash in [*((row.kind, row.record_key, row.clash_key) for row in rows), *(o[:3] for o in others)]:
        if clash:
            alike[kind, clash].add((kind, key))
    several = {each for group in alike.values() if len(group) > 1 for each in group}
    offered = {(kind, key) for kind, key, _, suggestion in others if suggestion}
    chosen = {key for key in plan.decided if key[0] == job.kind}
    return (several | offered) - keys - chosen


def _save(plan: _Plan) -> None:
    new = []
    for key, row in plan.rows.items():
        if before := plan.stored.get(key):
            row.pk = before.pk
        else:
            new.append(row)
    gone = [row.pk for key, row in plan.stored.items() if key not in plan.rows]
    JobRow.objects.filter(pk__in=gone).delete()
    changed = [row for row in plan.rows.values() if row.pk]
    JobRow.objects.bulk_create(changed, update_conflicts=True, unique_fields=["id"], update_fields=_PLANNED)
    JobRow.objects.bulk_create(new)


class _Side(Protocol):
    """What differs between the two directions."""

    def requested(self, keys: set[Key]) -> set[str]:
        """Return the chosen records that these are, or that need one of these; maybe some that weren't chosen."""

    def plan(self, chunks: Sequence[Sequence[str]]) -> tuple[list[JobRow], set[Key], set[Key]]:
        """Return rows of chosen records, what they need, and what others share with them."""


class _Export:
    def __init__(self, job: Job) -> None:
        self.job, self.kind = job, export_kind(job.kind)

    def requested(self, keys: set[Key]) -> set[str]:
        needs: dict[str, list[str]] = defaultdict(list)
        for name, key in keys:
            needs[name].append(key)
        mine: Any = self.job.rows.filter(requested=True)
        found = {key for name, key in keys if name == self.kind.name}
        if any(name != self.kind.name for name in needs):
            records = self.kind.all_records().filter(pk__in=mine.values("record_id"))
            needing = records.filter(self.kind.needing(needs)).order_by().values_list("uuid", flat=True)
            found |= {str(uuid) for uuid in needing.distinct()}
        return found

    def plan(self, chunks: Sequence[Sequence[str]]) -> tuple[list[JobRow], set[Key], set[Key]]:
        planner = planning.Planner(self.job, self.kind)
        rows = [row for chunk in chunks for row in planner.rows(self.kind.load(chunk))]
        needs = {(name, str(uuid)) for name, uuid in planner.planned}
        return rows, needs, {("items", key) for key in planner.drawn}


class _Import:
    def __init__(self, job: Job) -> None:
        self.job = job

    def requested(self, keys: set[Key]) -> set[str]:
        rows = self.job.rows.filter(requested=True).values_list("record_key", "needs")
        needing = {key for key, needs in rows if not keys.isdisjoint((name, need) for name, need in needs)}
        return needing | {key for name, key in keys if name == self.job.kind}

    def plan(self, chunks: Sequence[Sequence[str]]) -> tuple[list[JobRow], set[Key], set[Key]]:
        planner = record_imports.Planner(self.job)
        mine = XeroRecord.objects.filter(tenant_id=self.job.tenant_id, kind=self.job.kind)
        rows = []
        for chunk in chunks:
            known = {remote.xero_id: remote for remote in mine.filter(xero_id__in=chunk)}
            rows += planner.rows([known[key] for key in chunk if key in known])
        return rows, set(planner.brought), set()
