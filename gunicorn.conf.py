"""How gunicorn serves the pages; it reads this file by itself where it is started beside it."""

import json
import logging
import os
import sys
from datetime import UTC, datetime

from gunicorn.config import Config
from gunicorn.glogging import Logger

bind = os.environ.get("BIND", "0.0.0.0:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 8
timeout = 60
graceful_timeout = 30
keepalive = 5
# Signals do all that it can, and it wants a home to write to
control_socket_disable = True
if sys.platform == "linux":
    # A worker's sign of life is a file: in memory, else a slow disk looks like a dead worker
    worker_tmp_dir = "/dev/shm"  # noqa: S108
# No access log of its own: it would write the query, which holds a code when Xero sends people back
accesslog = None


class Json(logging.Formatter):
    """Gunicorn's own lines in the form of the product's. Nothing of the product is imported here, or HUP would go on
    with its old code."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class OneForm(Logger):
    def setup(self, cfg: Config) -> None:
        super().setup(cfg)
        if os.environ.get("LOG_FORMAT", "json") == "json":
            for handler in self.error_log.handlers:
                handler.setFormatter(Json())


logger_class = OneForm
