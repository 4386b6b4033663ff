"""What the top of every page tells the person who started a job: that it runs, waits for a sign-in, or how it ended.

A notice stays until its job's page, or the press of Seen. It comes with the query that finds the user, so no page
asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.fields.json import KT
from django.urls import reverse

from bmsxero.listing import Badge
from xero_sync import clock, job_words
from xero_sync.models import Job

State = Job.State
#: Ended, and something is left to mend.
TROUBLED = (State.COMPLETED_WITH_FAILURES, State.NEEDS_ATTENTION)
ENDED = Q(state__in=(*TROUBLED, State.COMPLETED, State.STOPPED), seen_at=None)
#: What a schedule does is told by mail and on Home: nobody has waited for it.
BY_HAND = Q(schedule=None) & (Q(sent_at__isnull=False) | Q(state=State.NEEDS_ATTENTION))


@dataclass(frozen=True)
class Notice:
    """The most pressing of a person's jobs, and how many others there are."""

    job: int
    badge: Badge
    more: int
    url: str
    list_url: str
    may_be_put_away: bool


def _jobs(**whose: Any) -> QuerySet[Job]:
    return Job.objects.filter(BY_HAND, ENDED | Q(state__in=Job.OPEN), **whose)


def for_users() -> dict[str, Subquery]:
    """Return what a query for users takes along."""
    mine = _jobs(created_by=OuterRef("pk")).order_by()
    pressing = Case(
        When(state__in=TROUBLED, then=Value(0)),
        When(state=State.WAITING, wait_why=Job.WaitWhy.RECONNECT, then=Value(1)),
        When(state__in=Job.OPEN, then=Value(3)),
        default=Value(2),
    )
    first: Any = mine.order_by(pressing, "-pk")
    groups: Any = mine.values("created_by").annotate(jobs=Count("pk"))
    return {
        "notice_job": Subquery(first.values("pk")[:1]),
        "notice_state": Subquery(first.values("state")[:1]),
        "notice_wait": Subquery(first.values("wait_why")[:1]),
        "notice_warnings": Subquery(first.annotate(warned=KT("counts__warnings")).values("warned")[:1]),
        "notice_number": Subquery(groups.values("jobs")),
    }


def of(user: Any, path: str) -> Notice | None:
    """Return what to tell a user who was read with `for_users`; not on the page of that very job."""
    number = getattr(user, "notice_job", None)
    if number is None:
        return None
    job = Job(
        pk=number,
        state=user.notice_state,
        wait_why=user.notice_wait,
        counts={"warnings": int(user.notice_warnings or 0)},
    )
    if path.startswith(job.get_absolute_url()):
        return None
    return Notice(
        job=number,
        badge=job_words.job_badge(job),
        more=user.notice_number - 1,
        url=job.get_absolute_url(),
        list_url=f"{reverse('xero_sync:jobs')}?who={user.pk}",
        may_be_put_away=not job.is_open,
    )


def see(user: Any, job: Job | None = None) -> None:
    """Note that a user knows how a job of theirs has ended; without one, how all have."""
    which = {"pk": job.pk} if job else {}
    Job.objects.filter(ENDED, created_by=user, **which).update(seen_at=clock.now())
