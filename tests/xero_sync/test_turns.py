"""Jobs that write to the same organisation take turns: a short one is never stuck behind a long one."""

from __future__ import annotations

import pytest

from finance.models import AccountCode
from tests.xero_sync.driving import check
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, engine, jobs
from xero_sync.models import Job, JobRow, XeroConnection
from xero_sync.outbox import TURN

pytestmark = pytest.mark.django_db


def sent(first: int, number: int) -> Job:
    """Return a job that has so many calls to make: Xero takes account codes one by one."""
    codes = [AccountCode.objects.create(code=f"T{n}", name=f"Code {n}") for n in range(first, first + number)]
    job = check({"ids": [str(code.uuid) for code in codes]}, kind="account_codes")
    assert jobs.send(job)
    return job


def left(job: Job) -> int:
    return job.rows.filter(state=JobRow.State.PENDING).count()


def test_a_long_job_gives_way_after_a_turn(connection: XeroConnection, xero: SimulatedXero) -> None:
    long, short = sent(0, TURN + 8), sent(100, 2)
    engine.run(long.pk)
    assert left(long) == 8
    assert jobs.in_line(connection, clock.now()).first() == short


def test_the_short_job_is_done_before_the_long_one_and_both_end_well(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    long, short = sent(0, 2 * TURN + 3), sent(100, 2)
    ended = []
    while job := jobs.in_line(connection, clock.now()).first():
        engine.run(job.pk)
        job.refresh_from_db()
        if job.is_ended:
            ended.append((job, job.state))
    assert ended == [(short, Job.State.COMPLETED), (long, Job.State.COMPLETED)]
    assert len(xero.calls()["calls"]) > 0


def test_two_long_jobs_take_turns(connection: XeroConnection) -> None:
    first, second = sent(0, 2 * TURN + 1), sent(100, 2 * TURN + 1)
    turns = []
    for _ in range(4):
        job = jobs.in_line(connection, clock.now())[0]
        engine.run(job.pk)
        turns.append(job)
    assert turns == [first, second, first, second]
    assert left(first) == left(second) == 1


def test_a_job_alone_goes_on_without_a_break(connection: XeroConnection) -> None:
    job = sent(0, 2 * TURN)
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.COMPLETED


def test_a_job_that_got_no_call_keeps_its_place(connection: XeroConnection, xero: SimulatedXero) -> None:
    """Its organisation's minute was used up by the other one."""
    long, short = sent(0, TURN + 1), sent(100, 1)
    engine.run(long.pk)
    xero.control("limits", minute_limit=0)
    XeroConnection.objects.update(blocked_until=clock.now() + 10 * jobs.PAUSE, blocked_why="minute")
    engine.run(short.pk)
    short.refresh_from_db()
    assert short.state == Job.State.WAITING
    later = clock.now() + 20 * jobs.PAUSE
    assert jobs.in_line(connection, later).first() == short


def test_what_waits_for_somebody_to_sign_in_is_not_in_line(connection: XeroConnection) -> None:
    waiting = sent(0, 1)
    jobs.park(waiting, clock.now() + 400 * jobs.PAUSE, "reconnect")
    assert not jobs.in_line(connection, clock.now()).exists()


def test_the_jobs_of_another_organisation_are_in_a_line_of_their_own(connection: XeroConnection) -> None:
    job = sent(0, 1)
    connection.pk = None
    connection.tenant_id = "another"
    connection.is_current = False
    connection.save()
    assert list(jobs.in_line(job.connection, clock.now())) == [job]
    assert not jobs.in_line(connection, clock.now()).exists()
