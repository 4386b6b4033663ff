"""Everything that the product's settings point at instead of Xero's hosts. Mounted below /sim/xero/."""

from __future__ import annotations

from django.urls import include, path

from xero_simulator import identity
from xero_simulator.api.entry import accounting
from xero_simulator.pages import books, console, contacts, invoices, organisations

app_name = "xero_simulator"
_app = [
    path("", organisations.overview, name="overview"),
    path("lock-dates/", organisations.lock, name="lock"),
    path("customers-pay/", organisations.customers_pay, name="customers_pay"),
    path("connected-apps/<uuid:connection_id>/disconnect/", organisations.disconnect, name="disconnect"),
    path("invoicing/", invoices.invoices, name="invoices"),
    path("invoicing/view/<uuid:invoice_id>", invoices.invoice, name="invoice"),
    *(
        path(f"invoicing/view/<uuid:invoice_id>/{action}", invoices.invoice_action, {"action": action}, name=action)
        for action in invoices.INVOICE_ACTIONS
    ),
    path("contacts/", contacts.contacts, name="contacts"),
    path("contacts/contact/<uuid:contact_id>", contacts.contact, name="contact"),
    *(
        path(
            f"contacts/contact/<uuid:contact_id>/{action}",
            contacts.contact_action,
            {"action": action},
            name=f"{action}_contact",
        )
        for action in contacts.CONTACT_ACTIONS
    ),
    path("items/", books.items, name="items"),
    path("items/<uuid:item_id>", books.item, name="item"),
    path("items/<uuid:item_id>/delete", books.delete_item, name="delete_item"),
    path("accounts/", books.accounts, name="accounts"),
    *(
        path(f"accounts/<uuid:account_id>/{action}", books.account_status, {"action": action}, name=f"{action}_account")
        for action in ("archive", "restore")
    ),
    path("taxes/", books.taxes, name="taxes"),
]
urlpatterns = [
    path("console/", console.console, name="console"),
    *(
        path(f"console/{action}", console.act, {"action": action}, name=f"console_{action}")
        for action in console.ACTIONS
    ),
    path("app/", organisations.organisations, name="organisations"),
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
