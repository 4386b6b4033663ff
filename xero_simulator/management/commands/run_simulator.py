from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Any

import waitress
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.core.wsgi import get_wsgi_application
from django.db import connections

from xero_simulator import seed
from xero_simulator.router import ALIAS, APP


class Command(BaseCommand):
    help = "Serve the simulated Xero alone, on a host and port of its own."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
        parser.add_argument("--database", type=Path, help="SQLite file, instead of SIMULATOR_DATABASE_URL")
        parser.add_argument("--threads", type=int, default=12)

    def handle(self, *_: Any, **given: Any) -> None:
        if given["database"]:
            connections[ALIAS].settings_dict["NAME"] = str(given["database"].resolve())
        # Effects must outlive a killed process, and do; a power cut they need not.
        options: dict[str, Any] = connections[ALIAS].settings_dict["OPTIONS"]
        options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
        # Else every call opens the file anew, and the last to leave tidies it up.
        connections[ALIAS].settings_dict["CONN_MAX_AGE"] = None
        # Our own product is not served here, and its middleware would look for users and sessions.
        settings.ROOT_URLCONF = "xero_simulator.standalone"
        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if not name.startswith(PRODUCT_ONLY)]
        settings.DEBUG = False  # else Django keeps every query in memory
        call_command("migrate", APP, database=ALIAS, verbosity=0)
        seed.seed()
        self._serve(given["host"], given["port"], given["threads"])

    def _serve(self, host: str, port: int, threads: int) -> None:
        server = waitress.create_server(
            get_wsgi_application(), host=host, port=port, threads=threads, clear_untrusted_proxy_headers=True
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        self.stdout.write(f"Simulated Xero at http://{host}:{server.effective_port}/sim/xero/")
        self.stdout.flush()
        try:
            server.run()
        finally:
            server.close()


PRODUCT_ONLY = (
    "bmsxero.compression",
    "django.contrib.sessions",
    "django.contrib.auth",
    "django.contrib.messages",
    "django_htmx",
)


def _stop(_number: int, _frame: FrameType | None) -> None:
    # waitress ends its loop on this, and lets the calls at hand finish.
    raise SystemExit(0)
