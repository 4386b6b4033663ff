"""The simulated Xero on a host and port of its own, for journeys that leave our origin."""

from tests.xero_sync.conftest import simulator, xero

__all__ = ["simulator", "xero"]
