"""How gunicorn serves the pages; it reads this file by itself where it is started beside it."""

import os
import sys

bind = os.environ.get("BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 60
graceful_timeout = 30
keepalive = 5
if sys.platform == "linux":
    # A worker's sign of life is a file: in memory, else a slow disk looks like a dead worker
    worker_tmp_dir = "/dev/shm"  # noqa: S108
# No access log of its own: it would write the query, which holds a code when Xero sends people back
accesslog = None
