"""What stands against the records of a job: rows grouped by reason, each cause with its fix."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Min, QuerySet
from django.urls import reverse

from bmsxero.listing import Action, Tone
from xero_sync import causes as causes_known
from xero_sync.fixes import OptionFix
from xero_sync.job_lists import fix, record_url
from xero_sync.job_words import Outcome, RowState
from xero_sync.models import JobRow

#: So many different causes are told one by one.
MOST_CAUSES = 60


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
    reason: str = ""
    #: Where help tells of it
    why_url: str = ""
    #: Templates of what mends it in place
    forms: list[str] = field(default_factory=list)
    #: Changes of the run's options that mend all of it
    options: list[OptionFix] = field(default_factory=list)


def problems(
    rows: QuerySet[JobRow],
    *,
    by: str,
    groups: dict[str, tuple[str, Tone, str]],
    in_place: Collection[str] = (),
) -> list[Problem]:
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
        reason = cause["reason"]
        title = causes_known.title(reason)
        problem = made.setdefault(
            (cause[by], cause["reason"]),
            Problem(title, label, tone, show, reason=cause["reason"], why_url=_why_url(cause["reason"])),
        )
        problem.count += cause["number"]
        problem.causes.append(_cause(cause, firsts[cause["first"]], in_place))
    order = list(groups)
    return sorted(made.values(), key=lambda each: (order.index(_group_of(each, groups)), -each.count))


def _why_url(reason: str) -> str:
    return f"{reverse('xero_sync:errors')}#{reason}" if reason in causes_known.BY_REASON else ""


def _group_of(problem: Problem, groups: dict[str, tuple[str, Tone, str]]) -> str:
    return next(name for name, (label, _, _) in groups.items() if label == problem.label)


def _cause(cause: dict[str, Any], first: JobRow, in_place: Collection[str]) -> Cause:
    found = fix(cause["fix_url"], in_place)
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
