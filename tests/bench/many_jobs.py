"""Many jobs at once, as production runs them: PostgreSQL, Redis, Celery workers in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.bench.world import installation, tell

ROOT = Path(__file__).resolve().parent.parent.parent
WORKERS, THREADS = 3, 4
ORGANISATIONS, EACH, ROUNDS = 10, 100, 3
LARGE, SMALL = 10_000, 5
#: Slow enough that what is measured is the waiting for each other, not for two cores
SLOW_MS, LATENCY_MS = 2000, 500
SWEEP_SECONDS = 5


def _services_answer() -> bool:
    from tests import services

    if services.answers(services.POSTGRES) and services.answers(services.REDIS):
        return True
    tell(what="left out: PostgreSQL or Redis does not answer")
    return False


@contextmanager
def _stack(organisations: int, invoices: int, latency_ms: int) -> Iterator[Any]:
    """Yield a simulated Xero with these organisations connected, invoices to send, and workers that wait."""
    from tests import services
    from tests.faults.soak import database

    with (
        database(f"bench_{os.getpid()}") as url,
        installation(
            latency_ms=latency_ms,
            organisations=organisations,
            DATABASE_URL=url,
            CELERY_BROKER_URL=services.REDIS,
            CELERY_QUEUE=f"bench-{os.getpid()}",
            # One simulated Xero serves all ten organisations, one write after the other
            XERO_PARALLEL="1",
            XERO_SETTLE_SECONDS="20",
        ) as xero,
    ):
        from django.utils import timezone

        from finance import sample_data

        sample_data.create(sample_data.Size(max(20, invoices // 50), 20, invoices), today=timezone.localdate())
        command = [sys.executable, "-m", "celery", "-A", "bmsxero", "worker", "-P", "threads", "-c", str(THREADS)]
        workers = [subprocess.Popen([*command, "-l", "error", "-n", f"w{n}@bench"], cwd=ROOT) for n in range(WORKERS)]
        try:
            yield xero
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(120)


def _check(connection: Any, ids: Sequence[Any]) -> Any:
    """Start a check of these invoices in an organisation."""
    from xero_sync import jobs
    from xero_sync.models import XeroConnection

    XeroConnection.objects.update(is_current=False)
    XeroConnection.objects.filter(pk=connection.pk).update(is_current=True)
    return jobs.start_check("invoices", "export", {"ids": [str(each) for each in ids]}, user=None)


def _wait_for(true: Callable[[], bool], seconds: int = 900) -> None:
    """Wait, and sweep now and then as beat does."""
    from xero_sync import engine

    end = time.monotonic() + seconds
    swept = time.monotonic()
    while not true():
        if time.monotonic() > end:
            raise SystemExit("The workers did not get done.")
        if time.monotonic() > swept + SWEEP_SECONDS:
            engine.sweep()
            swept = time.monotonic()
        time.sleep(0.05)


def _are(jobs: Sequence[Any], states: Sequence[str]) -> bool:
    from xero_sync.models import Job

    return Job.objects.filter(pk__in=[job.pk for job in jobs], state__in=states).count() == len(jobs)


def _sent(jobs: Sequence[Any]) -> None:
    from xero_sync import jobs as life
    from xero_sync.models import Job

    _wait_for(lambda: _are(jobs, [Job.State.CHECKED]))
    for job in jobs:
        assert life.send(job)


def _seconds(jobs: Sequence[Any]) -> Any:
    """Return how long these jobs took on average from Send to their end, when they are over."""
    from xero_sync.models import Job

    _wait_for(lambda: _are(jobs, Job.ENDED))
    for job in jobs:
        job.refresh_from_db()
        assert job.state == Job.State.COMPLETED, job.problem
    return sum((job.finished_at - job.sent_at for job in jobs), timedelta(0)).total_seconds() / len(jobs)


def parallel() -> None:
    """Nine organisations by themselves, and beside a tenth that waits for its limit. The best of each counts."""
    if not _services_answer():
        return
    with _stack(ORGANISATIONS, ORGANISATIONS * EACH * (2 * ROUNDS + 1), SLOW_MS):
        from finance.models import Invoice
        from xero_sync import clock
        from xero_sync.models import XeroConnection

        ids = iter(Invoice.objects.order_by("id").values_list("uuid", flat=True))
        parked, *others = XeroConnection.objects.order_by("pk")
        for connection in (parked, *others):  # each reads its organisation for the first time
            _seconds_of_round([connection], ids, 2)
        alone, beside = [], []
        for _ in range(ROUNDS):
            alone.append(_seconds_of_round(others, ids, EACH))
            # As a 429 leaves it
            until = clock.now() + timedelta(hours=1)
            held = _check(parked, [next(ids) for _ in range(EACH)])
            _sent_and_blocked(held, until)
            beside.append(_seconds_of_round(others, ids, EACH))
            XeroConnection.objects.filter(pk=parked.pk).update(blocked_until=None)
        records = len(others) * EACH
        tell(what="nine organisations", records=records, wall_s=round(min(alone), 2))
        more = (min(beside) / min(alone) - 1) * 100
        tell(what=f"beside one that waits: {more:+.1f} %", records=records, wall_s=round(min(beside), 2))


def _seconds_of_round(connections: Sequence[Any], ids: Iterator[Any], number: int) -> Any:
    started = [_check(each, [next(ids) for _ in range(number)]) for each in connections]
    _sent(started)
    return _seconds(started)


def _sent_and_blocked(job: Any, until: Any) -> None:
    from xero_sync.models import Job, XeroConnection

    _wait_for(lambda: _are([job], [Job.State.CHECKED]))
    XeroConnection.objects.filter(pk=job.connection_id).update(blocked_until=until, blocked_why="minute")
    _sent([job])
    _wait_for(lambda: _are([job], [Job.State.WAITING]))


def fair() -> None:
    """Five rows by themselves, and while ten thousand of the same organisation are under way."""
    if not _services_answer():
        return
    with _stack(1, LARGE + 2 * SMALL, LATENCY_MS):
        from finance.models import Invoice
        from xero_sync import jobs
        from xero_sync.models import JobRow, XeroConnection

        ids = list(Invoice.objects.order_by("id").values_list("uuid", flat=True))
        (connection,) = XeroConnection.objects.all()
        first = _check(connection, ids[:SMALL])
        _sent([first])
        tell(what="five rows by themselves", records=SMALL, wall_s=round(_seconds([first]), 2))
        large, small = _check(connection, ids[2 * SMALL :]), _check(connection, ids[SMALL : 2 * SMALL])
        _sent([large])
        done = large.rows.filter(state=JobRow.State.SUCCEEDED, requested=True)
        _wait_for(lambda: done.count() >= 500)
        before = done.count()
        _sent([small])
        seconds = _seconds([small])
        meanwhile = done.count() - before
        tell(what=f"beside ten thousand, {meanwhile} of which went first", records=SMALL, wall_s=round(seconds, 2))
        jobs.stop(large, user=None)
        large.refresh_from_db()
        _wait_for(lambda: _are([large], ["stopped"]))
