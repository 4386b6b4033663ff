"""A fresh installation and a fresh simulated Xero for one measurement, in a process of its own."""

from __future__ import annotations

import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Everything at once and as often as one likes: what is measured is the work, not the waiting for Xero's limits.
NO_LIMITS = {"minute_limit": 1_000_000, "day_limit": 1_000_000, "concurrent_limit": 100, "app_minute_limit": 1_000_000}


@contextmanager
def installation(
    *, latency_ms: int = 0, contacts: int = 0, limits: bool = False, organisations: int = 1, **environment: str
) -> Iterator[Any]:
    """Set Django up on an empty database, start a simulated Xero, connect to it; yield the simulator."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ |= {
            "DEBUG": "1",
            "DJANGO_SETTINGS_MODULE": "bmsxero.settings",
            "DATABASE_URL": os.environ.get("BENCH_DATABASE_URL") or f"sqlite:///{folder}/bench.sqlite3",
            "LOG_LEVEL": "ERROR",
            **({} if limits else {"XERO_MINUTE_LIMIT": "1000000"}),
            **environment,
        }
        # Before Django reads its settings
        from tests.xero_sync.simulated import SimulatedXero

        xero = SimulatedXero(Path(folder))
        os.environ |= xero.settings()
        try:
            _prepare(xero, latency_ms=latency_ms, contacts=contacts, limits=limits, organisations=organisations)
            yield xero
        finally:
            xero.close()


def _prepare(xero: Any, *, latency_ms: int, contacts: int, limits: bool, organisations: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from tests.xero_sync.conftest import connect

    call_command("migrate", verbosity=0)
    names = ["Acme MSP Ltd", *(f"Books {n}" for n in range(1, organisations))]
    xero.reset(organisations=[{"name": name, "country": "GB", "contacts": contacts} for name in names])
    if not limits:
        xero.control("limits", **NO_LIMITS)
    # Else Django keeps every statement, and has SQLite write each out with its values, which production never does
    settings.DEBUG = False
    admin = User.objects.create_superuser("admin", password="admin")
    for name in names:
        connect(xero, admin, name if organisations > 1 else "")
    if latency_ms:
        xero.control("limits", latency_ms=latency_ms)


class Stopwatch:
    """Wall time and CPU of a piece of work, and the most memory that the process has had."""

    def __enter__(self) -> Stopwatch:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._wall
        self.cpu = time.process_time() - self._cpu
        self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    def figures(self, **more: Any) -> dict[str, Any]:
        return {"wall_s": round(self.wall, 2), "cpu_s": round(self.cpu, 2), "peak_mb": self.peak_mb, **more}


def tell(**figures: Any) -> None:
    """Hand figures to the process that asked for them."""
    print(f"BENCH {json.dumps(figures)}", flush=True)  # noqa: T201 - its only reader is __main__


def calls(xero: Any) -> int:
    """Return how many calls to the accounting API have come in."""
    return sum(xero.calls()["calls"].values())
