"""Connections that really break: over HTTP, against the simulator in a process of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3

from tests.xero_simulator.running import Child, http

pytestmark = pytest.mark.worker
BROKEN = (urllib3.exceptions.ProtocolError, urllib3.exceptions.TimeoutError)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    running = Child(tmp_path_factory.mktemp("wire"))
    running.control("limits", limits=False)
    yield running
    assert running.stop() == 0


def names(simulator: Child) -> list[str]:
    books = json.loads(http.request("GET", f"{simulator.url}/control/books").data)
    return [row["name"] for row in books["contacts"]]


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_the_work_may_be_done_after_the_caller_has_gone(simulator: Child) -> None:
    simulator.order("late_commit", method="PUT", seconds=0, commit_after=1)
    with pytest.raises(BROKEN):
        simulator.put_contact("Late", **{"Idempotency-Key": "late"})
    assert "Late" not in names(simulator)
    assert eventually(lambda: "Late" in names(simulator))
    write = simulator.ledger()["writes"][-1]
    assert (write["fault"], write["key"], len(write["created_ids"])) == ("late_commit", "late", 1)
    assert write["done_at"] > write["received_at"]
    assert simulator.put_contact("Late", **{"Idempotency-Key": "late"}).status == 200  # the answer that nobody got


def test_a_reset_forgets_what_was_still_to_be_done(simulator: Child) -> None:
    simulator.order("late_commit", method="PUT", seconds=0, commit_after=1)
    with pytest.raises(BROKEN):
        simulator.put_contact("Never")
    simulator.control("reset", limits=False)
    simulator.connect()
    time.sleep(1.3)
    assert "Never" not in names(simulator)


def test_a_caller_who_gives_up_is_not_waited_for(simulator: Child) -> None:
    simulator.order("timeout_after", method="GET", seconds=30)
    with pytest.raises(BROKEN):
        http.request("GET", f"{simulator.url}/api.xro/2.0/Items", headers=simulator.headers, timeout=0.3)
    # Not the minute: what other tests have called within it would be refused, too
    simulator.control("limits", limits=True, concurrent_limit=1, minute_limit=1_000_000)
    try:
        assert eventually(lambda: bool(simulator.get("Currencies").status == 200))
    finally:
        simulator.control("limits", limits=False, concurrent_limit=5, minute_limit=60)


@pytest.mark.parametrize("path", ["Accounts", "Contacts?page=1&pageSize=1000"])
def test_an_answer_may_break_off_in_its_middle(simulator: Child, path: str) -> None:
    simulator.order("reset_mid_answer", method="GET")
    with pytest.raises(BROKEN):
        _ = simulator.get(path).data
    assert simulator.get(path).status == 200


def test_a_write_whose_answer_breaks_off_is_saved(simulator: Child) -> None:
    simulator.order("reset_mid_answer", method="PUT")
    with pytest.raises(BROKEN):
        _ = simulator.put_contact("Broken off").data
    assert "Broken off" in names(simulator)


def test_renewing_the_token_may_break(simulator: Child) -> None:
    tokens = simulator.control("token")
    for what in ("timeout_after", "reset_after"):
        simulator.order(what, endpoint="token", seconds=0)
        with pytest.raises(BROKEN):
            refresh(simulator, tokens)
    assert refresh(simulator, tokens).status == 200  # inside the grace, the old token still works


def refresh(simulator: Child, tokens: dict[str, Any]) -> Any:
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    app = urllib3.make_headers(basic_auth="simulated-client-id:simulated-client-secret")
    return http.request("POST", f"{simulator.url}/connect/token", fields=form, encode_multipart=False, headers=app)


def test_random_faults_leave_the_books_in_order(simulator: Child) -> None:
    settings = {"seconds": 0, "commit_after": 0, "retry_after": 0}
    simulator.control("faults", clear=True)
    simulator.control("random-faults", percent=50, seed=3, settings=settings)
    sent, answered = [f"Random {n}" for n in range(60)], 0
    for name in sent:
        try:
            answered += simulator.put_contact(name, **{"Idempotency-Key": name}).status == 200
        except urllib3.exceptions.HTTPError:
            continue
    simulator.control("random-faults", percent=0)
    there = [name for name in names(simulator) if name.startswith("Random ")]
    assert len(there) == len(set(there))
    assert 0 < answered < len(sent)
    assert {row["fault"] for row in simulator.ledger()["writes"]} - {""}
