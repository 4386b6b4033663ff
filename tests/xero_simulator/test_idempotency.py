from __future__ import annotations

import pytest

from tests.xero_simulator.caller import BATCH, XeroCaller, connect, messages
from xero_simulator.controls import CONTROLS
from xero_simulator.models import Write

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
PATH = f"Contacts?{BATCH}"
NEW = {"Contacts": [{"Name": "Once"}]}


def test_the_same_call_gets_the_first_answer_again(xero: XeroCaller) -> None:
    first = xero.put(PATH, NEW, Idempotency_Key="k")
    again = xero.put(PATH, NEW, Idempotency_Key="k")
    assert again.content == first.content
    assert len(xero.where("Contacts", 'Name=="Once"')) == 1
    assert [write.replayed for write in Write.objects.order_by("pk")] == [False, True]


def test_an_error_is_kept_as_well(xero: XeroCaller) -> None:
    bad = {"Contacts": [{"Name": "Saltwick Ceramics"}]}
    first = xero.put(PATH, bad, Idempotency_Key="k")
    xero.control("rename-contact", contacts=["Saltwick Ceramics"], name="Moved away")
    assert xero.put(PATH, bad, Idempotency_Key="k").content == first.content


def test_even_a_failure_of_xero_is_kept(xero: XeroCaller) -> None:
    xero.control("faults", faults=[{"what": "error_500_after"}])
    first = xero.put(PATH, NEW, Idempotency_Key="k")
    assert (first.status_code, xero.put(PATH, NEW, Idempotency_Key="k").status_code) == (500, 500)
    assert len(xero.where("Contacts", 'Name=="Once"')) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PUT", PATH, {"Contacts": [{"Name": "Other"}]}), ("POST", PATH, NEW), ("PUT", "Contacts", NEW)],
)
def test_the_key_of_another_request_is_refused(xero: XeroCaller, method: str, path: str, body: object) -> None:
    xero.put(PATH, NEW, Idempotency_Key="k")
    refused = xero.call(method, path, body, Idempotency_Key="k")
    assert refused.status_code == 400
    assert refused.json()["Message"] == "Idempotency Key: k is used with a different request."


def test_keys_are_per_app_so_another_organisation_gets_the_same_answer(xero: XeroCaller) -> None:
    first = xero.put(PATH, NEW, Idempotency_Key="k")
    other = connect("Acme Inc")
    assert other.put(PATH, NEW, Idempotency_Key="k").content == first.content
    assert other.where("Contacts", 'Name=="Once"') == []


def test_keys_are_forgotten_after_six_minutes(xero: XeroCaller) -> None:
    xero.put(PATH, NEW, Idempotency_Key="k")
    CONTROLS.clock_offset += 359
    assert "ERROR" not in xero.put(PATH, NEW, Idempotency_Key="k").content.decode()
    CONTROLS.clock_offset += 1
    [verdict] = xero.put(PATH, NEW, Idempotency_Key="k").json()["Contacts"]
    assert "already assigned" in messages(verdict)[0]


def test_a_long_key_is_refused(xero: XeroCaller) -> None:
    assert xero.put(PATH, NEW, Idempotency_Key="k" * 129).status_code == 400
    assert xero.put(PATH, NEW, Idempotency_Key="k" * 128).status_code == 200


def test_replays_count_towards_the_limit(xero: XeroCaller) -> None:
    xero.put(PATH, NEW, Idempotency_Key="k")
    assert xero.put(PATH, NEW, Idempotency_Key="k")["X-MinLimit-Remaining"] == "58"
