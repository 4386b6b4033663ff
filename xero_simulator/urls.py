"""Everything that the product's settings point at instead of Xero's hosts. Mounted below /sim/xero/."""

from __future__ import annotations

from django.urls import path

from xero_simulator import identity
from xero_simulator.api.entry import accounting

app_name = "xero_simulator"
urlpatterns = [
    path("identity/connect/authorize", identity.authorize, name="authorize"),
    path("connect/token", identity.token, name="token"),
    path("connect/revocation", identity.revocation, name="revocation"),
    path("connections", identity.connections, name="connections"),
    path("connections/<uuid:connection_id>", identity.connection, name="connection"),
    path("api.xro/2.0/<str:name>", accounting, name="accounting"),
    path("api.xro/2.0/<str:name>/<path:key>", accounting, name="accounting_one"),
]
