from __future__ import annotations

import json
from typing import Any

import pytest

from tests.xero_simulator.caller import BATCH, XeroCaller, messages
from xero_simulator.models import Contact

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
PATH = f"Contacts?{BATCH}"
NEW = {"Contacts": [{"Name": "One"}, {"Name": "Two"}]}


def saved() -> set[str]:
    return set(Contact.objects.filter(name__in=("One", "Two")).values_list("name", flat=True))


def order(xero: XeroCaller, what: str, **settings: Any) -> None:
    xero.control("faults", faults=[{"what": what, **settings}])


@pytest.mark.parametrize(
    ("what", "status", "names"),
    [
        ("error_500_before", 500, set()),
        ("error_500_after", 500, {"One", "Two"}),
        ("error_500_half", 500, {"One"}),
        ("gateway_504_after", 504, {"One", "Two"}),
        ("unauthorized", 401, set()),
        ("unavailable", 503, set()),
        ("validation_400_whole", 400, set()),
        ("error_500_gate", 500, set()),
        ("gateway_502", 502, set()),
        ("html_body", 200, {"One", "Two"}),
        ("empty_body", 200, {"One", "Two"}),
        ("slow", 200, {"One", "Two"}),
        ("rate_limit_minute", 429, set()),
        ("rate_limit_day", 429, set()),
        ("rate_limit_concurrent", 429, set()),
    ],
)
def test_a_fault_strikes_once(xero: XeroCaller, what: str, status: int, names: set[str]) -> None:
    order(xero, what, seconds=0)
    answer = xero.put(PATH, NEW)
    assert (answer.status_code, saved()) == (status, names)
    assert xero.put(PATH, {"Contacts": [{"Name": "Three"}]}).status_code == 200


def test_a_fault_waits_for_its_call(xero: XeroCaller) -> None:
    order(xero, "unavailable", method="PUT", endpoint="Contacts", nth=2, times=2)
    xero.get("Contacts")
    xero.put("Items?summarizeErrors=false", {"Items": [{"Code": "n"}]})
    statuses = [xero.put(PATH, {"Contacts": [{"Name": f"C{n}"}]}).status_code for n in range(4)]
    assert statuses == [200, 503, 503, 200]


def test_a_wait_can_be_chosen(xero: XeroCaller) -> None:
    order(xero, "rate_limit_day", retry_after=86_000)
    answer = xero.get("Contacts")
    assert (answer["X-Rate-Limit-Problem"], answer["Retry-After"]) == ("day", "86000")


@pytest.mark.parametrize("what", ["reset_after", "timeout_after"])
def test_the_answer_may_be_lost(xero: XeroCaller, what: str) -> None:
    order(xero, what, seconds=0)
    with pytest.raises(ConnectionResetError):
        xero.put(PATH, NEW)
    assert saved() == {"One", "Two"}


def test_an_element_may_be_missing(xero: XeroCaller) -> None:
    order(xero, "missing_element")
    assert len(xero.put(PATH, NEW).json()["Contacts"]) == 1
    assert saved() == {"One", "Two"}


def test_the_answer_may_be_cut(xero: XeroCaller) -> None:
    order(xero, "malformed_json")
    with pytest.raises(json.JSONDecodeError):
        xero.put(PATH, NEW).json()


def test_a_whole_call_may_be_refused(xero: XeroCaller) -> None:
    order(xero, "validation_400_whole", message="Nothing today")
    elements = xero.put(PATH, NEW).json()["Elements"]
    assert [messages(element) for element in elements] == [["Nothing today"]] * 2


def test_unknown_faults_are_not_taken(xero: XeroCaller) -> None:
    answer = xero.http.post(
        "/sim/xero/control/faults", json.dumps({"faults": [{"what": "boredom"}]}), content_type="application/json"
    )
    assert answer.status_code == 400
    assert "error_500_after" in answer.json()["error"]


@pytest.mark.parametrize(
    ("what", "status"), [("error_500_before", 500), ("error_500_after", 500), ("no_refresh_token", 200)]
)
def test_refreshing_may_fail(xero: XeroCaller, what: str, status: int) -> None:
    order(xero, what, endpoint="token")
    form = {
        "grant_type": "refresh_token",
        "refresh_token": xero.tokens["refresh_token"],
        "client_id": xero.app.client_id,
        "client_secret": xero.app.client_secret,
    }
    answer = xero.http.post("/sim/xero/connect/token", form)
    assert answer.status_code == status
    assert b"refresh_token" not in answer.content
    assert xero.http.post("/sim/xero/connect/token", form).status_code == 200  # the old one has its grace
