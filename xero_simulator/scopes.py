"""Which scopes an app registered after March 2026 may ask for, and which one each endpoint needs."""

from __future__ import annotations

SIGN_IN = {"openid", "profile", "email", "offline_access"}
_WITH_READ = {
    "accounting.attachments",
    "accounting.banktransactions",
    "accounting.contacts",
    "accounting.invoices",
    "accounting.manualjournals",
    "accounting.payments",
    "accounting.settings",
}
_REPORTS = (
    "aged",
    "balancesheet",
    "banksummary",
    "budgetsummary",
    "executivesummary",
    "profitandloss",
    "trialbalance",
    "taxreports",
)
ALLOWED = (
    SIGN_IN
    | _WITH_READ
    | {f"{scope}.read" for scope in _WITH_READ}
    | {f"accounting.reports.{report}.read" for report in _REPORTS}
    | {"accounting.budgets.read", "accounting.reports.tenninetynine.read"}
)

ENDPOINT_SCOPES = {
    "Accounts": {"accounting.settings"},
    "Contacts": {"accounting.contacts"},
    "CreditNotes": {"accounting.invoices"},
    "Currencies": {"accounting.settings"},
    "Invoices": {"accounting.invoices"},
    "Items": {"accounting.settings", "accounting.invoices"},
    "Organisation": {"accounting.settings"},
    "Payments": {"accounting.payments"},
    "TaxRates": {"accounting.settings"},
}


def refused(scopes: list[str]) -> str:
    """Return the OAuth error for a request of these scopes, or nothing."""
    if "app.connections" in scopes:
        return "access_denied"
    return "" if set(scopes) <= ALLOWED else "invalid_scope"


def suffices(scopes: list[str], endpoint: str, *, write: bool) -> bool:
    wanted = ENDPOINT_SCOPES[endpoint]
    if not write:
        wanted = wanted | {f"{scope}.read" for scope in wanted}
    return bool(wanted & set(scopes))
