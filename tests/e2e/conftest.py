"""The simulated Xero on a host and port of its own, for journeys that leave our origin."""

from tests.xero_sync.conftest import admin, connection, simulator, xero

__all__ = ["admin", "connection", "simulator", "xero"]
