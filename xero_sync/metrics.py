"""How the product does, in Prometheus' text format. Read from the database, so any process answers the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bmsxero import __version__
from xero_sync import clock, limiter, pulse
from xero_sync.models import Alert, Job, JobRow, Schedule, XeroConnection, XeroRequest

#: Rows of jobs that ended longer ago are history, and counting them each quarter of a minute would cost.
WINDOW = timedelta(days=1)


def text() -> bytes:
    """Return all metrics, in a fixed number of queries."""
    registry = CollectorRegistry()
    registry.register(_Database())
    return generate_latest(registry)


class _Database(Collector):
    def describe(self) -> list[Metric]:
        return []  # else registering would collect once for nothing

    def collect(self) -> Iterator[Metric]:
        now = clock.now()
        yield _labelled("bms_info", "The version that runs.", ("version",), {(__version__,): 1})
        yield from _rows(now)
        yield from _jobs(now)
        yield from _connections(now)
        yield from _signs(now)


def _gauge(name: str, words: str, value: Any) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _labelled(name: str, words: str, labels: tuple[str, ...], values: Mapping[Any, Any]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for told, value in values.items():
        family.add_metric(told, value)
    return family


def _seconds(now: datetime, then: datetime | None) -> int:
    return max(0, int((now - then).total_seconds())) if then else 0


def _rows(now: datetime) -> Iterator[Metric]:
    recent = JobRow.objects.filter(Q(job__state__in=Job.OPEN) | Q(job__finished_at__gt=now - WINDOW))
    groups = recent.filter(job__sent_at__isnull=False).order_by().values_list("kind", "state").annotate(Count("pk"))
    yield _labelled(
        "bms_rows",
        "Rows of jobs that are open or ended within a day, by what became of them.",
        ("kind", "state"),
        {(kind, state): number for kind, state, number in groups},
    )
    doubt = XeroRequest.objects.filter(state=XeroRequest.State.UNKNOWN).aggregate(oldest=Min("sent_at"))
    yield _gauge(
        "bms_oldest_unknown_seconds", "Age of the oldest write without an answer; 0 if none.",
        _seconds(now, doubt["oldest"]),
    )  # fmt: skip
    review = JobRow.objects.filter(state=JobRow.State.NEEDS_REVIEW).count()
    yield _gauge("bms_rows_needing_review", "Rows that a person has to look at.", review)


def _jobs(now: datetime) -> Iterator[Metric]:
    groups = Job.objects.filter(state__in=(*Job.OPEN, Job.State.CHECKING)).order_by().values_list("state")
    found = dict(groups.annotate(Count("pk")))
    states = {(str(state),): found.get(state, 0) for state in (*Job.OPEN, Job.State.CHECKING)}
    yield _labelled("bms_jobs_open", "Jobs that a worker has, or will have, something to do for.", ("state",), states)
    ended = Job.objects.filter(finished_at__gt=now - WINDOW).order_by().values_list("state").annotate(Count("pk"))
    yield _labelled(
        "bms_jobs_ended", "Jobs that ended within a day, by how.", ("state",), {(str(s),): n for s, n in ended}
    )
    queued = Job.objects.filter(state=Job.State.QUEUED).aggregate(oldest=Min("last_activity"))
    yield _gauge(
        "bms_oldest_queued_seconds", "How long the first job in the queue has waited.", _seconds(now, queued["oldest"])
    )
    calls = Job.objects.filter(created__gt=now - WINDOW).aggregate(number=Sum("calls"))["number"] or 0
    yield _gauge("bms_calls_last_day", "Calls to Xero of the jobs that began within a day.", calls)


def _connections(now: datetime) -> Iterator[Metric]:
    found = list(XeroConnection.objects.filter(is_current=True).defer("access_token", "refresh_token"))
    by = ("organisation",)
    yield _labelled(
        "bms_connected",
        "Whether Xero accepts our access.",
        by,
        {(each.tenant_id,): int(each.is_connected) for each in found},
    )
    yield _labelled(
        "bms_calls_left_today", "What is left of Xero's daily limit, as Xero last said.", by,
        {(each.tenant_id,): each.day_remaining for each in found if each.day_remaining is not None},
    )  # fmt: skip
    yield _labelled(
        "bms_calls_left_this_minute", "What is left of the limit of calls a minute.", by,
        {(each.tenant_id,): limiter.left_this_minute(each, now) for each in found},
    )  # fmt: skip
    yield _labelled(
        "bms_token_age_seconds", "How long ago the access was renewed.", by,
        {(each.tenant_id,): _seconds(now, each.refreshed_at) for each in found},
    )  # fmt: skip


def _signs(now: datetime) -> Iterator[Metric]:
    times = pulse.counts()
    yield CounterMetricFamily(
        "bms_token_refresh_failures", "Renewals that failed.", value=times.get(pulse.REFRESH_FAILED, 0)
    )
    yield CounterMetricFamily("bms_webhooks", "Genuine webhooks with events.", value=times.get(pulse.WEBHOOK, 0))
    yield CounterMetricFamily(
        "bms_mail_failures", "Mails that could not be sent.", value=times.get(pulse.MAIL_FAILED, 0)
    )
    yield _gauge("bms_mail_waiting", "Mails not sent yet.", Alert.objects.filter(sent_at=None).count())
    sweep = pulse.last(pulse.SWEEP)
    # Without a first sweep there is no age: an absent series is what an alert has to look for, too
    if sweep:
        yield _gauge("bms_sweep_age_seconds", "How long ago the last sweep was.", _seconds(now, sweep))
    late = Schedule.objects.filter(is_on=True).aggregate(next=Min("next_at"))["next"]
    yield _gauge("bms_schedule_late_seconds", "How overdue the most overdue schedule is.", _seconds(now, late))
