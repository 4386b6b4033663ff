"""The time as the simulated Xero sees it: real time, plus what the control API has advanced it by."""

from __future__ import annotations

import datetime as dt

from xero_simulator.controls import CONTROLS


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=CONTROLS.clock_offset)


def today() -> dt.date:
    return now().date()
