"""What is forgotten after a while, so that the database does not grow for ever.

Never forgotten: links and deep links, jobs that were sent, their rows and counts, and whatever is in doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet

from xero_sync import clock
from xero_sync.models import Alert, Draft, Job, JobRow, LogLine, WebhookEvent, XeroRequest

#: A schedule may run a hundred times a day and find nothing; a week of that is enough to see that it runs.
EMPTY_RUN_DAYS = 7
#: So many rows at a time: nobody waits long for a lock.
CHUNK = 2000

Forget = Callable[[QuerySet[Any]], int]


def forget(*, only_count: bool = False) -> dict[str, int]:
    """Forget what is older than the settings allow. Return how many of each were, or would be, forgotten."""
    now = clock.now()
    done: dict[str, int] = {}
    for name, days, old, act in _rules():
        if days:
            found = old(now - timedelta(days=days))
            done[name] = found.count() if only_count else _in_chunks(found, act)
    return done


def _rules() -> list[tuple[str, int, Callable[[datetime], QuerySet[Any]], Forget]]:
    return [
        ("bodies and answers of requests", settings.KEEP_PAYLOADS_DAYS, payloads, _blank),
        ("lines of transaction logs", settings.KEEP_LOGS_DAYS, log_lines, _delete),
        ("checks never sent", settings.KEEP_CHECKS_DAYS, checks, _delete),
        ("scheduled jobs that found nothing to do", settings.KEEP_CHECKS_DAYS and EMPTY_RUN_DAYS, empty_runs, _delete),
        ("selections never checked", settings.KEEP_CHECKS_DAYS, _drafts, _delete),
        ("events from Xero", settings.KEEP_EVENTS_DAYS, _events, _delete),
        ("mails sent", settings.KEEP_LOGS_DAYS, _alerts, _delete),
        ("sessions that are over", 1, lambda _: Session.objects.filter(expire_date__lt=clock.now()), _delete),
    ]


def payloads(before: datetime) -> QuerySet[XeroRequest]:
    """Return the requests whose bytes may go: answered, of jobs long over, with no row in doubt. What was sent is
    proved by its hash, which stays."""
    doubt = JobRow.objects.filter(request=OuterRef("pk"), state__in=JobRow.HELD)
    ended = XeroRequest.objects.filter(
        state=XeroRequest.State.DONE, job__state__in=Job.ENDED, job__finished_at__lt=before
    )
    return ended.filter(~Exists(doubt)).exclude(Q(body=b"") & Q(answer=""))


def log_lines(before: datetime) -> QuerySet[LogLine]:
    """Return the log lines of jobs long over in which nothing is in doubt."""
    return LogLine.objects.filter(job__in=_settled().filter(finished_at__lt=before))


def checks(before: datetime) -> QuerySet[Job]:
    """Return the checks that nobody sent, unless another job came of them."""
    return Job.objects.filter(
        ~Exists(Job.objects.filter(retry_of=OuterRef("pk"))),
        Q(state=Job.State.EXPIRED) | Q(state=Job.State.NEEDS_ATTENTION),
        sent_at=None,
        finished_at__lt=before,
    )


def empty_runs(before: datetime) -> QuerySet[Job]:
    """Return the scheduled jobs that went through with not one row."""
    return Job.objects.filter(
        ~Exists(JobRow.objects.filter(job=OuterRef("pk"))),
        ~Exists(Job.objects.filter(retry_of=OuterRef("pk"))),
        state=Job.State.COMPLETED,
        schedule__isnull=False,
        finished_at__lt=before,
    )


def _settled() -> QuerySet[Job]:
    doubt = JobRow.objects.filter(job=OuterRef("pk"), state__in=JobRow.HELD)
    return Job.objects.filter(~Exists(doubt), state__in=Job.ENDED)


def _drafts(before: datetime) -> QuerySet[Draft]:
    return Draft.objects.filter(created__lt=before)


def _events(before: datetime) -> QuerySet[WebhookEvent]:
    return WebhookEvent.objects.filter(received_at__lt=before)


def _alerts(before: datetime) -> QuerySet[Alert]:
    return Alert.objects.filter(sent_at__lt=before)


def _blank(requests: QuerySet[XeroRequest]) -> int:
    return requests.update(body=b"", answer="")


def _delete(rows: QuerySet[Any]) -> int:
    number = rows.count()
    rows.delete()
    return number


def _in_chunks(found: QuerySet[Any], act: Forget) -> int:
    done = 0
    while keys := list(found.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        done += act(found.model._default_manager.filter(pk__in=keys))
    return done
