"""How far a job is, from its counts alone: what the page polls for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from xero_sync import clock, job_words
from xero_sync.job_words import NOUNS, RowState, State
from xero_sync.models import Job, JobRow

#: A worker that has not begun after this is missing.
PATIENCE = timedelta(seconds=15)
#: A running job that wrote nothing for so long is stalled.
STALLED = timedelta(seconds=60)


@dataclass(frozen=True)
class Stage:
    """One kind of record on its way."""

    label: str
    done: int
    total: int


@dataclass(frozen=True)
class Progress:
    """How far a job is, from its counts alone: polling makes no query of its own."""

    headline: str
    done: int
    total: int
    numbers: list[tuple[str, int]]
    stages: list[Stage]
    activity: str
    wait_left: str
    every: int
    is_stalled: bool
    lacks_worker: bool
    ahead: int | None


_DONE = (RowState.SUCCEEDED, RowState.FAILED, RowState.SKIPPED, RowState.NEEDS_REVIEW)


def progress(job: Job) -> Progress:
    """Return how far the job is."""
    states = job_words.counts(job, "state")
    now = clock.now()
    last = job.last_activity or job.sent_at or job.created
    quiet = now - last
    ahead = _ahead(job) if job.state == State.QUEUED else None
    return Progress(
        headline=_doing(job),
        done=sum(states.get(state, 0) for state in _DONE),
        total=(job.counts or {}).get("total", 0),
        numbers=_numbers(states),
        stages=_stages(job),
        activity=job_words.span(quiet),
        wait_left=_wait_left(job, now),
        every=_pause(now - (job.sent_at or job.created)),
        is_stalled=job.state in {State.RUNNING, State.STOPPING} and quiet > STALLED,
        lacks_worker=ahead is None and _lacks_worker(job, quiet, now),
        ahead=ahead,
    )


def _lacks_worker(job: Job, quiet: timedelta, now: datetime) -> bool:
    """Say whether a worker should have taken the job up by now."""
    if job.state == State.WAITING:
        return job.wait_until is not None and job.wait_until < now - STALLED
    waits = job.state in {State.CHECKING, State.QUEUED} and not _is_taken(job, now)
    return waits and quiet > PATIENCE


def _wait_left(job: Job, now: datetime) -> str:
    """Return how long the job still waits; blank where nobody can tell."""
    left = job.wait_until - now if job.wait_until else timedelta(0)
    return job_words.span(left) if timedelta(0) < left < timedelta(days=2) else ""


def _is_taken(job: Job, now: datetime) -> bool:
    return bool(job.lease_owner) and job.lease_until is not None and job.lease_until > now


def _ahead(job: Job) -> int | None:
    """Return the job that this one waits for: one at a time writes to an organisation."""
    if job.direction == Job.Direction.IMPORT:
        return None
    others = Job.objects.filter(
        tenant_id=job.tenant_id, direction=Job.Direction.EXPORT, state__in=(State.RUNNING, State.STOPPING)
    )
    return others.exclude(pk=job.pk).values_list("pk", flat=True).first()


def _pause(age: timedelta) -> int:
    """Return the seconds until the page asks again: often at first, then less."""
    if age < timedelta(minutes=1):
        return 2
    return 5 if age < timedelta(minutes=5) else 10


def _doing(job: Job) -> str:
    match job.state:
        case State.CHECKING:
            return f"Working out what would happen to the {NOUNS[job.kind][1]}. Nothing is sent."
        case State.QUEUED:
            return "Queued. It starts as soon as a worker takes it up."
        case State.STOPPING:
            return "Stopping. The batch in flight still ends; the rest stays here."
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
