"""Real Celery workers, a dozen a second: they are forked from this process, which has imported everything.

Reads one order a line from standard input, `worker NAME`, `beat`, and answers with the pid. `--break` spoils one
guard in all that are born here (see breaks.py), to see that the checker would notice.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import django

django.setup()

import celery.beat  # noqa: E402
from celery.apps.worker import Worker  # noqa: E402, F401 - imported once, for all children

import xero_sync.engine  # noqa: E402, F401
from bmsxero.celery import app  # noqa: E402
from tests.faults import breaks  # noqa: E402

THREADS = 2


def die_with_parent() -> None:
    """Linux: even one that is frozen goes when its parent has gone."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def child(order: list[str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent()
    os.setpgid(0, 0)  # a signal to the nursery's group is not for its children
    if order[0] == "beat":
        celery.beat.Service(app, max_interval=1, scheduler_cls=celery.beat.Scheduler).start()
        return
    app.Worker(
        hostname=f"{order[1]}@soak",
        pool="threads",
        concurrency=THREADS,
        loglevel="WARNING",
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
        quiet=True,
    ).start()


def main() -> None:
    if len(sys.argv) > 1:
        breaks.BREAKS[sys.argv[1]]()
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no burial
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            try:
                child(line.split())
            finally:
                os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
