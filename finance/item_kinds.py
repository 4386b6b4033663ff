"""The five kinds of item as data: what each is called, which fields it has, and where its pages are."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from finance.models import Item

ACCOUNTS = ("income_account", "expense_account")
TAX = ("taxable", "tax")


@dataclass(frozen=True)
class ItemKind:
    """What the pages of one kind need to know. `fields` are those that its form has, in their order."""

    kind: Item.Kind
    slug: str
    plural: str
    meaning: str
    icon: str
    fields: tuple[str, ...]
    code_label: str = "Xero code"
    #: Whether Xero books purchases of it, too
    bought: bool = True

    @property
    def label(self) -> str:
        return str(self.kind.label)

    @property
    def page(self) -> str:
        """The name of the page of one record; others add to it, such as `_edit`."""
        return f"finance_admin:{self.kind}"

    @property
    def list_url(self) -> str:
        return self.url("list")

    def url(self, page: str, *args: object) -> str:
        """Return the address of one of the kind's pages, such as "new" or "csv"."""
        return reverse(f"{self.page}_{page}", args=args)


ITEM_KINDS = (
    ItemKind(
        Item.Kind.PRODUCT,
        "products",
        "Products",
        "Goods that are sold. One that requires procurement is tracked by quantity in Xero.",
        "package",
        (
            "name",
            "code",
            "description",
            "unit_price",
            "unit_cost",
            *ACCOUNTS,
            "requires_procurement",
            *TAX,
            "active",
        ),
        code_label="Product number",
    ),
    ItemKind(
        Item.Kind.SERVICE,
        "services",
        "Services",
        "What is delivered for a fixed price, such as a month of managed backup.",
        "refresh",
        ("name", "code", "description", "unit_price", "unit_cost", *ACCOUNTS, *TAX, "active"),
    ),
    ItemKind(
        Item.Kind.WORK_TYPE,
        "work-types",
        "Work Types",
        "Kinds of work that time is billed for, such as remote support.",
        "tool",
        ("name", "code", "description", *ACCOUNTS, *TAX, "active"),
    ),
    ItemKind(
        Item.Kind.EXPENSE_TYPE,
        "expense-types",
        "Expense Types",
        "What is passed on to customers, such as mileage. Its accounts are set in Billing.",
        "receipt",
        ("name", "code", "description", *TAX, "active"),
    ),
    ItemKind(
        Item.Kind.DISCOUNT_TYPE,
        "discount-types",
        "Discount Types",
        "An amount that is taken off. Its income account is set in Billing.",
        "discount",
        ("name", "code", "description", "discount_value", *TAX, "active"),
        bought=False,
    ),
)
OF_KIND = {each.kind: each for each in ITEM_KINDS}
#: The tabs of Billing, in the vendor's order.
BILLING_TABS = tuple(
    OF_KIND[kind]
    for kind in (
        Item.Kind.WORK_TYPE,
        Item.Kind.SERVICE,
        Item.Kind.PRODUCT,
        Item.Kind.EXPENSE_TYPE,
        Item.Kind.DISCOUNT_TYPE,
    )
)
