"""What the page of one job shows: what would happen, or what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse

from bmsxero.listing import Grid
from bmsxero.roles import who
from finance.money import round_half_up
from xero_sync import check, clock, connecting, fixes, job_links, job_words, jobs, support
from xero_sync.job_lists import (
    CHECK_ROWS,
    CHECK_TABS,
    IMPORT_CHECK_ROWS,
    IMPORT_RESULT_ROWS,
    LEAVE,
    RESULT_ROWS,
    RESULT_TABS,
    Tab,
    row_links,
)
from xero_sync.job_problems import CHECK_PROBLEMS, RESULT_PROBLEMS, Problem, problems
from xero_sync.job_words import Outcome, RowState, State
from xero_sync.models import Job, JobRow, SyncOptions
from xero_sync.wizards import wizard_of

#: For jobs with money, by kind and whether it was sent; the others have no totals to show.
LISTINGS = {
    ("invoices", False): CHECK_ROWS,
    ("invoices", True): RESULT_ROWS,
    ("payments", False): IMPORT_CHECK_ROWS,
    ("payments", True): IMPORT_RESULT_ROWS,
}
TOTALS = ("our_total", "xero_total")
#: More documents than this go to a real Xero only after a tick.
MANY = 50

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
    if job_words.is_import(job):
        links = [replace(each, label="Imported") if each.name == "succeeded" else each for each in links]
    return [link for link in links if link.number or link.name in always]


def _grid(
    request: HttpRequest, job: Job, shown: str, *, may_leave: bool = False, in_place: Collection[str] = ()
) -> Grid:
    sent = job.sent_at is not None
    tabs = RESULT_TABS if sent else CHECK_TABS
    rows = JobRow.objects.filter(tabs[shown][1], job=job)
    listing = LISTINGS.get((job.kind, sent)) or (RESULT_ROWS if sent else CHECK_ROWS).without(*TOTALS)
    if may_leave:
        listing = replace(listing, columns=(*listing.columns, LEAVE))
    return listing.grid(request, rows, decorate=row_links(job, in_place))


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


# --- check


def checked(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return what the page of a checked job shows: what sending would do, and what stands against it."""
    shown = _shown(request, CHECK_TABS)
    outcomes = job_words.counts(job, "outcome")
    numbers = {"all": (job.counts or {}).get("total", 0), **outcomes, "also": _along(job)}
    mends = who(request.user).writes
    offered = fixes.of(job) if mends else fixes.Fixes()
    found = problems(job.rows.filter(requested=True), by="outcome", groups=CHECK_PROBLEMS, in_place=offered.in_place)
    may_leave = job.state == State.CHECKED and shown != "also" and mends
    for problem in found:
        problem.options = offered.options.get(problem.reason, [])
    return {
        "headline": job_words.headline(job, sums_by(job, "outcome"), job.connection.name),
        "calls": check.expected_calls(job) if job.direction == Job.Direction.EXPORT else 0,
        "send_label": job_words.send_label(job),
        "can_send": _can_send(job),
        "consent": consent(job),
        "trial_consent": consent(job, jobs.TRIAL),
        "is_old": _is_old(job),
        "fixes": offered,
        "forms": _place(offered, found),
        "support": support.facts(job),
        "trial": jobs.trial(job) if job_words.sendable(job) > jobs.TRIAL else 0,
        "problems": found,
        "left_out": outcomes.get(Outcome.FAIL, 0) + outcomes.get(Outcome.DECIDE, 0),
        "tabs": _tabs(job, CHECK_TABS, shown, numbers),
        "may_leave": may_leave,
        "grid": _grid(request, job, shown, may_leave=may_leave, in_place=offered.in_place),
    }


def _place(offered: fixes.Fixes, found: list[Problem]) -> list[str]:
    """Put the form that mends a problem into the first one that it mends. Return the forms that belong to none."""
    left: list[str] = []
    for form, reasons in offered.forms.items():
        beside = next((each for each in found if each.reason in reasons), None)
        (beside.forms if beside else left).append(form)
    return left


