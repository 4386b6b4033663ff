"""A Celery broker inside the process: kombu's memory transport that wakes up instead of polling.

It keeps nothing: what a dead process had queued is found again in the database, by the sweep.
"""

from __future__ import annotations

import threading
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, memory

_changed = threading.Condition()
_version = 0
# Celery asks for up to two seconds; a shorter wait keeps Ctrl-C quick.
_LONGEST_WAIT = 0.25


def _wake() -> None:
    global _version  # noqa: PLW0603 - the one counter that all channels of the process share
    with _changed:
        _version += 1
        _changed.notify_all()


class Channel(memory.Channel):
    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        _wake()

    def basic_ack(self, *args: Any, **kwargs: Any) -> None:
        super().basic_ack(*args, **kwargs)
        _wake()

    def basic_reject(self, *args: Any, **kwargs: Any) -> None:
        super().basic_reject(*args, **kwargs)
        _wake()


class Transport(memory.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: Any = None, **kwargs: Any) -> Any:
        end = monotonic() + min(timeout or _LONGEST_WAIT, _LONGEST_WAIT)
        while True:
            seen = _version
            try:
                return self.cycle.get(  # type: ignore[union-attr]
                    self._deliver, timeout=timeout
                )
            except Empty:
                left = end - monotonic()
                if left <= 0:
                    raise TimeoutError from None
                with _changed:
                    _changed.wait_for(lambda seen=seen: _version != seen, left)  # type: ignore[misc]


TRANSPORT_ALIASES["inproc"] = "bmsxero.localbroker:Transport"
