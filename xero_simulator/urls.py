"""Everything that the product's settings point at instead of Xero's hosts. Mounted below /sim/xero/."""

from __future__ import annotations

from django.urls import path

from xero_simulator import control, identity
from xero_simulator.api.entry import accounting

app_name = "xero_simulator"
urlpatterns = [
    path("identity/connect/authorize", identity.authorize, name="authorize"),
    path("connect/token", identity.token, name="token"),
    path("connect/revocation", identity.revocation, name="revocation"),
    path("connections", identity.connections, name="connections"),
    path("connections/<uuid:connection_id>", identity.connection, name="connection"),
    path("control/reset", control.reset),
    path("control/redirect-uris", control.redirect_uris),
    path("control/clock", control.clock_),
    path("control/limits", control.limits),
    path("control/faults", control.order_faults),
    path("control/ledger", control.ledger),
    path("control/ledger/clear", control.clear_ledger),
    path("control/token", control.token),
    path("control/expire-tokens", control.expire_tokens),
    path("control/disconnect", control.disconnect),
    path("control/organisation", control.organisation),
    path("control/organisations", control.organisations),
    path("control/books", control.books),
    path("control/approve", control.approve),
    path("control/pay", control.pay),
    path("control/delete-payment", control.delete_payment),
    path("control/credit", control.credit),
    path("control/refund", control.refund),
    path("control/void", control.void),
    path("control/archive-contact", control.archive_contact),
    path("control/rename-contact", control.rename_contact),
    path("control/merge-contact", control.merge_contact),
    path("control/delete-item", control.delete_item),
    path("control/archive-account", control.archive_account),
    path("api.xro/2.0/<str:name>", accounting, name="accounting"),
    path("api.xro/2.0/<str:name>/<path:key>", accounting, name="accounting_one"),
]
