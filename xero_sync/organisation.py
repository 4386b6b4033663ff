"""What Xero says of the connected organisation, and what is set up at the first connect."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from xero_sync import accounts, clock, mirror
from xero_sync.books import Books, RunOptions
from xero_sync.errors import Unanswered, WrongOrganisation
from xero_sync.gateway import Gateway
from xero_sync.models import SyncOptions, XeroConnection

#: Tax type for what isn't taxed, by Xero's edition; Australia has no NONE.
NON_TAXABLE = {"AU": "EXEMPTOUTPUT"}


def non_taxable(version: str) -> str:
    """Return the tax type for what isn't taxed in an edition of Xero: "No VAT", or "Tax exempt"."""
    return NON_TAXABLE.get(version, "NONE")


def ensure(gateway: Gateway, max_age: timedelta) -> None:
    """Read the organisation again unless that was done lately: lock dates move."""
    connection = XeroConnection.objects.get(pk=gateway.connection_id)
    if connection.organisation_read_at is None or connection.organisation_read_at < clock.now() - max_age:
        read(gateway)


def assert_tenant(connection: XeroConnection, tenant_id: str) -> None:
    """Refuse to work with a connection that leads elsewhere than the job was made for."""
    if connection.tenant_id != tenant_id:
        raise WrongOrganisation


def read(gateway: Gateway) -> None:
    """Read name, country, currency and lock dates. Raises any of errors.py; WrongOrganisation, if Xero's own id of
    the books that answer is not the one we asked for."""
    organisations = gateway.read("Organisation").get("Organisations")
    if not organisations:
        raise Unanswered("Xero did not say which organisation this is.")
    found = organisations[0]
    if str(found.get("OrganisationID") or gateway.tenant_id).lower() != gateway.tenant_id.lower():
        raise WrongOrganisation
    XeroConnection.objects.filter(pk=gateway.connection_id).update(
        name=str(found.get("Name") or "Unnamed organisation"),
        legal_name=str(found.get("LegalName") or ""),
        short_code=str(found.get("ShortCode") or ""),
        country_code=str(found.get("CountryCode") or ""),
        version=str(found.get("Version") or ""),
        base_currency=str(found.get("BaseCurrency") or ""),
        sales_tax_basis=str(found.get("SalesTaxBasis") or ""),
        timezone=str(found.get("Timezone") or ""),
        is_demo_company=found.get("IsDemoCompany") in {True, "true"},
        period_lock_date=mirror.day(found.get("PeriodLockDate")),
        end_of_year_lock_date=mirror.day(found.get("EndOfYearLockDate")),
        organisation_read_at=clock.now(),
    )


def read_currencies(gateway: Gateway) -> None:
    """Read which currencies the organisation has switched on."""
    found: list[dict[str, Any]] = gateway.read("Currencies").get("Currencies") or []
    XeroConnection.objects.filter(pk=gateway.connection_id).update(
        currencies=[str(each["Code"]) for each in found if each.get("Code")]
    )


def set_up(connection: XeroConnection) -> None:
    """Read what Setup shows, and at the first connect save the best options, so that an export works at once."""
    gateway = Gateway(connection, background=False)
    read(gateway)
    read_currencies(gateway)
    mirror.read(gateway, "account_codes")
    mirror.read(gateway, "tax_rates")
    connection.refresh_from_db()
    saved = SyncOptions.objects.filter(connection=connection).first()
    if saved and (not saved.suggested or saved.sales_account):
        return
    # None yet, or a blank one that a job made after a first reading that failed
    books = Books(connection, RunOptions())
    suggestion = accounts.suggest(list(books.accounts.values()))
    tax_type = non_taxable(connection.version)
    SyncOptions.objects.update_or_create(
        connection=connection, defaults={"suggested": True, "non_taxable_tax_type": tax_type, **suggestion}
    )
