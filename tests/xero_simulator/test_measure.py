from __future__ import annotations

import pytest
from django.core.management import call_command

pytestmark = pytest.mark.worker


def test_measuring_prints_what_calls_cost(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("measure_simulator", "--contacts", "1500", "--items", "20", "--payments", "30", "--invoices", "100")
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "reset",
        "fill with {'contacts'",
        "GET Currencies",
        "GET Contacts, 1 pages of 1000",
        "GET Payments, 1 pages of 1000",
        "GET Items",
        "PUT 50 invoices of 5 lines, 2 times",
        "control/effects",
        "control/ledger",
        "control/books",
    ]
    assert all("ms of CPU" in line for line in lines)