def consent(job: Job, first: int | None = None) -> str:
    """Return what a person has to tick before the documents of a job are sent, or the first few."""
    if job.kind != "invoices" or job.direction != Job.Direction.EXPORT:
        return ""
    if job.options.get("status") == SyncOptions.Status.AUTHORISED:
        return "These post to the ledger"
    number = job_words.counts(job, "outcome").get(Outcome.CREATE, 0)
    if (number if first is None else min(first, number)) <= MANY or not connecting.is_real_xero():
        return ""
    return (
        f"These {job_words.noun(job.kind, number)} go to {job.connection.name} in the real Xero. "
        "They post to the ledger once somebody approves them there"
    )


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


# --- result


def result(request: HttpRequest, job: Job) -> dict[str, Any]:
    """Return what the page of a sent job shows: the truth first, then what failed and why."""
    shown = _shown(request, RESULT_TABS)
    warned = job.rows.filter(RESULT_TABS["warnings"][1]).count()
    not_reached = Q(reason__in=("stopped", jobs.LEFT_FOR_LATER))
    left = job.rows.filter(not_reached, requested=True, state=RowState.SKIPPED).count()
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
        "headline": job_words.truth(job, warned, left),
        "sums": job_words.amounts(sums_by(job, "state").get(RowState.SUCCEEDED) or {}),
        "also_words": _also_made(job),
        "calm": job_words.calm(job) and not warned,
        "problems": problems(job.rows.filter(requested=True), by="state", groups=RESULT_PROBLEMS),
        **_retry(job),
        "failed_invoices": job.kind == "invoices" and job.is_ended and numbers["failed"],
        "links": job_links.here(job),
        "next": job_links.next_steps(job),
        "support": support.facts(job),
        "list_in_xero": job_links.in_xero(job),
        "reviewable": reviewable(job).count() if job.state == Job.State.NEEDS_ATTENTION else 0,
        "tabs": _tabs(job, RESULT_TABS, shown, numbers),
        "grid": _grid(request, job, shown),
    }


def reviewable(job: Job) -> QuerySet[JobRow]:
    """Return the rows that Xero can be asked about again."""
    return job.rows.filter(state=JobRow.State.NEEDS_REVIEW, request__isnull=False)


def _retry(job: Job) -> dict[str, Any]:
    """Return how many rows a retry would take up, and what the button for it says."""
    if not job.is_ended:
        return {"retryable": 0}
    again = jobs.retryable(job)
    number, later = again.count(), again.filter(reason=jobs.LEFT_FOR_LATER).count()
    label = "Send the rest" if number == later else "Retry failed and send the rest" if later else "Retry failed only"
    return {"retryable": number, "retry_label": label}


def _also_made(job: Job) -> str:
    made = job_words.also(job, "created", "adopted", "updated", "linked")
    return job_words.listed(job_words.noun(kind, number) for kind, number in made.items()) if made else ""


def steps(job: Job) -> dict[str, Any]:
    """Return the steps of the wizard that leads here, and which of them this is."""
    wizard = wizard_of(job.kind, job.direction)
    if wizard is None:
        return {}
    before_sending = job.sent_at is None
    return {"steps": wizard.numbered_steps, "step": len(wizard.steps) - 1 if before_sending else len(wizard.steps)}


def duration(job: Job) -> str:
    """Return how long sending took, or has taken so far; blank where nothing was sent."""
    return job_words.span((job.finished_at or clock.now()) - job.sent_at) if job.sent_at else ""


def wizard_urls(job: Job) -> dict[str, str]:
    """Return where the job's selection was made, with the ticks as they were, and where its options are asked for."""
    wizard, selection = wizard_of(job.kind, job.direction), job.selection
    if wizard is None:
        return {"wizard_url": reverse("xero_sync:jobs"), "options_url": ""}
    draft = selection.get("draft") or ""
    made = wizard.address(selection.get("filters") or {}, draft=draft) if draft else wizard.url
    return {"wizard_url": made, "options_url": f"{wizard.options_url}?job={job.number}" if wizard.options_url else ""}
