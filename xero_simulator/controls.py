"""What the control API may change while the simulator runs. Kept in memory: one process serves it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


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

    def change(self, values: dict[str, object]) -> None:
        """Take over the values given; raise `ValueError` for a name or a type that does not exist."""
        for name, value in values.items():
            field = {f.name: f for f in dataclasses.fields(self)}.get(name)
            wanted = bool if field and field.name == "limits" else int
            if field is None or type(value) is not wanted:
                raise ValueError(f"{name} must be one of the controls, and {wanted.__name__}")
            setattr(self, name, value)

    def reset(self) -> None:
        self.change(dataclasses.asdict(Controls()))


CONTROLS = Controls()
