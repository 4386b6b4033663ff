from collections.abc import Iterator

from django.urls import URLPattern, path

from finance.item_kinds import BILLING_TABS, ITEM_KINDS, ItemKind
from finance.views import account_codes, billing, items, taxes


def _item_pages(kind: ItemKind) -> Iterator[URLPattern]:
    """Return the pages of one kind of item. That of a record is called as the kind, such as "work_type"."""
    at, fixed = f"{kind.slug}/", {"kind": kind}
    yield path(at, items.items, fixed, name=f"{kind.kind}_list")
    yield path(f"{kind.slug}.csv", items.items_csv, fixed, name=f"{kind.kind}_csv")
    yield path(f"{at}new/", items.new_item, fixed, name=f"{kind.kind}_new")
    yield path(f"{at}<int:pk>/", items.item, fixed, name=str(kind.kind))
    yield path(f"{at}<int:pk>/edit/", items.edit_item, fixed, name=f"{kind.kind}_edit")
    yield path(f"{at}<int:pk>/active/", items.activate_item, fixed, name=f"{kind.kind}_active")
    yield path(f"{at}<int:pk>/delete/", items.delete_item, fixed, name=f"{kind.kind}_delete")
    yield path(f"billing/{at}", billing.billing, fixed, name=f"{kind.kind}_billing")
    yield path(f"billing/{kind.slug}.csv", billing.billing_csv, fixed, name=f"{kind.kind}_billing_csv")


app_name = "finance_admin"
urlpatterns = [
    path("account-codes/", account_codes.account_codes, name="account_codes"),
    path("account-codes.csv", account_codes.account_codes_csv, name="account_codes_csv"),
    path("account-codes/new/", account_codes.new_account_code, name="new_account_code"),
    path("account-codes/<int:pk>/", account_codes.account_code, name="account_code"),
    path("account-codes/<int:pk>/edit/", account_codes.edit_account_code, name="account_code_edit"),
    path("account-codes/<int:pk>/active/", account_codes.activate_account_code, name="account_code_active"),
    path("account-codes/<int:pk>/delete/", account_codes.delete_account_code, name="account_code_delete"),
    path("billing/", billing.billing, {"kind": BILLING_TABS[0]}, name="billing"),
    path("taxes/", taxes.taxes, name="taxes"),
    path("taxes.csv", taxes.taxes_csv, name="taxes_csv"),
    path("taxes/new/", taxes.new_tax, name="new_tax"),
    path("taxes/<int:pk>/", taxes.tax, name="tax"),
    path("taxes/<int:pk>/edit/", taxes.edit_tax, name="tax_edit"),
    path("taxes/<int:pk>/active/", taxes.activate_tax, name="tax_active"),
    path("taxes/<int:pk>/delete/", taxes.delete_tax, name="tax_delete"),
    *(page for kind in ITEM_KINDS for page in _item_pages(kind)),
]
