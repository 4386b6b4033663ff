"""The simulated Xero and a connection to it, as the tests of xero_sync have them."""

from tests.xero_sync.conftest import admin, connection, simulator, xero

__all__ = ["admin", "connection", "simulator", "xero"]
