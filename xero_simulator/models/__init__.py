from xero_simulator.models.contacts import Contact
from xero_simulator.models.documents import Allocation, CreditNote, Invoice, InvoiceLine, Payment
from xero_simulator.models.identity import (
    AccessToken,
    App,
    AuthorisationCode,
    Connection,
    Consent,
    RefreshToken,
)
from xero_simulator.models.machinery import Fault, IdempotentAnswer, Write
from xero_simulator.models.organisations import Account, Currency, Item, Organisation, TaxRate

__all__ = [
    "AccessToken",
    "Account",
    "Allocation",
    "App",
    "AuthorisationCode",
    "Connection",
    "Consent",
    "Contact",
    "CreditNote",
    "Currency",
    "Fault",
    "IdempotentAnswer",
    "Invoice",
    "InvoiceLine",
    "Item",
    "Organisation",
    "Payment",
    "RefreshToken",
    "TaxRate",
    "Write",
]
