"""Seeded random mode: so many percent of all calls fail in one way or another, the same way for the same seed."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from xero_simulator.fault_kinds import BY_NAME, may_strike
from xero_simulator.models import Fault

_HUNDRED_PERCENT = 10_000


class RandomFaults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.stop()

    def stop(self) -> None:
        self.start(Decimal(0), seed=0)

    def start(
        self, percent: Decimal, *, seed: int, kinds: Sequence[str] = (), settings: dict[str, Any] | None = None
    ) -> None:
        """Let `percent` of the calls from now on fail, in the ways named or in all that mend themselves."""
        if unknown := set(kinds) - set(BY_NAME):
            raise ValueError(f"{', '.join(sorted(unknown))}: no such fault")
        if not 0 <= percent <= 100:
            raise ValueError("percent must be between 0 and 100")
        with self._lock:
            self._percent, self._seed, self._kinds = percent, seed, list(kinds)
            self._settings = settings or {}
            self._calls = 0
            self._fired: Counter[str] = Counter()

    def draw(self, method: str, endpoint: str) -> Fault | None:
        """Decide about the next call. What is drawn depends on the seed and on how many calls there were."""
        with self._lock:
            if not self._percent:
                return None
            self._calls += 1
            dice = random.Random(f"{self._seed}:{self._calls}")  # noqa: S311 - to be repeated, not to be secret
            if dice.randrange(_HUNDRED_PERCENT) >= self._percent * _HUNDRED_PERCENT / 100:
                return None
            possible = [name for name in may_strike(method, endpoint) if not self._kinds or name in self._kinds]
            # Those that a person must mend are drawn only if they were asked for by name.
            possible += [name for name in self._kinds if name in BY_NAME and not BY_NAME[name].mends_itself]
            if not possible:
                return None
            name = dice.choice(possible)
            self._fired[name] += 1
            return Fault(what=name, settings=dict(self._settings))

    def report(self) -> dict[str, Any]:
        with self._lock:
            return {
                "percent": self._percent,
                "seed": self._seed,
                "kinds": self._kinds,
                "settings": self._settings,
                "calls": self._calls,
                "fired": dict(self._fired),
            }


RANDOM_FAULTS = RandomFaults()
