from __future__ import annotations

from django.urls import path

from xero_simulator.control import people, simulator

urlpatterns = [
    path("reset", simulator.reset),
    path("make-organisation", simulator.make_organisation),
    path("fill", simulator.fill),
    path("redirect-uris", simulator.redirect_uris),
    path("clock", simulator.clock_),
    path("limits", simulator.limits),
    path("faults", simulator.order_faults),
    path("random-faults", simulator.random_faults),
    path("revoke-tokens", simulator.revoke_tokens),
    path("ledger", simulator.ledger),
    path("effects", simulator.effects),
    path("calls", simulator.calls),
    path("ledger/clear", simulator.clear_ledger),
    path("token", simulator.token),
    path("expire-tokens", simulator.expire_tokens),
    path("disconnect", simulator.disconnect),
    path("organisation", simulator.organisation),
    path("organisations", simulator.organisations),
    path("books", simulator.books),
    path("approve", people.approve),
    path("pay", people.pay),
    path("delete-payment", people.delete_payment),
    path("credit", people.credit),
    path("refund", people.refund),
    path("void", people.void),
    path("archive-contact", people.archive_contact),
    path("rename-contact", people.rename_contact),
    path("merge-contact", people.merge_contact),
    path("delete-item", people.delete_item),
    path("stock", people.stock),
    path("erase-contact", people.erase_contact),
    path("edit-contact", people.edit_contact),
    path("edit-invoice", people.edit_invoice),
    path("rename-item", people.rename_item),
    path("archive-account", people.archive_account),
]
