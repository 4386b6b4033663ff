from finance.models.account_codes import ACCOUNT_TYPES, DEFAULT_ACCOUNT_TYPE, AccountCode
from finance.models.invoices import Invoice, InvoiceLine
from finance.models.items import Item
from finance.models.payments import Payment
from finance.models.tax_rates import TaxComponent, TaxRate

__all__ = [
    "ACCOUNT_TYPES",
    "DEFAULT_ACCOUNT_TYPE",
    "AccountCode",
    "Invoice",
    "InvoiceLine",
    "Item",
    "Payment",
    "TaxComponent",
    "TaxRate",
]
