"""Measure a simulator of its own at any size: what pages, writes, resets and reports cost it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

BATCH, LINES = 50, 5
_PAGE = 1000


class Measured:
    """A simulator in a process of its own, and what it has used."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.url = url
        self._proc = Path(f"/proc/{process.pid}")  # CPU and memory are known on Linux only
        self._http = urllib3.PoolManager(retries=False, timeout=300)
        self.headers: dict[str, str] = {}

    def control(self, what: str, **body: Any) -> Any:
        return json.loads(self.call("POST", f"control/{what}", body).data)

    def connect(self) -> None:
        tokens = self.control("token")
        self.headers = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "xero-tenant-id": tokens["tenant_id"],
            "Accept": "application/json",
        }

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, f"{self.url}/{path}", json=body, headers=self.headers)
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data[:300]!r}")
        return answer

    def api(self, method: str, path: str, body: Any = None) -> Any:
        return json.loads(self.call(method, f"api.xro/2.0/{path}", body).data)

    def cpu_ms(self) -> int:
        if not self._proc.exists():
            return 0
        used = self._proc.joinpath("stat").read_text().rpartition(")")[2].split()
        return (int(used[11]) + int(used[12])) * 1000 // os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> int:
        if not self._proc.exists():
            return 0
        [line] = [text for text in self._proc.joinpath("status").read_text().splitlines() if text.startswith("VmRSS")]
        return int(line.split()[1]) // 1024


class Command(BaseCommand):
    help = "Start a simulator of its own, fill it, and print what its calls cost."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--contacts", type=int, default=100_000)
        parser.add_argument("--items", type=int, default=5_000)
        parser.add_argument("--payments", type=int, default=5_000)
        parser.add_argument("--invoices", type=int, default=10_000, help=f"to create, {BATCH} a call")

    def handle(self, *_: Any, **options: Any) -> None:
        with started() as simulator:
            self._resets(simulator)
            sizes = {name: options[name] for name in ("contacts", "items", "payments")}
            one = {"name": "Measured", "country": "GB", **sizes}
            filled = self._measure(
                simulator, lambda _: simulator.control("reset", limits=False, organisations=[one]), 1
            )
            self._say(f"fill with {sizes}", filled, simulator)
            simulator.connect()
            small = self._measure(simulator, lambda _: simulator.api("GET", "Currencies"), 200)
            self._say("GET Currencies", small, simulator)
            self._pages(simulator, "Contacts", options["contacts"])
            self._pages(simulator, "Payments", options["payments"])
            self._say("GET Items", self._measure(simulator, lambda _: simulator.api("GET", "Items"), 1), simulator)
            self._writes(simulator, options["invoices"] // BATCH)
            for report in ("effects", "ledger", "books"):
                self._report(simulator, report)

    def _report(self, simulator: Measured, name: str) -> None:
        cost = self._measure(simulator, lambda _: simulator.call("GET", f"control/{name}"), 1)
        self._say(f"control/{name}", cost, simulator)

    def _resets(self, simulator: Measured) -> None:
        simulator.control("reset")
        self._say("reset", self._measure(simulator, lambda _: simulator.control("reset"), 20), simulator)

    def _pages(self, simulator: Measured, name: str, count: int) -> None:
        pages = max(1, count // _PAGE)
        cost = self._measure(simulator, lambda n: simulator.api("GET", f"{name}?page={n + 1}&pageSize={_PAGE}"), pages)
        self._say(f"GET {name}, {pages} pages of {_PAGE}", cost, simulator)

    def _writes(self, simulator: Measured, calls: int) -> None:
        def write(number: int) -> None:
            path = "Invoices?summarizeErrors=false&unitdp=4"
            rows = simulator.api("PUT", path, {"Invoices": [_invoice(number * BATCH + n) for n in range(BATCH)]})
            if any(row["StatusAttributeString"] != "OK" for row in rows["Invoices"]):
                raise RuntimeError(f"Refused: {rows['Invoices'][0]}")

        cost = self._measure(simulator, write, max(1, calls))
        self._say(f"PUT {BATCH} invoices of {LINES} lines, {calls} times", cost, simulator)

    def _measure(self, simulator: Measured, act: Callable[[int], Any], times: int) -> tuple[int, int, int]:
        """Return milliseconds per call: on average, of the slowest, and of the simulator's CPU."""
        before, longest, start = simulator.cpu_ms(), 0, time.perf_counter_ns()
        for number in range(times):
            begin = time.perf_counter_ns()
            act(number)
            longest = max(longest, time.perf_counter_ns() - begin)
        whole = time.perf_counter_ns() - start
        return whole // times // 1_000_000, longest // 1_000_000, (simulator.cpu_ms() - before) // times

    def _say(self, what: str, cost: tuple[int, int, int], simulator: Measured) -> None:
        average, longest, cpu = cost
        memory = simulator.memory_mb()
        self.stdout.write(f"{what}: {average} ms a call, {longest} ms at most, {cpu} ms of CPU, {memory} MB then")


@contextmanager
def started() -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DEBUG": "1", "SIMULATOR_DATABASE_URL": f"sqlite:///{folder}/measured.sqlite3"}
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run_simulator", "--port", "0"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield Measured(process, line.partition(" at ")[2].strip().rstrip("/"))
        finally:
            process.terminate()
            process.wait(10)
            if process.stdout:
                process.stdout.close()


def _invoice(number: int) -> dict[str, Any]:
    line = {"Description": "Measured", "Quantity": 1.5, "UnitAmount": 33.33, "AccountCode": "200", "ItemCode": "X-CALL"}
    return {
        "Type": "ACCREC",
        "Contact": {"Name": "Saltwick Ceramics"},
        "InvoiceNumber": f"M-{number:06}",
        "Date": "2026-11-01",
        "DueDate": "2026-11-30",
        "Status": "AUTHORISED",
        "Url": f"https://measured.example/i/{number}/",
        "LineItems": [line] * LINES,
    }
