"""What the page of one job shows, by its state: progress, what would happen, or what became of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse

from bmsxero.listing import Action, Grid, Tone
from finance.money import round_half_up
from xero_sync import check, clock, job_words, jobs
from xero_sync.job_lists import (
    CHECK_ROWS,
    CHECK_TABS,
    IMPORT_CHECK_ROWS,
    IMPORT_RESULT_ROWS,
    RESULT_ROWS,
    RESULT_TABS,
    Tab,
    fix,
    record_url,
    row_links,
)
from xero_sync.job_words import NOUNS, Outcome, RowState, State
from xero_sync.models import Job, JobRow
from xero_sync.wizard_forms import ALL, DUE

#: A worker that has not begun after this is missing.
PATIENCE = timedelta(seconds=15)
#: A running job that wrote nothing for so long is stalled.
STALLED = timedelta(seconds=60)
#: So many different causes are told one by one.
MOST_CAUSES = 60

#: The steps of the wizards that lead to a job's page.
WIZARD_STEPS: dict[tuple[str, str], tuple[str, ...]] = {
    ("invoices", Job.Direction.EXPORT): ("Load", "Select", "Options", "Check", "Result"),
    ("payments", Job.Direction.IMPORT): ("Load", "Select", "Check", "Result"),
}
#: By whether the job imports, and whether it was sent.
LISTINGS = {
    (False, False): CHECK_ROWS,
    (False, True): RESULT_ROWS,
    (True, False): IMPORT_CHECK_ROWS,
    (True, True): IMPORT_RESULT_ROWS,
}

# --- tabs and sums


@dataclass(frozen=True)
class TabLink:
    name: str
    label: str
    number: int
    is_current: bool


def _tabs(job: Job, tabs: dict[str, Tab], current: str, numbers: dict[str, int]) -> list[TabLink]:
    always = {"all", current}
    links = [TabLink(name, label, numbers.get(name, 0), name == current) for name, (label, _) in tabs.items()]
    if job.direction == Job.Direction.IMPORT:
        links = [TabLink(each.name, each.label.replace("In Xero", "Imported"), each.number, each.is_current)
                 for each in links]  # fmt: skip
    return [link for link in links if link.number or link.name in always]


def _grid(request: HttpRequest, job: Job, shown: str) -> Grid:
    sent, importing = job.sent_at is not None, job.direction == Job.Direction.IMPORT
    tabs = RESULT_TABS if sent else CHECK_TABS
    rows = JobRow.objects.filter(tabs[shown][1], job=job)
    listing = LISTINGS[importing, sent]
    return listing.grid(request, rows, decorate=row_links(job))


def _shown(request: HttpRequest, tabs: dict[str, Tab]) -> str:
    asked = request.GET.get("show", "")
    return asked if asked in tabs else "all"


def sums_by(job: Job, field_name: str) -> dict[str, dict[str, Decimal]]:
    """Add up the amounts of the chosen rows, by outcome or state, then by currency."""
    groups: Any = job.rows.filter(requested=True, amount__isnull=False).order_by().values(field_name, "currency")
    found: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for group in groups.annotate(sum=Sum("amount")).order_by("currency"):
        found[group[field_name]][group["currency"]] = round_half_up(group["sum"])
    return found


# --- problems


@dataclass
class Cause:
    """One sentence, and the rows that it holds for."""

    words: str
    number: int
    first: str
    url: str
    fix: Action | None


@dataclass
class Problem:
    """Rows that share a reason: what components/_problem.html shows."""

    title: str
    label: str
    tone: Tone
    show: str
    count: int = 0
    causes: list[Cause] = field(default_factory=list)


def problems(rows: QuerySet[JobRow], *, by: str, groups: dict[str, tuple[str, Tone, str]]) -> list[Problem]:
    """Group rows by reason, and within it by sentence, the largest first; in two queries.

    `groups` names the values of the field `by` that are problems: label, tone, and the tab that shows them.
    """
    found: Any = rows.filter(**{f"{by}__in": list(groups)}).order_by()
    causes = (
        found.values(by, "reason", "message", "fix_url")
        .annotate(number=Count("pk"), first=Min("pk"))
        .order_by("-number", "first")[:MOST_CAUSES]
    )
    firsts = {row.pk: row for row in JobRow.objects.filter(pk__in=[cause["first"] for cause in causes])}
    made: dict[tuple[str, str], Problem] = {}
    for cause in causes:
        label, tone, show = groups[cause[by]]
        title = job_words.CAUSES.get(cause["reason"], "Another cause")
        problem = made.setdefault((cause[by], cause["reason"]), Problem(title, label, tone, show))
        problem.count += cause["number"]
        problem.causes.append(_cause(cause, firsts[cause["first"]]))
    order = list(groups)
    return sorted(made.values(), key=lambda each: (order.index(_group_of(each, groups)), -each.count))


def _group_of(problem: Problem, groups: dict[str, tuple[str, Tone, str]]) -> str:
    return next(name for name, (label, _, _) in groups.items() if label == problem.label)


def _cause(cause: dict[str, Any], first: JobRow) -> Cause:
    found = fix(cause["fix_url"])
    # A link to the record's own page is named for the record
    label = f"Open {first.label}" if found and found[0] == record_url(first) else found[1] if found else ""
    return Cause(
        words=cause["message"],
        number=cause["number"],
        first=first.label,
        url=record_url(first),
        fix=Action(label, found[0]) if found else None,
    )


CHECK_PROBLEMS: dict[str, tuple[str, Tone, str]] = {
    Outcome.FAIL: ("Will fail", "danger", "fail"),
    Outcome.DECIDE: ("Needs a decision", "warning", "decide"),
}
RESULT_PROBLEMS: dict[str, tuple[str, Tone, str]] = {
    RowState.NEEDS_REVIEW: ("Needs review", "warning", "unknown"),
    RowState.UNKNOWN: ("Checking", "warning", "unknown"),
    RowState.FAILED: ("Failed", "danger", "failed"),
}


# --- check


def checked(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return what the page of a checked job shows: what sending would do, and what stands against it."""
    shown = _shown(request, CHECK_TABS)
    outcomes = job_words.counts(job, "outcome")
    numbers = {"all": (job.counts or {}).get("total", 0), **outcomes, "also": _along(job)}
    return {
        "headline": job_words.headline(job, sums_by(job, "outcome"), job.connection.name),
        "calls": check.expected_calls(job) if job.direction == Job.Direction.EXPORT else 0,
        "send_label": job_words.send_label(job),
        "can_send": job.state == State.CHECKED
        and bool(job_words.sendable(job) or job_words.also(job, *jobs.ACTIONABLE)),
        "posts": job.kind == "invoices" and job.options.get("status") == "AUTHORISED",
        "is_old": _is_old(job),
        "problems": problems(job.rows.filter(requested=True), by="outcome", groups=CHECK_PROBLEMS),
        "left_out": outcomes.get(Outcome.FAIL, 0) + outcomes.get(Outcome.DECIDE, 0),
        "tabs": _tabs(job, CHECK_TABS, shown, numbers),
        "grid": _grid(request, job, shown),
    }


