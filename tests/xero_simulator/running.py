"""The simulator as a process of its own, called over real HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import urllib3

ROOT = Path(__file__).resolve().parent.parent.parent
http = urllib3.PoolManager(retries=False, timeout=10, maxsize=8)


class Child:
    """A simulator on its own port, connected to the first organisation."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "DEBUG": "1", "SIMULATOR_DATABASE_URL": f"sqlite:///{folder / 'sim.sqlite3'}"}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run_simulator", "--port", "0"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.said = self.process.stdout.readline()
        self.url = self.said.split(" at ")[1].strip().rstrip("/")
        self.connect()

    def connect(self) -> None:
        tokens = self.control("token")
        self.headers = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "xero-tenant-id": tokens["tenant_id"],
            "Accept": "application/json",
        }

    def control(self, what: str, **body: Any) -> Any:
        return json.loads(http.request("POST", f"{self.url}/control/{what}", json=body).data)

    def ledger(self) -> Any:
        return json.loads(http.request("GET", f"{self.url}/control/ledger").data)

    def get(self, path: str, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return http.request("GET", f"{self.url}/api.xro/2.0/{path}", headers={**self.headers, **named})

    def order(self, what: str, **settings: Any) -> None:
        """Order one fault and forget those before."""
        self.control("faults", clear=True, faults=[{"what": what, **settings}])

    def put_contact(self, name: str, **headers: str) -> Any:
        url = f"{self.url}/api.xro/2.0/Contacts?summarizeErrors=false"
        return http.request("PUT", url, json={"Contacts": [{"Name": name}]}, headers={**self.headers, **headers})

    def at_once(self, count: int, act: Any) -> list[Any]:
        answers: list[Any] = []
        threads = [threading.Thread(target=lambda: answers.append(act())) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        code = self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()
        return code
