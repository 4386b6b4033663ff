"""Start a job and drive it to its end, as a worker would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from xero_sync import clock, engine, jobs
from xero_sync.models import Job, JobRow, MirrorStamp


def check(selection: dict[str, Any] | None = None, kind: str = "invoices", **overrides: Any) -> Job:
    """Start an export and let it be checked."""
    return checked(jobs.start_check(kind, "export", selection or {"all": True}, user=None, overrides=overrides))


def check_payments(**filters: Any) -> Job:
    """Start an import of all payments and let it be checked."""
    return checked(jobs.start_check("payments", "import", {"all": True, "fresh": True, "filters": filters}, user=None))


def check_these_payments(*ids: str) -> Job:
    """Start an import of payments that a person ticked one by one."""
    return checked(jobs.start_check("payments", "import", {"ids": list(ids), "fresh": True}, user=None))


def send(job: Job, slices: int = 12) -> Job:
    """Send a checked job and work on it until it ends, without waiting for what it waits for."""
    assert jobs.send(job)
    for _ in range(slices):
        engine.run(job.pk)
        job.refresh_from_db()
        if job.is_ended:
            break
    return job


def export(selection: dict[str, Any] | None = None, kind: str = "invoices", **overrides: Any) -> Job:
    return send(check(selection, kind, **overrides))


def import_payments(**filters: Any) -> Job:
    return send(check_payments(**filters))


def forget(kind: str) -> None:
    """Let our copy of a kind be old, so that the next check reads it again."""
    MirrorStamp.objects.filter(kind=kind).update(complete_at=clock.now() - timedelta(hours=1))


def outcome(job: Job) -> dict[str, tuple[str, str]]:
    """Return state and words of each requested row, by its label."""
    return {row.label: (row.state, row.message) for row in job.rows.filter(requested=True)}


def states(job: Job) -> dict[str, str]:
    return {label: state for label, (state, _) in outcome(job).items()}


def the_row(job: Job, label: str) -> JobRow:
    return job.rows.get(label=label)


def checked(job: Job) -> Job:
    """Let a job be checked."""
    engine.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.CHECKED, job.problem
    return job


def check_import(kind: str, selection: dict[str, Any] | None = None, **overrides: Any) -> Job:
    """Start an import on a fresh reading and let it be checked."""
    rule = {**(selection or {"all": True}), "fresh": True}
    return checked(jobs.start_check(kind, "import", rule, user=None, overrides=overrides))


def bring(kind: str, selection: dict[str, Any] | None = None, **overrides: Any) -> Job:
    return send(check_import(kind, selection, **overrides))


def decided(job: Job, **choices: str) -> Job:
    """Decide about rows by their labels and let the job be checked again."""
    by_key = {f"{row.kind}:{row.record_key}": choices[row.label] for row in job.rows.filter(label__in=choices)}
    assert jobs.decide(job, by_key)
    assert jobs.recheck(job)
    return checked(job)
