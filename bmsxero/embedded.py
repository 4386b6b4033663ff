"""A Celery worker and beat as threads of this process: what `demo` runs, so that one command is enough."""

from __future__ import annotations

import threading
from typing import Any

import celery.beat
import celery.worker.state
from celery.worker import WorkController

from bmsxero.celery import app


class EmbeddedWorker:
    """One per process, since Celery keeps the wish to stop in module globals."""

    def __init__(self, *, concurrency: int = 2, beat: bool = True) -> None:
        self._ready = threading.Event()
        self._worker: Any = None
        self._concurrency = concurrency
        self._beat = celery.beat.Service(app, max_interval=1, scheduler_cls=celery.beat.Scheduler) if beat else None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self._worker = WorkController(
            app=app,
            pool="threads",
            concurrency=self._concurrency,
            hostname="embedded@localhost",
            without_heartbeat=True,
            without_mingle=True,
            without_gossip=True,
            ready_callback=lambda _consumer: self._ready.set(),
        )
        self._run(self._worker.start, "worker")
        if not self._ready.wait(10):
            raise RuntimeError("The embedded worker did not start within ten seconds.")
        if beat := self._beat:
            self._run(lambda: beat.start(embedded_process=True), "beat")

    def stop(self) -> None:
        """Let the tasks at hand end, then stop."""
        if self._beat:
            self._beat.stop(wait=True)
        celery.worker.state.should_stop = 0  # type: ignore[assignment]  # 0 means stop, None means run
        self._threads[0].join(15)
        celery.worker.state.should_stop = None

    def _run(self, target: Any, name: str) -> None:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
