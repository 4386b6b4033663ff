from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.conf import settings
from django.core.management import call_command

from xero_simulator import seed
from xero_simulator.models import App, Organisation

ROOT = Path(__file__).resolve().parent.parent.parent
http = urllib3.PoolManager(retries=False, timeout=10, maxsize=8)


@pytest.mark.django_db(databases=["default", "simulator"])
def test_seeding_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    seed.empty()
    for _ in range(2):
        call_command("seed_simulator")
    names = "Acme MSP Ltd, Demo Company (NZ), Acme Pty Ltd, Acme Inc, Acme Canada Ltd"
    assert capsys.readouterr().out == f"Simulated organisations: {names}\n" * 2
    assert App.objects.get().redirect_uris == [f"{settings.SITE_URL}/finance/xero/callback/"]
    assert Organisation.objects.get(is_demo_company=True).country_code == "NZ"


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


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    simulator = Child(tmp_path_factory.mktemp("simulator"))
    yield simulator
    assert simulator.stop() == 0


@pytest.mark.worker
def test_it_says_where_it_is(child: Child) -> None:
    assert child.said.startswith("Simulated Xero at http://127.0.0.1:")
    assert http.request("GET", f"{child.url}/app/").status == 200
    assert http.request("GET", f"{child.url.removesuffix('/sim/xero')}/finance/invoices/").status == 404


@pytest.mark.worker
@pytest.mark.parametrize("what", ["reset_after", "timeout_after"])
def test_a_lost_answer_is_a_broken_connection(child: Child, what: str) -> None:
    child.control("faults", clear=True, faults=[{"what": what, "method": "PUT", "seconds": 0}])
    with pytest.raises(urllib3.exceptions.ProtocolError):
        child.put_contact(f"Lost {what}")
    assert child.ledger()["writes"][-1]["created_ids"]
    assert child.put_contact(f"After {what}").status == 200


@pytest.mark.worker
def test_a_twin_waits_and_gets_the_same_answer(child: Child) -> None:
    answers = child.at_once(4, lambda: child.put_contact("Twin", **{"Idempotency-Key": "twin"}).data)
    assert len(answers) == 4
    assert len(set(answers)) == 1
    assert sum(bool(write["created_ids"]) for write in child.ledger()["writes"] if write["key"] == "twin") == 1


@pytest.mark.worker
def test_no_more_than_five_calls_are_in_flight(child: Child) -> None:
    child.control("ledger/clear")
    child.control("limits", latency_ms=300)
    url = f"{child.url}/api.xro/2.0/Currencies"
    answers = child.at_once(8, lambda: http.request("GET", url, headers=child.headers))
    child.control("limits", latency_ms=0)
    problems = [answer.headers["X-Rate-Limit-Problem"] for answer in answers if answer.status == 429]
    assert problems == ["concurrent"] * 3
    assert child.ledger()["max_in_flight"] == 5


@pytest.mark.worker
def test_ctrl_c_ends_it_cleanly(tmp_path: Path) -> None:
    assert Child(tmp_path).stop(signal.SIGINT) == 0
