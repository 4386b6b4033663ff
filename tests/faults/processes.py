"""Child processes that die where a test says, time that passes at once, and a queue that nobody else reads."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import kombu.pools
from django.db import connections
from django.db.models import F

from bmsxero.celery import app
from xero_sync import engine, failpoints, oauth
from xero_sync.models import Job, XeroConnection, XeroRequest


def born(act: Callable[[], object], *, failpoint: str = "", sabotage: Callable[[], None] | None = None) -> int:
    """Do something in a child process, that may die at a failpoint or have a guard broken. Return its pid."""
    connections.close_all()
    app.pool.force_close_all()
    kombu.pools.reset()
    app._after_fork()  # what is closed here is opened anew, on either side
    pid = os.fork()
    if pid:
        return pid
    try:
        oauth._http.clear()
        failpoints.arm(failpoint)
        if sabotage:
            sabotage()
        act()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def ends(pid: int) -> int:
    """Wait for a child. Return its exit code, or the negative number of the signal that killed it."""
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def freezes(pid: int) -> None:
    """Wait until a child has been stopped."""
    _, status = os.waitpid(pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), "it was to freeze, and ended"


def dies(act: Callable[[], object], failpoint: str) -> None:
    """Do something in a child that must be killed at the failpoint."""
    assert ends(born(act, failpoint=failpoint)) == -signal.SIGKILL, f"{failpoint} was not reached"


def let_time_pass(minutes: int = 10) -> None:
    """Move all our times back: leases end, doubt falls due, waits are over."""
    past = timedelta(minutes=minutes)
    XeroConnection.objects.update(
        lease_until=F("lease_until") - past, blocked_until=F("blocked_until") - past, recent_calls=[], in_flight={}
    )
    Job.objects.update(lease_until=F("lease_until") - past, wait_until=F("wait_until") - past)
    XeroRequest.objects.update(
        lease_until=F("lease_until") - past, due_at=F("due_at") - past, sent_at=F("sent_at") - past,
        created=F("created") - past,
    )  # fmt: skip


def until_it_ends(job: Job, slices: int = 20) -> Job:
    """Let sweeps take the job up, slice after slice, while time passes."""
    for _ in range(slices):
        job.refresh_from_db()
        if job.is_ended:
            return job
        let_time_pass()
        assert job.pk in engine.sweep(), f"no sweep finds {job}, {job.state}"
        engine.run(job.pk)
    raise AssertionError(f"{job} does not end: {job.state}, {list(job.rows.values_list('label', 'state', 'message'))}")


@contextmanager
def own_queue(name: str) -> Iterator[None]:
    """Ring in a queue of our own: a worker that another test left in this process must not answer."""
    before = app.conf.task_default_queue
    app.conf.task_default_queue = name
    app.__dict__.pop("amqp", None)
    try:
        yield
    finally:
        app.conf.task_default_queue = before
        app.__dict__.pop("amqp", None)


@contextmanager
def own_broker(url: str) -> Iterator[None]:
    """Ring at another broker, with the haste of the settings."""
    before = app.conf.broker_url
    _ring_at(url)
    try:
        yield
    finally:
        _ring_at(before)


def _ring_at(url: str) -> None:
    app.conf.broker_url = app.conf.broker_write_url = app.conf.broker_read_url = url
    app.pool.force_close_all()
    kombu.pools.reset()
    app._after_fork()
    app.__dict__.pop("amqp", None)


def wait_for(true: Callable[[], bool], seconds: int = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
