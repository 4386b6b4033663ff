"""How far a job is, from its counts alone: what the page polls for, in one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Now

from bmsxero.listing import Badge
from bmsxero.templatetags.bms import count
from xero_sync import job_words, jobs
from xero_sync.job_words import NOUNS, RowState, State
from xero_sync.models import Job, JobRow

#: A worker that has not begun after this is missing.
PATIENCE = timedelta(seconds=15)
#: A running job that wrote nothing for so long is stalled.
STALLED = timedelta(seconds=60)
#: A pace is told only after so many records and so much time.
ENOUGH, LONG_ENOUGH = 10, timedelta(seconds=5)


@dataclass(frozen=True)
class Stage:
    """One kind of record on its way."""

    label: str
    done: int
    total: int


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    badge: Badge
    headline: str
    done: int
    total: int
    numbers: list[tuple[str, int]]
    stages: list[Stage]
    #: Seconds since the job wrote anything, and until it goes on; the page counts on by itself
    quiet: int
    left: int
    activity: str
    wait_left: str
    eta: str
    every: int
    is_stalled: bool
    lacks_worker: bool
    ahead: int | None
    place: int
    #: Whether it does nothing until some time
    waits: bool
    until: datetime | None

    @property
    def spoken(self) -> str:
        """What a screen reader says now and then: the state, and how far it is."""
        how_far = f" {count(self.done)} of {count(self.total)} done." if self.total else ""
        return f"{self.badge.label}.{how_far}"

    @property
    def etag(self) -> str:
        """Stands for all that is told but the seconds, which the page counts by itself."""
        told = (self.badge, self.headline, self.done, self.numbers, self.stages, self.eta, self.every,
                self.is_stalled, self.lacks_worker, self.ahead, self.place, self.waits, self.until)  # fmt: skip
        return sha256(repr(told).encode()).hexdigest()[:20]


_DONE = jobs.OVER


def with_queue(found: QuerySet[Job]) -> QuerySet[Job]:
    """Let jobs come with the time, the job that each waits for, and its place in the queue: one query, not four."""
    mine: QuerySet[Any] = Job.objects.filter(tenant_id=OuterRef("tenant_id"), direction=Job.Direction.EXPORT)
    at_it = mine.filter(state__in=(State.RUNNING, State.STOPPING)).exclude(pk=OuterRef("pk")).order_by("pk")
    before = mine.filter(state=State.QUEUED, pk__lt=OuterRef("pk")).order_by().values("tenant_id")
    return found.annotate(
        asked_at=Now(),
        ahead=Subquery(at_it.values("pk")[:1]),
        queued_before=Coalesce(Subquery(before.annotate(number=Count("pk")).values("number")), 0),
    )


def progress(job: Any) -> Progress:
    """Return how far a job of `with_queue` is."""
    states = job_words.counts(job, "state")
    now: datetime = job.asked_at
    last = job.last_activity or job.sent_at or job.created
    quiet = max(now - last, timedelta(0))
    waits_in_line = job.state == State.QUEUED and job.direction == Job.Direction.EXPORT
    ahead = job.ahead if waits_in_line else None
    is_stalled = job.state in {State.RUNNING, State.STOPPING} and quiet > STALLED
    left = max((job.wait_until or now) - now, timedelta(0))
    return Progress(
        badge=Badge("Stalled", "warning") if is_stalled else job_words.job_badge(job),
        headline=_doing(job),
        done=sum(states.get(state, 0) for state in _DONE),
        total=(job.counts or {}).get("total", 0),
        numbers=_numbers(states),
        stages=_stages(job),
        quiet=int(quiet.total_seconds()),
        left=int(left.total_seconds()),
        activity=job_words.span(quiet),
        wait_left=job_words.span(left) if timedelta(0) < left < timedelta(days=2) else "",
        eta="" if is_stalled else _eta(job),
        every=_pause(now - (job.sent_at or job.created)),
        is_stalled=is_stalled,
        lacks_worker=ahead is None and _lacks_worker(job, quiet, now),
        ahead=ahead,
        place=job.queued_before + 1 if waits_in_line else 0,
        waits=job_words.waits_for_xero(job),
        until=job.wait_until,
    )


def _lacks_worker(job: Job, quiet: timedelta, now: datetime) -> bool:
    """Say whether a worker should have taken the job up by now."""
    if job_words.waits_for_xero(job):
        return job.wait_until is not None and job.wait_until < now - STALLED
    waits = job.state in {State.CHECKING, State.QUEUED} and not _is_taken(job, now)
    return waits and quiet > PATIENCE


def _is_taken(job: Job, now: datetime) -> bool:
    return bool(job.lease_owner) and job.lease_until is not None and job.lease_until > now


def _pause(age: timedelta) -> int:
    """Return the seconds until the page asks again: often at first, then less."""
    if age < timedelta(minutes=1):
        return 2
    return 5 if age < timedelta(minutes=5) else 10


# --- how long it takes


def _eta(job: Job) -> str:
    """Say how long the rest takes, as a range from the pace since the last long pause."""
    if job.state != State.RUNNING:
        return ""
    pace, counts = (job.counts or {}).get("pace") or {}, job.counts or {}
    gone, rest = jobs.done(counts) - pace.get("done", 0), _rest(counts)
    if not rest:
        return ""
    begun = max(filter(None, (datetime.fromisoformat(pace["since"]) if pace else None, job.started_at)), default=None)
    took = (job.last_activity - begun) if begun and job.last_activity else timedelta(0)
    if gone < ENOUGH or took < LONG_ENOUGH:
        return "Working out the time."
    if _calls_for(job, rest) > _calls_left(job):
        return "Xero's daily limit will not do for the rest of it; what is left then waits, and goes on by itself."
    return f"About {time_range(took / gone * rest)} left."


def _rest(counts: dict[str, Any]) -> int:
    shelves = (counts.get("state") or {}, *(counts.get("also") or {}).values())
    return sum(shelf.get(state, 0) for shelf in shelves for state in JobRow.OPEN)


def _calls_for(job: Job, rest: int) -> int:
    """Return how many calls the rest would take, going by those made so far; imports make none while they apply."""
    if job.direction == Job.Direction.IMPORT:
        return 0
    return job.calls * rest // max(1, jobs.done(job.counts or {}))


def _calls_left(job: Job) -> int:
    left = job.connection.day_remaining
    return left if left is not None else 1_000_000


def time_range(length: timedelta) -> str:
    """Return a guess as a range: "20-40 s", "1-2 minutes", "2-3 hours"."""
    low, high = length.total_seconds() * 3 / 4, length.total_seconds() * 3 / 2
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if high >= 1.5 * size:
            first = max(1, int(low // size))
            return f"{first}\N{EN DASH}{max(first + 1, round(high / size))} {unit}"
    tens = max(1, int(low // 10))
    return f"{tens * 10}\N{EN DASH}{max(tens + 1, round(high / 10)) * 10} s"


# --- words and numbers


def _doing(job: Job) -> str:
    match job.state:
        case State.CHECKING:
            where = "sent" if job.direction == Job.Direction.EXPORT else "imported"
            return f"Working out what would happen to the {NOUNS[job.kind][1]}. Nothing is {where} yet."
        case State.QUEUED:
            return "Queued. It starts as soon as a worker takes it up."
        case State.STOPPING:
            return "Stopping. The batch in flight still ends; the rest stays as it is."
        case State.RUNNING if job.direction == Job.Direction.IMPORT:
            return f"Importing {NOUNS[job.kind][1]}."
        case State.RUNNING:
            return f"Sending {NOUNS[job.kind][1]} to Xero."
    return ""


def _numbers(states: dict[str, int]) -> list[tuple[str, int]]:
    groups = (
        ("done", (RowState.SUCCEEDED,)),
        ("failed", (RowState.FAILED,)),
        ("skipped", (RowState.SKIPPED,)),
        ("in doubt", (RowState.UNKNOWN, RowState.NEEDS_REVIEW)),
        ("left", (RowState.PENDING, RowState.CLAIMED, RowState.SENT)),
    )
    found = [(label, sum(states.get(state, 0) for state in names)) for label, names in groups]
    return [(label, number) for label, number in found if number or label in {"done", "left"}]


def _stages(job: Job) -> list[Stage]:
    if job.sent_at is None:
        return []
    shelves: dict[str, dict[str, int]] = dict((job.counts or {}).get("also") or {})
    kinds = [*(kind for kind in NOUNS if kind in shelves and kind != job.kind), job.kind]
    made = []
    for kind in kinds:
        states = job_words.counts(job, "state") if kind == job.kind else shelves[kind]
        done = sum(states.get(state, 0) for state in _DONE)
        left = sum(states.get(state, 0) for state in JobRow.OPEN)
        made.append(Stage(NOUNS[kind][1].capitalize(), done, done + left))
    return made