def _can_send(job: Job) -> bool:
    """Say whether there is anything to send; a reversal that comes along with an import is something, too."""
    if job.state != State.CHECKED:
        return False
    along = job.direction == Job.Direction.IMPORT and job_words.also(job, *jobs.ACTIONABLE)
    return bool(job_words.sendable(job) or along)


def _is_old(job: Job) -> bool:
    return job.checked_at is not None and job.checked_at < clock.now() - jobs.CHECK_FRESHNESS


def _along(job: Job) -> int:
    """Return how many records come along; a record's outcome counts once."""
    return sum(job_words.also(job, *JobRow.Outcome.values).values())


# --- progress


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


# --- result


def result(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return what the page of a sent job shows: the truth first, then what failed and why."""
    shown = _shown(request, RESULT_TABS)
    warned = job.rows.filter(RESULT_TABS["warnings"][1]).count()
    states = job_words.counts(job, "state")
    numbers = {
        "all": (job.counts or {}).get("total", 0),
        "failed": states.get(RowState.FAILED, 0),
        "unknown": states.get(RowState.UNKNOWN, 0) + states.get(RowState.NEEDS_REVIEW, 0),
        "warnings": warned,
        "succeeded": states.get(RowState.SUCCEEDED, 0),
        "skipped": states.get(RowState.SKIPPED, 0),
        "open": sum(states.get(name, 0) for name in (*JobRow.OPEN, RowState.PLANNED) if name != RowState.UNKNOWN),
        "also": _along(job),
    }
    return {
        "headline": job_words.truth(job, warned),
        "sums": job_words.amounts(sums_by(job, "state").get(RowState.SUCCEEDED) or {}),
        "also_words": _also_made(job),
        "calm": job_words.calm(job) and not warned,
        "problems": problems(job.rows.filter(requested=True), by="state", groups=RESULT_PROBLEMS),
        "retryable": retryable(job).count() if job.is_ended else 0,
        "tabs": _tabs(job, RESULT_TABS, shown, numbers),
        "grid": _grid(request, job, shown),
    }


def retryable(job: Job) -> QuerySet[JobRow]:
    """Return the rows that a retry takes up again."""
    again = Q(state=RowState.FAILED) | Q(state=RowState.SKIPPED) & ~Q(outcome=Outcome.SKIP)
    return job.rows.filter(again, requested=True)


def _also_made(job: Job) -> str:
    made = job_words.also(job, "created", "adopted", "updated", "linked")
    return job_words.listed(job_words.noun(kind, number) for kind, number in made.items()) if made else ""


def steps(job: Job) -> dict[str, Any]:
    """Return the steps of the wizard that leads here, and which of them this is."""
    labels = WIZARD_STEPS.get((job.kind, job.direction))
    if labels is None:
        return {}
    before_sending = job.sent_at is None
    return {"steps": list(enumerate(labels, 1)), "step": len(labels) - 1 if before_sending else len(labels)}


def duration(job: Job) -> str:
    """Return how long sending took, or has taken so far; blank where nothing was sent."""
    return job_words.span((job.finished_at or clock.now()) - job.sent_at) if job.sent_at else ""


def wizard_url(job: Job) -> str:
    """Return where the job's selection was made, with the ticks as they were."""
    selection, asked = job.selection, dict(job.selection.get("filters") or {})
    match job.kind, job.direction:
        case "invoices", Job.Direction.EXPORT:
            page, asked = "export_invoices", {"load": DUE if "due_from" in asked else ALL, **asked}
        case "payments", Job.Direction.IMPORT:
            page = "import_payments"
        case _:
            return reverse("xero_sync:jobs")
    if draft := selection.get("draft"):
        return f"{reverse(f'xero_sync:{page}')}?{urlencode({**asked, 'draft': draft})}"
    return reverse(f"xero_sync:{page}")
