"""The data mapping as people read it: which field of ours is which of Xero's, and by what rule.

`docs/mapping.md` and the help page are made from this table, and tests hold it to what the mappers really send and read:
a field that is sent and not listed, or listed and not sent, fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One line: our field, what Xero's pages call theirs, where it stands in Xero's API, and the rule.

    `api` is blank for what Xero reckons by itself. A list's elements are told apart in brackets: Addresses[POBOX].
    """

    ours: str
    theirs: str
    api: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Table:
    """One record in one direction."""

    kind: str
    direction: str
    title: str
    intro: str
    fields: tuple[Field, ...]

    @property
    def anchor(self) -> str:
        return f"{self.direction}-{self.kind}".replace("_", "-")


_ADDRESS = "Up to four lines, city, region, postcode, country. An address goes whole; a blank one changes nothing."
_SALES_TAX = "Setup > Tax mapping says which Xero rate stands for which of our taxes."

TABLES: tuple[Table, ...] = (
    Table(
        "account_codes",
        "export",
        "Account codes to Xero",
        "A code that Xero has is linked and never updated; the others are created, one call each.",
        (
            Field("Account code", "Code", "Code", "At most 10 characters."),
            Field("Account name", "Name", "Name", "At most 150 characters, unique in Xero."),
            Field("Description", "Description", "Description"),
            Field(
                "Account type",
                "Type",
                "Type",
                "By its name. A type that Xero lacks becomes Other Income, and Check says so. A bank account is made "
                "in Xero, with its bank's number, and linked.",
            ),
        ),
    ),
    Table(
        "account_codes",
        "import",
        "Account codes from Xero",
        "A code that is here is linked and left as it is; the others are made.",
        (
            Field("Account code", "Code", "Code", "An account without a code can't come."),
            Field("Account name", "Name", "Name"),
            Field("Description", "Description", "Description"),
            Field("Account type", "Type", "Type", "By its name; a type that is unknown here becomes Other income."),
            Field("Active", "Status", "Status", "Archived in Xero is inactive here."),
        ),
    ),
    Table(
        "tax_rates",
        "export",
        "Taxes to Xero",
        "First the saved mapping, then a rate of the same name and per cent, then the only active sales rate that is as "
        "high. Nothing is guessed for 0 %. Created only where no rate fits, and Check lists it.",
        (
            Field("Name", "Name", "Name", "At most 50 characters, unique in Xero."),
            Field(
                "Tax rate", "Rate", "TaxComponents[].Rate", "In per cent. A tax group has a component for each part."
            ),
            Field(
                "Name of the part", "Component name", "TaxComponents[].Name", "For a tax without parts, its own name."
            ),
            Field("Compound", "Compound", "TaxComponents[].IsCompound", "One part at most."),
            Field(
                "(by country)",
                "Tax return type",
                "ReportTaxType",
                "Australia, New Zealand and the United Kingdom demand it: sales, or for 0 % sales exempt. Elsewhere it is "
                "left out.",
            ),
        ),
    ),
    Table(
        "tax_rates",
        "import",
        "Taxes from Xero",
        "Come along with the accounts and items that use them. A tax of several parts becomes one rate: a part may have "
        "another rate in another tax, which is not allowed here.",
        (
            Field("Name", "Name", "Name"),
            Field("Tax rate", "Rate", "EffectiveRate", "All parts together."),
            Field("Note", "Tax components", "TaxComponents", "Which parts it had is kept as a note."),
        ),
    ),
    Table(
        "contacts",
        "export",
        "Accounts to Xero",
        "The saved link, then the contact code that we left there, then the name; case and outer spaces don't count. A "
        "contact that is matched for the first time is linked and left as it is; the next export sends what differs. "
        "Along with an invoice only e-mail and postal address are updated, and only if Setup says so.",
        (
            Field("Account name", "Contact name", "Name", "At most 255 characters, without < and >."),
            Field("Account code", "Account number", "AccountNumber", "At most 50 characters."),
            Field("E-mail in billing address", "E-mail address", "EmailAddress"),
            Field("Phone in billing address", "Phone number", "Phones[DEFAULT]"),
            Field("Fax in billing address", "Fax", "Phones[FAX]"),
            Field("Tax", "Default sales tax (VAT)", "AccountsReceivableTaxType", _SALES_TAX),
            Field("Shipping address", "Street address", "Addresses[STREET]", _ADDRESS),
            Field("Billing address", "Postal address", "Addresses[POBOX]", _ADDRESS),
            Field("Tax number", "Tax number", "TaxNumber"),
            Field("Default currency", "Currency", "DefaultCurrency", "When it is created, if Xero has it switched on."),
            Field(
                "Active",
                "Status",
                "ContactStatus",
                "Inactive is archived, active is made active again: for accounts that are exported themselves.",
            ),
            Field("(our own id)", "Contact code", "ContactNumber", "Leads back to the account for certain."),
        ),
    ),
    Table(
        "contacts",
        "import",
        "Accounts from Xero",
        "For an account that is linked, only the name is updated. An account of the same name is linked and left as it "
        "is. Else a new account is made, with its main site.",
        (
            Field("Account name", "Contact name", "Name"),
            Field("Account code", "Account number", "AccountNumber"),
            Field("Default currency", "Currency", "DefaultCurrency"),
            Field("Taxable", "Default sales tax (VAT)", "AccountsReceivableTaxType", "Set, and not “No VAT”: taxable."),
            Field("Sales tax", "Default sales tax (VAT)", "AccountsReceivableTaxType", "Linked, or made here."),
            Field("Tax number", "Tax number", "TaxNumber"),
            Field("E-mail of the main site", "E-mail address", "EmailAddress"),
            Field("Phone of the main site", "Phone number", "Phones[DEFAULT]", "Country, area and number in one."),
            Field("Fax of the main site", "Fax", "Phones[FAX]"),
            Field("Billing address", "Postal address", "Addresses[POBOX]"),
            Field("Shipping address", "Street address", "Addresses[STREET]"),
            Field("Active", "Status", "ContactStatus", "Archived in Xero is inactive here."),
        ),
    ),
    Table(
        "items",
        "export",
        "Items to Xero",
        "Products, services, work types, expense types and discount types are all items in Xero. The saved link, then "
        "the code, then the name. One that is matched for the first time is linked and left as it is; the next export "
        "sends what differs. How an item is tracked is never changed.",
        (
            Field("Name", "Name", "Name", "At most 50 characters."),
            Field("Product number", "Item code", "Code", "Without one, the name cut to 30 characters."),
            Field("Description", "Sales description", "Description", "Without one, the name."),
            Field(
                "Unit price",
                "Sales unit price",
                "SalesDetails.UnitPrice",
                "Four decimals. A discount type is set to Amount, and its value is the price.",
            ),
            Field(
                "Income account",
                "Sales account",
                "SalesDetails.AccountCode",
                "The item's own (Admin > Finance > Billing), else the default in Setup > Options.",
            ),
            Field(
                "Taxable, tax",
                "Sales tax",
                "SalesDetails.TaxType",
                f"{_SALES_TAX} Not taxable: No VAT or Tax exempt, by country.",
            ),
            Field("Unit cost", "Purchase unit price", "PurchaseDetails.UnitPrice", "Not for discount types."),
            Field(
                "Expense account",
                "Purchase account",
                "PurchaseDetails.AccountCode",
                "The item's own, else the default. Not for discount types.",
            ),
            Field(
                "Expense account",
                "Cost of goods sold account",
                "PurchaseDetails.COGSAccountCode",
                "Of a product that requires procurement, in place of the purchase account.",
            ),
            Field(
                "Requires procurement",
                "I track this item",
                "InventoryAssetAccountCode",
                "Yes: the inventory account of Setup > Options, 630 as Xero advises.",
            ),
        ),
    ),
    Table(
        "items",
        "import",
        "Items from Xero",
        "Each becomes a product, service, work type, expense type or discount type, as chosen. One that is linked is "
        "updated; one of the same code or name is linked and left as it is. What its kind has no place for is said.",
        (
            Field("Name", "Name", "Name", "Where it is empty, the code."),
            Field("Product number", "Item code", "Code"),
            Field("Description", "Sales description", "Description"),
            Field("Unit price, or value", "Sales unit price", "SalesDetails.UnitPrice"),
            Field("Income account", "Sales account", "SalesDetails.AccountCode", "Blank if the code isn't here."),
            Field("Taxable, tax", "I sell this item: tax", "SalesDetails.TaxType", "Empty or none: not taxable."),
            Field("Unit cost", "Purchase unit price", "PurchaseDetails.UnitPrice"),
            Field("Expense account", "Purchase account", "PurchaseDetails.AccountCode"),
            Field("Expense account", "Cost of goods sold account", "PurchaseDetails.COGSAccountCode"),
            Field("Requires procurement", "I track this item", "IsTrackedAsInventory", "Products only."),
        ),
    ),
    Table(
        "invoices",
        "export",
        "Invoices to Xero",
        "Only Ready to Send and Sent ones that are not in this organisation. What they need (customer, taxes, items) is "
        "linked or created first. Prices are without tax.",
        (
            Field("Account", "Contact", "Contact.ContactID", "The id alone, so that nothing of the contact changes."),
            Field("Invoice number", "Invoice number", "InvoiceNumber", "BMS number, BMS id, or Xero's own: Setup."),
            Field("P.O. number", "Reference", "Reference", "If Setup says so."),
            Field("Invoice date", "Issue date", "Date", "As it is."),
            Field("Due date", "Due date", "DueDate", "By the rule in Setup; never before the invoice date."),
            Field("Currency", "Currency", "CurrencyCode", "Blank is the organisation's."),
            Field("(run's options)", "Status", "Status", "Draft, Submitted or Authorised."),
            Field("(this page)", "Go to BMS Finance", "Url", "The way back from Xero to the invoice here."),
            Field("(always)", "Type", "Type", "A sales invoice."),
            Field("(always)", "Amounts are", "LineAmountTypes", "Tax exclusive."),
            Field(
                "Total price", "Total", "", "Xero reckons it; Check compares it to the cent before anything is sent."
            ),
            Field("Grand total", "Amount due", "", "Xero reckons it."),
            Field("Address", "Billing address", "", "Xero prints the postal address of the contact."),
            Field(
                "Item name",
                "Item",
                "LineItems[].ItemCode",
                "The code of the linked item; none where the line has none.",
            ),
            Field("Description", "Description", "LineItems[].Description", "The line's, else its item's."),
            Field("Quantity", "Qty", "LineItems[].Quantity", "Four decimals."),
            Field("Unit price", "Price", "LineItems[].UnitAmount", "Four decimals."),
            Field("Discount", "Disc %", "LineItems[].DiscountRate"),
            Field(
                "Taxable, tax",
                "Tax rate",
                "LineItems[].TaxType",
                f"{_SALES_TAX} Not taxable: No VAT or Tax exempt, by country.",
            ),
            Field(
                "(by item)",
                "Account",
                "LineItems[].AccountCode",
                "The item's income account, else the default sales account.",
            ),
            Field("Total price", "Amount", "", "Xero reckons it: quantity times price less discount, to the cent."),
        ),
    ),
    Table(
        "payments",
        "import",
        "Payments from Xero",
        "Payments of invoices that were exported from here; others fail and say so. What Xero applied without a payment "
        "comes as a credit, deleted payments are taken back, voided invoices become void.",
        (
            Field("Account", "Contact", "", "That of the invoice."),
            Field("Payment date", "Date paid", "Date"),
            Field("Reference #", "Reference", "Reference"),
            Field(
                "Invoice number",
                "Invoice number",
                "Invoice.InvoiceID",
                "By the link of the invoice, not by its number.",
            ),
            Field("Amount", "Amount received", "Amount", "In the invoice's currency."),
        ),
    ),
)


def markdown() -> str:
    """Return the whole mapping as a page of documentation."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Data mapping"
    yield ""
    yield "Which field here is which field in Xero. Made from `xero_sync/mapping.py` by `python manage.py write_docs`;"
    yield "tests hold it to what is really sent and read."
    for table in TABLES:
        yield from ("", f"## {table.title}", "", table.intro, "")
        yield "| Here | In Xero | In Xero's API | Rule |"
        yield "|---|---|---|---|"
        for field in table.fields:
            api = f"`{field.api}`" if field.api else ""
            yield f"| {field.ours} | {field.theirs} | {api} | {field.rule} |"
