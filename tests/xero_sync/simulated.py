"""The simulated Xero as a process of its own, and what a person does there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import urllib3

ROOT = Path(__file__).resolve().parent.parent.parent
http = urllib3.PoolManager(retries=False, timeout=20)


class SimulatedXero:
    """Started once per test worker; `reset` makes it new."""

    def __init__(self, folder: Path) -> None:
        environment = {
            **os.environ,
            "DEBUG": "1",
            "DJANGO_SETTINGS_MODULE": "bmsxero.settings",
            "DATABASE_URL": f"sqlite:///{folder / 'unused.sqlite3'}",
            "SIMULATOR_DATABASE_URL": f"sqlite:///{folder / 'simulator.sqlite3'}",
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "run_simulator", "--port", "0"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert "at http" in line, f"the simulator did not start: {line}"
        self.url = line.split(" at ")[1].strip().rstrip("/")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout:
            self.process.stdout.close()

    def settings(self) -> dict[str, str]:
        """Return the product's settings that point at this simulator."""
        return {
            "XERO_AUTHORIZE_URL": f"{self.url}/identity/connect/authorize",
            "XERO_TOKEN_URL": f"{self.url}/connect/token",
            "XERO_REVOKE_URL": f"{self.url}/connect/revocation",
            "XERO_CONNECTIONS_URL": f"{self.url}/connections",
            "XERO_API_URL": f"{self.url}/api.xro/2.0",
            "XERO_APP_URL": f"{self.url}/app",
        }

    def control(self, what: str, **body: Any) -> Any:
        answer = http.request("POST", f"{self.url}/control/{what}", json=body)
        assert answer.status < 300, (what, answer.status, answer.data[:500])
        return json.loads(answer.data) if answer.data else None

    def reset(self, **body: Any) -> None:
        self.control("reset", **body)

    def ledger(self) -> list[dict[str, Any]]:
        return json.loads(http.request("GET", f"{self.url}/control/ledger").data)["writes"]

    def books(self, organisation: str = "") -> dict[str, list[dict[str, Any]]]:
        """Return what an organisation holds, the first if none is named."""
        fields = {"organisation": organisation} if organisation else None
        return json.loads(http.request("GET", f"{self.url}/control/books", fields=fields).data, parse_float=Decimal)

    def invoices(self) -> list[dict[str, Any]]:
        return self.books()["invoices"]

    def fault(self, what: str, **match: Any) -> None:
        """Order a fault for a call to come; `method`, `endpoint`, `nth` and `times` say which."""
        self.control("faults", faults=[{"what": what, **match}])

    def calls(self) -> dict[str, Any]:
        report = json.loads(http.request("GET", f"{self.url}/control/ledger").data)
        return {name: value for name, value in report.items() if name != "writes"}

    # --- another program, or the accountant's own: reads and writes that don't count as ours

    def read(self, endpoint: str, organisation: str = "", **params: str) -> list[dict[str, Any]]:
        """Return what the API lists, all fields, as another app sees it."""
        answer = self._as_other("GET", endpoint, organisation, fields=params)
        return json.loads(answer.data, parse_float=Decimal)[endpoint.split("/", maxsplit=1)[0]]

    def write(self, endpoint: str, *elements: dict[str, Any], method: str = "PUT", organisation: str = "") -> Any:
        """Create (PUT) or change (POST) records as another app does; the answer's elements come in the order sent."""
        bare = endpoint == "Accounts" and method == "PUT"
        body = elements[0] if bare else {endpoint.split("/", maxsplit=1)[0]: list(elements)}
        answer = self._as_other(method, endpoint + "?summarizeErrors=false&unitdp=4", organisation, json=body)
        found = json.loads(answer.data)[endpoint.split("/", maxsplit=1)[0]]
        assert not [each for each in found if each.get("ValidationErrors")], found
        return found

    def _as_other(self, method: str, path: str, organisation: str, **sent: Any) -> Any:
        tokens = self.control("token", **({"organisation": organisation} if organisation else {}))
        headers = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "xero-tenant-id": tokens["tenant_id"],
            "Accept": "application/json",
        }
        answer = http.request(method, f"{self.url}/api.xro/2.0/{path}", headers=headers, **sent)
        assert answer.status == 200, (path, answer.status, answer.data[:800])
        return answer

    def allow(self, url: str, organisation: str = "", decision: str = "allow") -> dict[str, str]:
        """Press a button on the page at `url` as a person would; return what the app is told."""
        page = http.request("GET", url)
        assert page.status == 200, page.data[:500]
        cookie = page.headers.get("Set-Cookie", "").split(";")[0]
        form = _inputs(page.data.decode())
        if organisation:
            form["organisation"] = _value_of(page.data.decode(), organisation)
        answer = http.request(
            "POST",
            url,
            fields={**form, "decision": decision},
            encode_multipart=False,
            headers={"Cookie": cookie, "Referer": url},
            redirect=False,
        )
        assert answer.status == 302, answer.data[:800]
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def _inputs(page: str) -> dict[str, str]:
    import re

    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if attributes.get("type") == "hidden" or "checked" in tag:
            found[attributes["name"]] = attributes.get("value", "")
    return found


def _value_of(page: str, label: str) -> str:
    import re

    before = page[: page.index(label)]
    return re.findall(r'name="organisation"[^>]*value="([^"]*)"|value="([^"]*)"[^>]*name="organisation"', before)[-1][0]
