from __future__ import annotations

import threading

import pytest

from tests.xero_simulator.caller import XeroCaller, connect
from xero_simulator.api.errors import LimitReached
from xero_simulator.controls import CONTROLS
from xero_simulator.limits import LIMITER, Limiter

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def test_every_answer_says_what_is_left(xero: XeroCaller) -> None:
    answer = xero.get("Currencies")
    assert answer["X-DayLimit-Remaining"] == "4999"
    assert answer["X-MinLimit-Remaining"] == "59"
    assert answer["X-AppMinLimit-Remaining"] == "9999"
    assert xero.get("Contacts?where=x")["X-MinLimit-Remaining"] == "58"


def test_the_call_after_the_sixtieth_waits_for_the_next_minute(xero: XeroCaller) -> None:
    CONTROLS.minute_limit = 3
    for _ in range(3):
        assert xero.get("Currencies").status_code == 200
    refused = xero.get("Currencies")
    assert (refused.status_code, refused["X-Rate-Limit-Problem"], refused.content) == (429, "minute", b"")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused["X-MinLimit-Remaining"] == "0"
    CONTROLS.clock_offset += int(refused["Retry-After"])
    assert xero.get("Currencies").status_code == 200


def test_the_day_has_a_limit_of_its_own(xero: XeroCaller) -> None:
    CONTROLS.day_limit = 1
    xero.get("Currencies")
    refused = xero.get("Currencies")
    assert (refused.status_code, refused["X-Rate-Limit-Problem"]) == (429, "day")
    CONTROLS.clock_offset += int(refused["Retry-After"])
    assert connect("Acme MSP Ltd").get("Currencies").status_code == 200


def test_organisations_have_limits_of_their_own(xero: XeroCaller) -> None:
    CONTROLS.minute_limit = 1
    xero.get("Currencies")
    assert xero.get("Currencies").status_code == 429
    assert connect("Acme Inc").get("Currencies").status_code == 200


def test_limits_can_be_switched_off(xero: XeroCaller) -> None:
    CONTROLS.minute_limit, CONTROLS.limits = 1, False
    for _ in range(3):
        assert xero.get("Currencies")["X-MinLimit-Remaining"] == "1"


def test_a_sixth_call_at_once_is_refused_without_a_time() -> None:
    limiter = Limiter()
    inside, leave = threading.Barrier(6), threading.Event()

    def call() -> None:
        with limiter.admitted("app", "tenant"):
            inside.wait(5)
            leave.wait(5)

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    inside.wait(5)
    with pytest.raises(LimitReached) as refused, limiter.admitted("app", "tenant"):
        pass
    assert refused.value.headers() == {"X-Rate-Limit-Problem": "concurrent"}
    leave.set()
    for thread in threads:
        thread.join()
    with limiter.admitted("app", "tenant"):
        pass
    assert limiter.report()["max_in_flight"] == 5


def test_the_busiest_minute_is_remembered() -> None:
    for seconds in (0, 30, 29, 2):
        CONTROLS.clock_offset += seconds
        with LIMITER.admitted("app", "tenant"):
            pass
    # At 0, 30 and 59 seconds; the one at 61 no longer shares a minute with the first.
    assert LIMITER.report()["max_per_rolling_minute"] == 3
