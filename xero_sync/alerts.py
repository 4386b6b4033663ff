"""Mail to finance admins, once for each thing: a job failed, somebody must sign in again, a connection will die.

What is to be told is written down first and sent after that, so that a mail server that is away delays mail and
loses none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage
from django.db.models import Q
from django.urls import reverse

from bmsxero.roles import Role
from xero_sync import clock, job_words, jobs, pulse
from xero_sync.models import Alert, Job, JobRow, XeroConnection
from xero_sync.standing import REFRESH_LIFETIME

logger = logging.getLogger(__name__)

#: So many days before a connection would end for want of use.
WARNINGS = (14, 7, 2)
#: Older failures are history: switching mail on tells nobody of last year.
RECENT = timedelta(days=2)
#: A mail whose sender died is sent by another after this.
PATIENCE = timedelta(minutes=10)
TROUBLED = (Job.State.COMPLETED_WITH_FAILURES, Job.State.NEEDS_ATTENTION)


@dataclass(frozen=True)
class News:
    """Something to tell, and what makes it the same as something told before."""

    key: str
    subject: str
    body: str


def watch() -> int:
    """Tell what has to be told, where mail is switched on. Return how many mails went out."""
    if not settings.ALERTS:
        return 0
    _write_down([*_jobs(), *_reconnects(), *_dying()])
    return _send_open()


def _write_down(news: Sequence[News]) -> None:
    known = set(Alert.objects.filter(key__in=[each.key for each in news]).values_list("key", flat=True))
    now = clock.now()
    Alert.objects.bulk_create(
        (
            Alert(key=each.key, subject=each.subject[:200], body=each.body, created=now)
            for each in news
            if each.key not in known
        ),
        ignore_conflicts=True,  # another process has found the same
    )


def recipients() -> list[str]:
    """Return the addresses of the finance admins that have one."""
    admins = User.objects.filter(Q(groups__name=Role.ADMIN) | Q(is_superuser=True), is_active=True)
    return sorted(set(admins.exclude(email="").values_list("email", flat=True)))


def _send_open() -> int:
    to = recipients()
    if not to:
        return 0
    sent = 0
    free = Q(claimed_at=None) | Q(claimed_at__lt=clock.now() - PATIENCE)
    for alert in Alert.objects.filter(free, sent_at=None).order_by("pk"):
        if not Alert.objects.filter(free, pk=alert.pk, sent_at=None).update(claimed_at=clock.now()):
            continue
        try:
            EmailMessage(f"[BMS Finance] {alert.subject}", alert.body, to=to).send()
        except (SMTPException, OSError) as error:
            pulse.beat(pulse.MAIL_FAILED)
            logger.warning("mail %s could not be sent, it will be tried again: %s", alert.pk, error)
            return sent
        Alert.objects.filter(pk=alert.pk).update(sent_at=clock.now())
        sent += 1
    return sent


def _jobs() -> Iterator[News]:
    # A person who checks sees on the page what went wrong; whoever has sent, or a schedule, may be away
    unseen = Q(sent_at__isnull=False) | Q(schedule__isnull=False)
    ended = Job.objects.filter(unseen, state__in=TROUBLED, finished_at__gt=clock.now() - RECENT)
    for job in ended.select_related("schedule", "connection").order_by("pk"):
        if not _is_told_already(job):
            yield News(f"job:{job.pk}:{job.finished_at:%Y%m%d%H%M%S}", *_words_of(job))


def _is_told_already(job: Job) -> bool:
    """A schedule meets the same trouble again and again: it is told once, until it changes."""
    if job.schedule is None:
        return False
    before = job.schedule.jobs.filter(pk__lt=job.pk, state__in=Job.ENDED).exclude(state=Job.State.EXPIRED).first()
    return before is not None and before.state in TROUBLED and _trouble(before) == _trouble(job)


def _trouble(job: Job) -> tuple[str, set[tuple[str, str]]]:
    bad = job.rows.filter(state__in=(JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW))
    # An error's id differs each time
    problem = job.problem.replace(job.error_id, "") if job.error_id else job.problem
    return problem, set(bad.values_list("record_key", "reason"))


def _words_of(job: Job) -> tuple[str, str]:
    title = job_words.title(job)
    state = Job.State(job.state).label.lower()
    lines = [
        f"{title} in {job.connection.name}: {state}.",
        job.problem or f"{jobs.summary(job).capitalize()}.",
        "What failed, why, and how to mend it:",
        f"{settings.SITE_URL}{job.get_absolute_url()}",
    ]
    if job.schedule:
        lines.append("It runs by schedule. While the same records fail in the same way, there is no further mail.")
    return f"Job {job.number} {state}: {title}", "\n\n".join(lines)


def _current() -> Iterator[XeroConnection]:
    yield from XeroConnection.objects.filter(is_current=True).defer("access_token", "refresh_token")


def _setup() -> str:
    return f"{settings.SITE_URL}{reverse('xero_sync:setup')}"


def _reconnects() -> Iterator[News]:
    for connection in _current():
        if connection.state == XeroConnection.State.RECONNECT:
            body = (
                f"Xero no longer accepts our access to {connection}. Links and history are safe, and jobs that wait go "
                f"on by themselves once a finance admin has signed in again:\n\n{_setup()}"
            )
            yield News(_key("reconnect", connection), f"{connection}: Xero needs somebody to sign in again", body)


def _dying() -> Iterator[News]:
    for connection in _current():
        if not connection.is_connected or connection.refreshed_at is None:
            continue
        end = connection.refreshed_at + REFRESH_LIFETIME
        left = max(0, -((clock.now() - end) // timedelta(days=1)))  # a day that has begun counts
        if days := [limit for limit in WARNINGS if left <= limit]:
            body = (
                f"The access to {connection} renews itself while the sweep runs. It has not been renewed since "
                f"{connection.refreshed_at:%d %B %Y}, and Xero will forget it in {left} days. See whether beat "
                f"or cron runs; connecting again helps at once:\n\n{_setup()}"
            )
            yield News(f"{_key('dying', connection)}:{min(days)}", f"{connection}: access ends in {left} days", body)


def _key(what: str, connection: XeroConnection) -> str:
    # Renewed or signed in again: then it is news once more
    renewed = f"{connection.refreshed_at:%Y%m%d%H%M%S}" if connection.refreshed_at else "never"
    return f"{what}:{connection.pk}:{renewed}"


def note_late_sweep() -> None:
    """Write down that neither beat nor cron runs; whoever noticed it sweeps right after, so it is told this way."""
    since = pulse.last(pulse.SWEEP)
    if since is None or not settings.ALERTS:
        return
    body = (
        f"Nothing had swept since {since:%Y-%m-%d %H:%M} UTC, until somebody opened a page: neither beat nor cron "
        "seems to run. Jobs that wait do not go on by themselves, and schedules do not start. Start beat, or call "
        "xero_sweep from cron."
    )
    _write_down([News(f"late:{since:%Y%m%d%H%M%S}", "The sweep is late", body)])
