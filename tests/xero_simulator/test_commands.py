from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from django.conf import settings
from django.core.management import call_command

from tests.xero_simulator.running import Child, http
from xero_simulator import seed
from xero_simulator.models import App, Organisation


@pytest.mark.django_db(databases=["default", "simulator"])
def test_seeding_twice_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    seed.empty()
    for _ in range(2):
        call_command("seed_simulator")
    names = "Acme MSP Ltd, Demo Company (NZ), Acme Pty Ltd, Acme Inc, Acme Canada Ltd"
    assert capsys.readouterr().out == f"Simulated organisations: {names}\n" * 2
    assert App.objects.get().redirect_uris == [f"{settings.SITE_URL}/finance/xero/callback/"]
    assert Organisation.objects.get(is_demo_company=True).country_code == "NZ"


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
