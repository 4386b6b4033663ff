"""Celery's side: a doorbell. The rows of the database say what there is to do."""

from __future__ import annotations

from celery import shared_task


@shared_task(name="xero_sync.tasks.run_job")
def run_job(job_id: int) -> None:
    from xero_sync import engine

    engine.answer(job_id)


@shared_task(name="xero_sync.tasks.sweep")
def sweep() -> None:
    from xero_sync import engine

    engine.sweep()


@shared_task(name="xero_sync.tasks.read_mirror")
def read_mirror(connection_id: int, kind: str) -> None:
    from xero_sync import mirror

    mirror.read_wanted(connection_id, kind)


@shared_task(name="xero_sync.tasks.watch")
def watch() -> None:
    from xero_sync import alerts

    alerts.watch()


@shared_task(name="xero_sync.tasks.forget_old")
def forget_old() -> None:
    from xero_sync import retention

    retention.forget()
