"""What can go wrong with Xero: one class per decision that a caller can take.

    XeroError
    ├── NotConnected       there is nothing to talk to: connect first
    ├── ReconnectNeeded    park the work until somebody signs in again
    ├── PermissionMissing  park it until somebody grants the permission
    ├── Misconfigured      the app's own credentials are wrong: an admin has to look
    ├── Throttled          not executed: go on at `until`
    ├── NotReached         nothing was sent: try again soon
    ├── Unanswered         in doubt: a read may be repeated, a write must be looked up first
    │   └── TimedOut       and Xero may still be at it: the call keeps its place in the limit
    ├── WrongOrganisation  end the job before it writes into somebody else's books
    ├── NotFound           Xero has no such record
    └── Refused            a complete answer: Xero says no, and why

The docstring of each class is what the user reads, unless the raiser knows better.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any


class XeroError(Exception):
    """Something went wrong between here and Xero."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or self.__doc__ or "")

    @property
    def message(self) -> str:
        return str(self.args[0])


class NotConnected(XeroError):
    """Xero isn't connected. An admin can connect it at Finance > Xero > Setup."""


class ReconnectNeeded(XeroError):
    """Xero needs you to sign in again. Nothing was lost; what is waiting goes on by itself after that."""


class PermissionMissing(XeroError):
    """Xero says that a permission is missing. Connect again and allow everything that is asked for."""


class Misconfigured(XeroError):
    """Xero doesn't accept this installation's client id and secret. An admin has to check them."""


class Throttled(XeroError):
    """Xero's limit of calls is used up for the moment."""

    def __init__(self, until: datetime, why: str) -> None:
        super().__init__()
        self.until = until
        self.why = why  #: minute, concurrent or day


class NotReached(XeroError):
    """Xero can't be reached. Nothing was sent."""


class Unanswered(XeroError):
    """Xero gave no usable answer."""


class TimedOut(Unanswered):
    """Xero did not answer in time."""


class WrongOrganisation(XeroError):
    """Xero answers for another organisation than the one this job is for. Nothing was sent."""


class NotFound(XeroError):
    """Xero has no such record."""


class Refused(XeroError):
    """Xero refused the request."""

    def __init__(self, message: str = "", elements: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.elements = elements or []
