"""Everything that the product's settings point at instead of Xero's hosts. Mounted below /sim/xero/."""

from __future__ import annotations

from django.urls import include, path

from xero_simulator import identity, pages
from xero_simulator.api.entry import accounting

app_name = "xero_simulator"
_app = [
    path("", pages.overview, name="overview"),
    path("lock-dates/", pages.lock, name="lock"),
    path("customers-pay/", pages.customers_pay, name="customers_pay"),
    path("connected-apps/<uuid:connection_id>/disconnect/", pages.disconnect, name="disconnect"),
    path("invoicing/", pages.invoices, name="invoices"),
    path("invoicing/view/<uuid:invoice_id>", pages.invoice, name="invoice"),
    *(
        path(f"invoicing/view/<uuid:invoice_id>/{action}", pages.invoice_action, {"action": action}, name=action)
        for action in pages.INVOICE_ACTIONS
    ),
    path("contacts/", pages.contacts, name="contacts"),
    path("contacts/contact/<uuid:contact_id>", pages.contact, name="contact"),
    *(
        path(f"contacts/contact/<uuid:contact_id>/{action}", pages.contact_status, {"action": action}, name=action)
        for action in ("archive", "restore")
    ),
    path("items/", pages.items, name="items"),
    path("items/<uuid:item_id>/delete", pages.delete_item, name="delete_item"),
    path("accounts/", pages.accounts, name="accounts"),
    *(
        path(f"accounts/<uuid:account_id>/{action}", pages.account_status, {"action": action}, name=f"{action}_account")
        for action in ("archive", "restore")
    ),
    path("taxes/", pages.taxes, name="taxes"),
]
urlpatterns = [
    path("app/", pages.organisations, name="organisations"),
    path("app/<str:short_code>/", include(_app)),
    path("identity/connect/authorize", identity.authorize, name="authorize"),
    path("connect/token", identity.token, name="token"),
    path("connect/revocation", identity.revocation, name="revocation"),
    path("connections", identity.connections, name="connections"),
    path("connections/<uuid:connection_id>", identity.connection, name="connection"),
    path("control/", include("xero_simulator.control.urls")),
    path("api.xro/2.0/<str:name>", accounting, name="accounting"),
    path("api.xro/2.0/<str:name>/<path:key>", accounting, name="accounting_one"),
]
