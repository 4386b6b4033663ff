"""Importing many contacts and many payments."""

from __future__ import annotations

from tests.bench.world import Stopwatch, calls, installation, tell

PAYMENTS = 10_000
#: The simulated Xero pays so many in one go
AT_ONCE = 1_000


def contacts(number: int) -> None:
    with installation(contacts=number) as xero:
        from tests.xero_sync import driving
        from xero_sync import jobs

        before = calls(xero)
        with Stopwatch() as watch:
            job = driving.bring("contacts")
        result = jobs.results(job)
        assert result["failed"] == 0, result
        tell(**watch.figures(calls=calls(xero) - before, records=result["created"]))


def payments(number: int = PAYMENTS) -> None:
    with installation() as xero:
        from django.utils import timezone

        from finance import sample_data
        from tests.xero_sync import driving
        from xero_sync import jobs

        sample_data.create(sample_data.Size(200, 50, number), today=timezone.localdate())
        driving.send(driving.check(status="AUTHORISED"), slices=60)
        for _ in range(0, number, AT_ONCE):
            xero.control("pay", count=min(number, AT_ONCE))
        before = calls(xero)
        with Stopwatch() as watch:
            job = driving.import_payments()
        result = jobs.results(job)
        assert result["created"] == number, result
        tell(**watch.figures(calls=calls(xero) - before, records=number))
