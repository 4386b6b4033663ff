"""Choose the database and the broker of a test run, before Django reads its settings.

By default SQLite and the embedded broker. With TEST_SERVICES=1 the PostgreSQL of TEST_DATABASE_URL and the
Redis of TEST_REDIS_URL; if one of the two does not answer, the run stops and says so.
"""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

import pytest

POSTGRES = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/9")
#: For tests that start processes of their own and kill them.
needs_a_run_of_its_own = pytest.mark.skipif(
    os.environ.get("TEST_WORKERS") != "1" or os.environ.get("TEST_SERVICES") != "1",
    reason="needs PostgreSQL, Redis and a run of its own: TEST_SERVICES=1 TEST_WORKERS=1, -n 0",
)


def answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), timeout=2).close()
    except OSError:
        return False
    return True


def choose() -> None:
    # The tests decide for themselves what they run with; a developer's own environment must not leak in.
    for name in list(os.environ):
        if name.startswith("XERO_") or name in {"DATABASE_URL", "CELERY_BROKER_URL", "SIMULATOR_DATABASE_URL"}:
            del os.environ[name]
    os.environ["DEBUG"] = "1"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in the thread of the test
    if os.environ.get("TEST_SERVICES") == "1":
        if missing := [url for url in (POSTGRES, REDIS) if not answers(url)]:
            raise SystemExit(f"TEST_SERVICES=1, but nothing answers at {' and '.join(missing)}")
        os.environ["DATABASE_URL"] = POSTGRES
        os.environ["CELERY_BROKER_URL"] = REDIS
        # One Redis serves all test workers: each has a queue of its own
        os.environ["CELERY_QUEUE"] = f"test-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"


if __name__ != "__main__":
    choose()


def pytest_report_header() -> str:
    if os.environ.get("TEST_SERVICES") == "1":
        return "services: PostgreSQL and Redis"
    return "services: SQLite and the embedded broker"


if __name__ == "__main__":  # `python -m tests.services`: do both answer?
    raise SystemExit(0 if answers(POSTGRES) and answers(REDIS) else 1)
