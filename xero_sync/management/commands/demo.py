"""Everything in one process: pages, worker, sweep and the simulated Xero, with sample data."""

from __future__ import annotations

import signal
import sys
import threading
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from types import FrameType
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, build_opener

import waitress
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.wsgi import get_wsgi_application

from bmsxero.embedded import EmbeddedWorker
from crm.models import Account
from xero_sync import credentials, engine, first_run
from xero_sync.models import XeroConnection

#: The simulated Xero is served here, too, and pages wait for its answers: two threads for each of its calls.
THREADS = 16


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--host", default="localhost")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SIMULATOR:
            raise CommandError("demo is for the simulated Xero: it needs DEBUG=1 and no XERO_CLIENT_ID.")
        server = self._bind(options["host"], options["port"])
        # For commands on the sample installation: the simulated Xero is where the pages are
        (settings.VAR / "demo.port").write_text(str(options["port"]))
        call_command("migrate", verbosity=0)
        call_command("migrate", database="simulator", verbosity=0)
        call_command("seed_simulator", "--problems")
        credentials.remember()
        if not Account.objects.exists():
            self.stdout.write(first_run.add_sample_data())
        settings.DEBUG = False  # else Django keeps every query in memory
        # Only after the port is ours: a second demo must not take up the jobs of the first
        worker = EmbeddedWorker()
        worker.start()
        engine.sweep()
        if not XeroConnection.objects.exists():
            threading.Thread(target=self._connect, name="connect", daemon=True).start()
        self._serve(server, worker)

    def _bind(self, host: str, port: int) -> Any:
        try:
            return waitress.create_server(
                get_wsgi_application(), host=host, port=port, threads=THREADS, clear_untrusted_proxy_headers=True
            )
        except OSError as error:
            raise CommandError(f"Port {port} can't be used ({error.strerror}). Try: --port {port + 1}") from None

    def _serve(self, server: Any, worker: EmbeddedWorker) -> None:
        signal.signal(signal.SIGTERM, _stop)
        self.stdout.write(
            f"\nBMS Finance is at {settings.SITE_URL}\n"
            f"First steps: {settings.SITE_URL}/welcome/\n"
            "Sign in as finance, admin, support or viewer; the password is the name.\n"
            f"After a lost answer Xero is asked again after {settings.XERO_SETTLE_SECONDS} s. Ctrl-C ends everything.\n"
        )
        self.stdout.flush()
        try:
            server.run()
        except KeyboardInterrupt:
            pass
        finally:
            self.stdout.write("Stopping …")
            server.close()
            worker.stop()

    def _connect(self) -> None:
        """Connect the simulated Xero the first time, by the very pages that a person would click through."""
        try:
            name = Visitor(settings.SITE_URL).connect()
        except (URLError, LookupError) as error:
            self.stderr.write(
                f"The simulated Xero could not be connected ({error}). Connect it at Finance > Xero > Setup."
            )
        else:
            self.stdout.write(f"Connected to {name} (simulated).")


class Visitor:
    """A browser without a window: keeps cookies, follows redirects, fills in forms."""

    def __init__(self, site: str) -> None:
        self.site = site
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))

    def connect(self) -> str:
        """Sign in as admin, press Connect to Xero and Allow access. Return the organisation's name."""
        self._submit("/login/", username="admin", password="admin")  # noqa: S106 - the sample user
        here, page = self._submit("/finance/xero/setup/", action="/finance/xero/connect/")
        self._submit(here, page=page, decision="allow")
        connection = XeroConnection.objects.get(is_current=True)
        return connection.name

    def _submit(self, path: str, *, action: str = "", page: str = "", **fields: str) -> tuple[str, str]:
        address = urljoin(self.site, path)
        form = _Form(page or self._read(address)[1])
        body = urlencode({**form.fields, **fields}).encode()
        return self._read(urljoin(address, action) if action else address, body)

    def _read(self, address: str, body: bytes | None = None) -> tuple[str, str]:
        self._opener.addheaders = [("Referer", address)]
        with self._opener.open(address, body, timeout=30) as answer:
            return answer.url, answer.read().decode()


class _Form(HTMLParser):
    """The fields that a page sends by itself: hidden ones and what is ticked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input" and (found.get("type") == "hidden" or "checked" in found) and (name := found.get("name")):
            self.fields[name] = found.get("value") or ""


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
