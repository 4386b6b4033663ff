"""The rest of what can go wrong on Xero's side: tokens, waits, odd answers, the random mode and the ledger."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.xero_simulator.caller import BATCH, XeroCaller, messages
from xero_simulator.controls import CONTROLS
from xero_simulator.fault_kinds import KINDS
from xero_simulator.models import Connection, Fault
from xero_simulator.random_faults import RANDOM_FAULTS

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
PATH = f"Contacts?{BATCH}"
NEW = {"Contacts": [{"Name": "One"}, {"Name": "Two"}]}
SOFT = ["error_500_before", "unavailable", "gateway_502", "unauthorized", "empty_body"]


def order(xero: XeroCaller, what: str, **settings: Any) -> None:
    xero.control("faults", faults=[{"what": what, **settings}])


def refresh(xero: XeroCaller) -> Any:
    form = {
        "grant_type": "refresh_token",
        "refresh_token": xero.tokens["refresh_token"],
        "client_id": xero.app.client_id,
        "client_secret": xero.app.client_secret,
    }
    return xero.http.post("/sim/xero/connect/token", form)


def post(xero: XeroCaller, what: str, **body: Any) -> Any:
    return xero.http.post(f"/sim/xero/control/{what}", json.dumps(body), content_type="application/json")


# --- tokens and connections


@pytest.mark.parametrize(
    ("what", "status", "body"),
    [
        ("error_500_gate", 500, b"UnknownErrorException"),
        ("gateway_502", 502, b"502"),
        ("unavailable", 503, b"not currently available"),
        ("invalid_grant", 400, b"invalid_grant"),
        ("html_body", 200, b"<html>"),
    ],
)
def test_the_token_endpoint_may_break(xero: XeroCaller, what: str, status: int, body: bytes) -> None:
    order(xero, what, endpoint="token")
    answer = refresh(xero)
    assert answer.status_code == status
    assert body in answer.content


def test_rotation_may_be_strict(xero: XeroCaller) -> None:
    xero.control("limits", refresh_grace_seconds=0)
    assert refresh(xero).status_code == 200
    assert refresh(xero).json() == {"error": "invalid_grant"}


def test_the_user_may_revoke_all_tokens(xero: XeroCaller) -> None:
    order(xero, "token_revoked")
    for _ in range(2):
        answer = xero.get("Organisation")
        assert (answer.status_code, answer.json()["Detail"]) == (401, "AuthenticationUnsuccessful")
    assert refresh(xero).json() == {"error": "invalid_grant"}


def test_tokens_can_be_revoked_at_once(xero: XeroCaller) -> None:
    xero.control("revoke-tokens")
    assert xero.get("Organisation").status_code == 401


def test_a_user_may_disconnect_the_app_meanwhile(xero: XeroCaller) -> None:
    order(xero, "disconnected", endpoint="Contacts")
    assert xero.get("Organisation").status_code == 200
    assert [xero.get(path).status_code for path in ("Contacts", "Organisation")] == [403, 403]
    assert not Connection.objects.filter(app=xero.app, organisation=xero.organisation).exists()


def test_the_list_of_connections_may_break(xero: XeroCaller) -> None:
    order(xero, "unavailable", endpoint="connections")
    statuses = [xero.http.get("/sim/xero/connections", headers=xero.headers).status_code for _ in range(2)]
    assert statuses == [503, 200]


@pytest.mark.parametrize(("what", "status"), [("error_500_before", 500), ("error_500_after", 500), ("html_body", 200)])
def test_the_list_of_connections_may_be_odd(xero: XeroCaller, what: str, status: int) -> None:
    order(xero, what, endpoint="connections")
    answer = xero.http.get("/sim/xero/connections", headers=xero.headers)
    assert answer.status_code == status
    assert b"tenantId" not in answer.content


def test_signing_in_is_spared_unless_it_is_named(xero: XeroCaller) -> None:
    order(xero, "unavailable")
    assert refresh(xero).status_code == 200
    assert xero.http.get("/sim/xero/connections", headers=xero.headers).status_code == 200
    assert xero.get("Items").status_code == 503


@pytest.mark.parametrize(("what", "endpoint"), [("missing_element", "token"), ("invalid_grant", "Items"),
                                                ("late_commit", "connections")])  # fmt: skip
def test_a_fault_that_means_nothing_there_is_not_taken(xero: XeroCaller, what: str, endpoint: str) -> None:
    assert "means nothing at" in post(xero, "faults", faults=[{"what": what, "endpoint": endpoint}]).json()["error"]


# --- when, and for how long


def test_a_fault_may_last_for_a_time(xero: XeroCaller) -> None:
    order(xero, "unavailable", for_seconds=60, nth=2)
    assert [xero.get("Items").status_code for _ in range(4)] == [200, 503, 503, 503]
    CONTROLS.clock_offset += 55
    assert xero.get("Items").status_code == 503
    CONTROLS.clock_offset += 6
    assert xero.get("Items").status_code == 200


@pytest.mark.parametrize("what", ["rate_limit_minute", "rate_limit_day", "unavailable"])
@pytest.mark.parametrize(("wait", "header"), [("", None), ("soon", "soon"), (-5, "-5"), (99_999_999, "99999999")])
def test_retry_after_may_be_anything(xero: XeroCaller, what: str, wait: object, header: str | None) -> None:
    order(xero, what, retry_after=wait)
    assert xero.get("Items").get("Retry-After") == header


# --- odd answers


def test_the_elements_may_come_in_another_order(xero: XeroCaller) -> None:
    many = {"Contacts": [{"Name": f"N{n}"} for n in range(9)]}
    order(xero, "reordered")
    names = [row["Name"] for row in xero.put(PATH, many).json()["Contacts"]]
    assert sorted(names) == [f"N{n}" for n in range(9)]
    assert names not in (sorted(names), sorted(names, reverse=True))


@pytest.mark.parametrize("what", ["html_body", "empty_body"])
def test_an_answer_may_be_no_json(xero: XeroCaller, what: str) -> None:
    order(xero, what)
    answer = xero.put(PATH, NEW)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"(Expecting value|not)"):
        json.loads(answer.content)
    assert xero.where("Contacts", 'Name=="One"')


def test_an_answer_may_be_compressed_unasked(xero: XeroCaller) -> None:
    order(xero, "gzip_unasked")
    answer = xero.get("Items")
    assert answer["Content-Encoding"] == "gzip"
    assert b"X-CALL" in gzip.decompress(answer.content)


def test_compression_can_be_switched_off(xero: XeroCaller) -> None:
    assert "Content-Encoding" in xero.get("Accounts", Accept_Encoding="gzip")
    CONTROLS.gzip = False
    assert "Content-Encoding" not in xero.get("Accounts", Accept_Encoding="gzip")


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("error_500_before", 500),
        ("error_500_after", 500),
        ("error_500_gate", 500),
        ("gateway_502", 502),
        ("gateway_504_after", 504),
    ],
)
def test_reads_break_as_writes_do(xero: XeroCaller, what: str, status: int) -> None:
    order(xero, what, method="GET")
    assert xero.get("Items").status_code == status
    assert xero.get("Items").status_code == 200


# --- keys


def test_a_cached_error_comes_again_until_its_key_is_forgotten(xero: XeroCaller) -> None:
    order(xero, "error_500_after")
    key = {"Idempotency_Key": "k"}
    assert [xero.put(PATH, NEW, **key).status_code for _ in range(2)] == [500, 500]
    xero.control("clock", settle_seconds=20)  # what Xero keeps for 360 s is kept for 17
    CONTROLS.clock_offset += 18
    answer = xero.put(PATH, NEW, **key)
    assert answer.status_code == 200
    assert all("already assigned" in messages(row)[0] for row in answer.json()["Contacts"])


def test_a_key_that_was_forgotten_works_anew(xero: XeroCaller) -> None:
    bill = {"Invoices": [{"Type": "ACCPAY", "Contact": {"Name": "A"}, "LineItems": [{"Description": "x"}]}]}
    ids = set()
    for _ in range(2):
        answer = xero.put(f"Invoices?{BATCH}", bill, Idempotency_Key="k").json()
        ids.add(answer["Invoices"][0]["InvoiceID"])
        CONTROLS.clock_offset += 361
    assert len(ids) == 2


@pytest.mark.parametrize("what", ["error_500_gate", "gateway_502", "unavailable"])
def test_what_happens_at_the_door_is_not_kept(xero: XeroCaller, what: str) -> None:
    order(xero, what)
    assert [xero.put(PATH, NEW, Idempotency_Key="k").status_code == 200 for _ in range(2)] == [False, True]


def test_the_clock_scales_keys_and_grace(xero: XeroCaller) -> None:
    answer = xero.control("clock", settle_seconds=20)
    assert (answer["clock_scale"], round(answer["kept_seconds"]), round(answer["grace_seconds"])) == (2100, 17, 86)
    assert post(xero, "clock", clock_scale=0).status_code == 400


def test_every_fault_has_words_and_can_be_ordered(xero: XeroCaller) -> None:
    assert len({kind.words for kind in KINDS}) == len(KINDS)
    only = {"no_refresh_token": "token", "invalid_grant": "token"}
    xero.control("faults", faults=[{"what": kind.name, "endpoint": only.get(kind.name, "")} for kind in KINDS])
    assert Fault.objects.count() == len(KINDS)
    assert post(xero, "faults", faults=[{"what": "slow", "seconds": "long"}]).status_code == 400
    assert "secnds" in post(xero, "faults", faults=[{"what": "slow", "secnds": 1}]).json()["error"]


# --- seeded random mode


def luck(xero: XeroCaller, seed: int) -> list[int]:
    xero.control("random-faults", percent="20", seed=seed, kinds=SOFT)
    return [xero.get("Items").status_code for _ in range(60)]


def test_random_faults_repeat_with_their_seed(xero: XeroCaller) -> None:
    CONTROLS.limits = False
    first = luck(xero, 7)
    assert luck(xero, 7) == first
    assert luck(xero, 8) != first
    assert 4 <= sum(status != 200 for status in first) <= 20
    assert xero.control("random-faults", percent=0)["fired"] == {}
    assert [xero.get("Items").status_code for _ in range(30)] == [200] * 30


def test_random_faults_choose_what_fits_the_call() -> None:
    RANDOM_FAULTS.start(Decimal(100), seed=1)
    reads = {fault.what for _ in range(500) if (fault := RANDOM_FAULTS.draw("GET", "Invoices"))}
    writes = {fault.what for _ in range(500) if (fault := RANDOM_FAULTS.draw("PUT", "Invoices"))}
    tokens = {fault.what for _ in range(200) if (fault := RANDOM_FAULTS.draw("POST", "token"))}
    forever = {kind.name for kind in KINDS if not kind.mends_itself}
    assert not (reads | writes | tokens) & forever
    assert {"late_commit", "missing_element", "error_500_half", "validation_400_whole"} <= writes - reads
    assert {"reset_mid_answer", "timeout_after", "error_500_before"} <= reads & writes
    assert "invalid_grant" not in tokens


def test_random_faults_bring_their_settings_and_are_counted() -> None:
    RANDOM_FAULTS.start(Decimal(100), seed=1, kinds=["late_commit"], settings={"seconds": 3, "commit_after": 5})
    fault = RANDOM_FAULTS.draw("PUT", "Invoices")
    assert fault
    assert fault.settings == {"seconds": 3, "commit_after": 5}
    assert RANDOM_FAULTS.draw("GET", "Invoices") is None
    assert RANDOM_FAULTS.report()["fired"] == {"late_commit": 1}


def test_what_a_person_must_mend_is_drawn_by_name_only() -> None:
    RANDOM_FAULTS.start(Decimal(100), seed=1, kinds=["disconnected"])
    fault = RANDOM_FAULTS.draw("GET", "Items")
    assert fault
    assert fault.what == "disconnected"


@pytest.mark.parametrize("body", [{"percent": 101}, {"percent": -1}, {"percent": 2, "kinds": ["boredom"]}, {}])
def test_nonsense_is_no_random_mode(xero: XeroCaller, body: dict[str, Any]) -> None:
    assert post(xero, "random-faults", **body).status_code == 400


# --- the ledger


def test_the_ledger_tells_what_each_write_came_to(xero: XeroCaller) -> None:
    xero.control("ledger/clear")
    order(xero, "error_500_half")
    xero.put(PATH, NEW, Idempotency_Key="first")
    for _ in range(2):
        xero.put(PATH, {"Contacts": [{"Name": "Three"}]}, Idempotency_Key="second")
    report = xero.http.get("/sim/xero/control/ledger", {"organisation": "Acme MSP Ltd"}).json()
    told = [
        (row["key"], row["elements"], len(row["created_ids"]), row["status"], row["fault"], row["replayed"])
        for row in report["writes"]
    ]
    assert told == [
        ("first", 2, 1, 500, "error_500_half", False),
        ("second", 1, 1, 200, "", False),
        ("second", 0, 0, 200, "", True),
    ]
    assert all(row["received_at"] <= row["done_at"] for row in report["writes"])
    assert (report["max_in_flight"], report["max_per_rolling_minute"]) == (1, 3)
    assert xero.http.get("/sim/xero/control/ledger", {"organisation": "Acme Inc"}).json()["writes"] == []


def test_effects_name_what_is_there_twice(xero: XeroCaller) -> None:
    for number in ("A", "B"):
        xero.invoice(InvoiceNumber=number, Url="https://bms.example/i/1/")
    xero.invoice(InvoiceNumber="C", Url="https://bms.example/i/2/")
    told = xero.http.get("/sim/xero/control/effects").json()
    assert (told["invoices"], told["urls_twice"]) == (3, ["https://bms.example/i/1/"])
    xero.control("void", invoices=["A"])
    assert xero.http.get("/sim/xero/control/effects").json()["urls_twice"] == []


def test_the_documentation_lists_every_fault() -> None:
    page = (Path(__file__).resolve().parent.parent.parent / "docs" / "simulated-xero.md").read_text()
    assert [kind.name for kind in KINDS if f"| `{kind.name}` | {kind.words} |" not in page] == []
