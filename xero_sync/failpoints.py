"""Places at which a test lets a process die, or freeze, to see that nothing is lost.

`BMS_FAILPOINT` says where, once, when a process starts: `fenced`, `fenced:contacts` (only for that kind),
`fenced@3` (the third time), `fenced=stop` (frozen rather than killed). Unset, as everywhere but in tests,
or without DEBUG, `reach` makes one comparison and returns.
"""

from __future__ import annotations

import os
import re
import signal

from django.conf import settings

#: In the order in which an export comes by.
POINTS = (
    "planning",  # Check: a chunk of rows is saved
    "claimed",  # rows are taken, and nothing is mapped yet
    "writing",  # transaction 1: the request is written, and not committed
    "written",  # it is committed, and not sent
    "fenced",  # `sent_at` is committed, and no byte has left
    "answered",  # Xero has done its work, and nothing here knows
    "recording",  # transaction 3: outcomes are written, and not committed
    "recorded",  # they are committed, and the message that rang is not acknowledged
    "looking",  # doubt: Xero is about to be asked
    "resolving",  # it has answered, and what follows is written, and not committed
    "resolved",
    "rotated",  # tokens: Xero has given new ones, and they are not committed
    "applying",  # import: a record is changed, and not committed
    "applied",
)
_SPEC = re.compile(r"(?P<point>\w+)(?::(?P<kind>\w+))?(?:@(?P<nth>\d+))?(?P<stop>=stop)?")


class _Armed:
    """One failpoint of this process."""

    def __init__(self, spec: str) -> None:
        found = _SPEC.fullmatch(spec)
        if not found or found["point"] not in POINTS:
            raise ValueError(f"BMS_FAILPOINT={spec}: known are {', '.join(POINTS)}")
        self.point, self.kind = found["point"], found["kind"]
        self.left = int(found["nth"] or 1)
        self.signal = signal.SIGSTOP if found["stop"] else signal.SIGKILL

    def strike(self, point: str, kind: str) -> None:
        if point != self.point or self.kind not in {None, kind}:
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.signal)


_armed: _Armed | None = None


def arm(spec: str) -> None:
    """Choose this process's failpoint; none if blank."""
    global _armed  # noqa: PLW0603 - one per process
    _armed = _Armed(spec) if spec else None


def reach(point: str, kind: str = "") -> None:
    """Die here, if this is the failpoint of this process."""
    if _armed is not None:
        _armed.strike(point, kind)


if settings.DEBUG:
    arm(os.environ.get("BMS_FAILPOINT", ""))
