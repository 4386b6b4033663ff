"""What the control API may change while the simulator runs. Kept in memory: one process serves it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from decimal import Decimal

# What an app had better wait after a call without an answer: a key's life and a minute.
SETTLE_SECONDS = 420


@dataclass
class Controls:
    limits: bool = True
    minute_limit: int = 60
    day_limit: int = 5000
    concurrent_limit: int = 5
    app_minute_limit: int = 10_000
    latency_ms: int = 0
    clock_offset: int = 0  # seconds that simulated time is ahead of real time
    idempotency_seconds: int = 360
    refresh_grace_seconds: int = 1800
    max_body_bytes: int = 3_500_000
    clock_scale: int = 100  # percent: at 2100, what Xero keeps for six minutes is kept for seventeen seconds
    modified_since_exclusive: bool = False
    refuse_archived_updates: bool = False
    refuse_restore: bool = False
    gzip: bool = True  # for those who accept it

    @property
    def kept_seconds(self) -> Decimal:
        """How long an answer is kept under its Idempotency-Key, on the scaled clock."""
        return Decimal(self.idempotency_seconds) * 100 / self.clock_scale

    @property
    def grace_seconds(self) -> Decimal:
        """How long a replaced refresh token goes on working, on the scaled clock."""
        return Decimal(self.refresh_grace_seconds) * 100 / self.clock_scale

    def settle_in(self, seconds: int) -> None:
        """Scale the clock for an app that waits so long until doubt is over, in place of Xero's seven minutes."""
        self.clock_scale = max(1, SETTLE_SECONDS * 100 // max(1, seconds))

    def change(self, values: dict[str, object]) -> None:
        """Take over the values given; raise `ValueError` for a name or a type that does not exist."""
        for name, value in values.items():
            field = {f.name: f for f in dataclasses.fields(self)}.get(name)
            wanted = type(field.default) if field else int
            if field is None or type(value) is not wanted:
                raise ValueError(f"{name} must be one of the controls, and {wanted.__name__}")
            if wanted is int and name != "clock_offset" and int(str(value)) < (name == "clock_scale"):
                raise ValueError(f"{name} must not be {value}")
            setattr(self, name, value)

    def reset(self) -> None:
        self.change(dataclasses.asdict(Controls()))


CONTROLS = Controls()
