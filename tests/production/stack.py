"""The product as production runs it, started by the very commands of docs/operations.md."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from django.conf import settings
from django.db import connection as database

from tests.xero_sync.simulated import SimulatedXero

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = Path(sys.executable).parent
HOST = "bms.example.com"
#: What the proxy that ends TLS adds.
PROXY = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(true: Callable[[], Any], what: str, seconds: int = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.1)


def database_url(name: str = "") -> str:
    parts = database.settings_dict
    return f"postgres://{parts['USER']}@{parts['HOST']}:{parts['PORT'] or 5432}/{name or parts['NAME']}"


class Stack:
    """Processes of one installation. `stop` ends every one of them."""

    def __init__(self, xero: SimulatedXero, folder: Path) -> None:
        self.folder = folder
        self.port, self.redis_port = free_port(), free_port()
        self.running: list[subprocess.Popen[bytes]] = []
        self.http = urllib3.PoolManager(retries=False, timeout=20)
        secret = folder / "secret_key"
        secret.write_text("x8Kq-w3zP_0vR7nT5bY2mJ6hD4gF1sA9cL8eU3iO7pQ5tW2yE6rN4kM1jH9xZ0vB\n")
        self.environment = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "SITE_URL": f"https://{HOST}",
            "SECRET_KEY_FILE": str(secret),
            "FIELD_ENCRYPTION_KEYS": settings.FIELD_ENCRYPTION_KEYS[0],
            "DATABASE_URL": database_url(),
            "CELERY_BROKER_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "XERO_CLIENT_ID": settings.XERO_CLIENT_ID,
            "XERO_CLIENT_SECRET": settings.XERO_CLIENT_SECRET,
            "XERO_WEBHOOK_KEY": "webhook-key-of-the-app",
            "XERO_LEASE_SECONDS": "4",
            "XERO_SETTLE_SECONDS": "2",
            "SWEEP_SECONDS": "1",
            "BIND": f"127.0.0.1:{self.port}",
            **xero.settings(),
        }

    def run(self, *command: str, **more: str) -> str:
        """Run a command to its end, which has to be a good one."""
        told = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{len(self.running)}-{command[0]}.log").open("wb")
        process = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        log.close()
        self.running.append(process)
        return process

    def redis(self) -> subprocess.Popen[bytes]:
        options = ("--port", str(self.redis_port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
        started = self.start("redis-server", *options)
        wait_for(lambda: self.answers(self.redis_port), "Redis")
        return started

    def web(self) -> subprocess.Popen[bytes]:
        started = self.start("gunicorn", "bmsxero.wsgi")
        wait_for(lambda: self.answers(self.port) and self.get("/healthz").status == 200, "gunicorn")
        return started

    def worker(self, name: str = "one") -> subprocess.Popen[bytes]:
        return self.start(
            "celery", "-A", "bmsxero", "worker", "-P", "threads", "-c", "4", "-l", "warning", "-n", f"{name}@%h"
        )

    def beat(self) -> subprocess.Popen[bytes]:
        schedule = str(self.folder / "beat")
        return self.start("celery", "-A", "bmsxero", "beat", "-l", "warning", "--schedule", schedule, "--pidfile=")

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.http.request("GET", f"http://127.0.0.1:{self.port}{path}", headers=headers, redirect=False)

    def post(self, path: str, body: bytes, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.http.request(
            "POST", f"http://127.0.0.1:{self.port}{path}", body=body, headers=headers, redirect=False
        )

    def sign_in(self, name: str, password: str) -> dict[str, str]:
        """Sign in through the page, as a browser behind the proxy does. Return the headers that it sends after that."""
        page = self.get("/login/", **PROXY)
        cookie = page.headers["Set-Cookie"].split(";")[0]
        token = page.data.decode().split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
        form = urlencode({"csrfmiddlewaretoken": token, "username": name, "password": password}).encode()
        headers = PROXY | {"Cookie": cookie, "Referer": f"https://{HOST}/login/"}
        answer = self.post("/login/", form, **headers, **{"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 302, answer.data[:500]
        cookies = [each.split(";")[0] for each in answer.headers.getlist("Set-Cookie")]
        assert all("; Secure" in each for each in answer.headers.getlist("Set-Cookie"))
        return PROXY | {"Cookie": "; ".join(cookies)}

    @staticmethod
    def answers(port: int) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    @staticmethod
    def end(process: subprocess.Popen[bytes], number: int = signal.SIGTERM, seconds: int = 30) -> Any:
        """End a process by a signal and return how long it took."""
        start = time.monotonic()
        process.send_signal(number)
        process.wait(seconds)
        return time.monotonic() - start

    def stop(self) -> None:
        for process in reversed(self.running):
            if process.poll() is None:
                process.kill()
                process.wait(10)
