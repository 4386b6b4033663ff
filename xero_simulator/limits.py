"""Xero's call limits, counted in this process: 60 a minute, 5,000 a day, 5 at once per organisation."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from xero_simulator import clock
from xero_simulator.api.errors import LimitReached
from xero_simulator.controls import CONTROLS

DAY = 86_400
MINUTE = 60


@dataclass
class Window:
    """A fixed window: it starts at a time of its own, not at the full minute or at midnight."""

    length: int
    offset: int
    number: int = -1
    count: int = 0

    def roll(self, now: int) -> None:
        number = (now + self.offset) // self.length
        if number != self.number:
            self.number, self.count = number, 0

    def seconds_left(self, now: int) -> int:
        return self.length - (now + self.offset) % self.length


@dataclass
class Tenant:
    minute: Window
    day: Window
    in_flight: int = 0
    max_in_flight: int = 0
    recent: deque[dt.datetime] = field(default_factory=deque)
    max_per_rolling_minute: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Limiter:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._tenants: dict[tuple[str, str], Tenant] = {}
            self._apps: dict[str, Window] = {}
            self._calls: Counter[str] = Counter()

    @contextmanager
    def admitted(self, app: str, tenant: str) -> Iterator[dict[str, str]]:
        """Count a call and hold its place; raise `LimitReached` if there is none. Yields the headers."""
        with self._lock:
            mine = self._tenant(app, tenant)
            headers = self._enter(app, mine)
        try:
            yield headers
        finally:
            with self._lock:
                mine.in_flight -= 1

    def headers(self, app: str, tenant: str) -> dict[str, str]:
        with self._lock:
            return self._remaining(app, self._tenant(app, tenant))

    def app_headers(self, app: str) -> dict[str, str]:
        """Return what is left over all organisations: all that /connections tells."""
        with self._lock:
            window = self._apps.setdefault(app, Window(MINUTE, 0))
            window.roll(int(clock.now().timestamp()))
            return {"X-AppMinLimit-Remaining": str(max(0, CONTROLS.app_minute_limit - window.count))}

    def count(self, method: str, endpoint: str) -> None:
        with self._lock:
            self._calls[f"{method} {endpoint}"] += 1

    def report(self) -> dict[str, Any]:
        with self._lock:
            return {
                "calls": dict(self._calls),
                "max_in_flight": max((t.max_in_flight for t in self._tenants.values()), default=0),
                "max_per_rolling_minute": max((t.max_per_rolling_minute for t in self._tenants.values()), default=0),
                "refused": dict(sum((t.refused for t in self._tenants.values()), Counter())),
                "tenants": {
                    tenant: {
                        "max_in_flight": t.max_in_flight,
                        "max_per_rolling_minute": t.max_per_rolling_minute,
                        "calls_today": t.day.count,
                        "refused": dict(t.refused),
                    }
                    for (_, tenant), t in self._tenants.items()
                },
            }

    def _tenant(self, app: str, tenant: str) -> Tenant:
        now = int(clock.now().timestamp())
        found = self._tenants.get((app, tenant))
        if found is None:
            spread = sum(tenant.encode())
            found = Tenant(Window(MINUTE, spread % MINUTE), Window(DAY, spread * 7 % DAY))
            self._tenants[app, tenant] = found
        found.minute.roll(now)
        found.day.roll(now)
        self._apps.setdefault(app, Window(MINUTE, 0)).roll(now)
        return found

    def _enter(self, app: str, mine: Tenant) -> dict[str, str]:
        now = clock.now()
        if CONTROLS.limits and (refusal := self._refusal(app, mine, int(now.timestamp()))):
            mine.refused[refusal.message] += 1
            raise refusal
        for window in (mine.minute, mine.day, self._apps[app]):
            window.count += 1
        mine.in_flight += 1
        mine.max_in_flight = max(mine.max_in_flight, mine.in_flight)
        mine.recent.append(now)
        while mine.recent[0] <= now - dt.timedelta(seconds=MINUTE):
            mine.recent.popleft()
        mine.max_per_rolling_minute = max(mine.max_per_rolling_minute, len(mine.recent))
        return self._remaining(app, mine)

    def _refusal(self, app: str, mine: Tenant, now: int) -> LimitReached | None:
        if mine.in_flight >= CONTROLS.concurrent_limit:
            return LimitReached("concurrent", None)
        if mine.day.count >= CONTROLS.day_limit:
            return LimitReached("day", mine.day.seconds_left(now))
        if mine.minute.count >= CONTROLS.minute_limit:
            return LimitReached("minute", mine.minute.seconds_left(now))
        if self._apps[app].count >= CONTROLS.app_minute_limit:
            return LimitReached("appminute", self._apps[app].seconds_left(now))
        return None

    def _remaining(self, app: str, mine: Tenant) -> dict[str, str]:
        if not CONTROLS.limits:
            pinned = (CONTROLS.day_limit, CONTROLS.minute_limit, CONTROLS.app_minute_limit)
        else:
            pinned = (
                max(0, CONTROLS.day_limit - mine.day.count),
                max(0, CONTROLS.minute_limit - mine.minute.count),
                max(0, CONTROLS.app_minute_limit - self._apps[app].count),
            )
        names = ("X-DayLimit-Remaining", "X-MinLimit-Remaining", "X-AppMinLimit-Remaining")
        return dict(zip(names, map(str, pinned), strict=True))


LIMITER = Limiter()
