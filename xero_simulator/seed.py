"""Make organisations and the registered app, again and again with the same result."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction

from xero_simulator import bulk, clock, kept_rows
from xero_simulator.books import CHART, COUNTRIES, CURRENCIES, VERSIONS, Country, Rate
from xero_simulator.models import Account, App, Contact, Currency, Item, Organisation, TaxRate
from xero_simulator.router import ALIAS, APP

# Stable ids: after a reset, an organisation is the same tenant again.
NAMESPACE = uuid.UUID("5be1ae0c-5a1e-4c5b-9a3e-2c6d5c1f0a77")
# There is one person in the simulated world.
USER_ID = uuid.uuid5(NAMESPACE, "user")

CONTACTS = [
    ("Quillmarsh Veterinary Clinic", "Orla", "Quillmarsh", "accounts@quillmarsh.example"),
    ("Brackenthorpe Boatyard", "Tom", "Brackenthorpe", "office@brackenthorpe.example"),
    ("Saltwick Ceramics", "Ines", "Saltwick", "hello@saltwick.example"),
    ("Ferncombe Cider Press", "Aled", "Ferncombe", "ledger@ferncombe.example"),
    ("Dunmarrow Opticians", "Priya", "Rao", "billing@dunmarrow.example"),
    ("Hollowgate Climbing Wall", "Jonas", "Hollow", "pay@hollowgate.example"),
    ("Lintelbridge Architects", "Mara", "Lintel", "studio@lintelbridge.example"),
    ("Oxbow Lane Dental", "Ruth", "Oxley", "reception@oxbowlane.example"),
    ("Pellworth Seed Merchants", "Sam", "Pell", "seeds@pellworth.example"),
    ("Tansy & Rook Florists", "Tansy", "Rook", "orders@tansyrook.example"),
    ("Underhill Piano Workshop", "Theo", "Underhill", "theo@underhillpianos.example"),
    ("Winterslow Archive Trust", "Ada", "Winter", "finance@winterslow.example"),
]
ITEMS = [
    ("X-CALL", "Out-of-hours call", "Engineer call-out outside business hours", "145.00"),
    ("X-SURVEY", "Site survey", "Half-day site survey", "320.00"),
    ("X-SHRED", "Media destruction", "Certified destruction of one disk", "18.50"),
    ("X-CRATE", "Crate hire", "Hire of one equipment crate, per week", "7.25"),
]


@dataclass(frozen=True)
class Spec:
    """One organisation to make. `contacts`, `items` and `payments` beyond the standard few are for measuring."""

    name: str
    country: str = "GB"  # or a version: AU, NZ, UK, US, GLOBAL
    currencies: tuple[str, ...] = ()  # beside the base currency
    multicurrency: bool | None = None  # None: if there are such currencies
    demo: bool = False
    contacts: int = 0
    items: int = 0
    payments: int = 0

    @property
    def is_small(self) -> bool:
        return not (self.contacts or self.items or self.payments)


STANDARD = [
    Spec("Acme MSP Ltd", "GB", ("EUR", "USD")),
    Spec("Demo Company (NZ)", "NZ", demo=True),
    Spec("Acme Pty Ltd", "AU"),
    Spec("Acme Inc", "US", ("EUR",)),
    Spec("Acme Canada Ltd", "GLOBAL"),
]


def seed() -> None:
    """Make the registered app and the standard organisations where they are missing."""
    with transaction.atomic(using=ALIAS):
        register_app()
        for spec in STANDARD:
            if not Organisation.objects.filter(name=spec.name).exists():
                make_organisation(spec)


def empty() -> None:
    """Delete everything in the simulator's database."""
    # Models are listed in the order of their definition: what refers to others comes after them.
    tables = [model._meta.db_table for model in apps.get_app_config(APP).get_models()]
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        for table in reversed(tables):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names


def register_app() -> App:
    callback = f"{settings.SITE_URL}/finance/xero/callback/"
    app, _ = App.objects.get_or_create(
        client_id=settings.XERO_CLIENT_ID,
        defaults={"client_secret": settings.XERO_CLIENT_SECRET, "name": "BMS Finance"},
    )
    app.client_secret = settings.XERO_CLIENT_SECRET
    if callback not in app.redirect_uris:
        app.redirect_uris.append(callback)
    app.save()
    return app


def make_organisations(specs: list[Spec]) -> list[Organisation]:
    """Make the organisations in an empty database: the second time from rows that were kept."""
    key = tuple(specs)
    if not all(spec.is_small for spec in specs):
        return [make_organisation(spec) for spec in specs]
    if kept_rows.restore(key, clock.now()):
        return list(Organisation.objects.order_by("pk"))
    made = [make_organisation(spec) for spec in specs]
    kept_rows.keep(key)
    return made


def country_named(text: str) -> Country:
    """Return the country by its code or by the version of Xero it has; raise `ValueError` if there is none."""
    found = COUNTRIES.get(text.upper()) or VERSIONS.get(text.upper())
    if found is None:
        raise ValueError(f"{text} is none of {', '.join(VERSIONS)}")
    return found


def make_organisation(spec: Spec) -> Organisation:
    country = country_named(spec.country)
    wanted = bool(spec.currencies) if spec.multicurrency is None else spec.multicurrency
    if spec.currencies and not wanted:
        raise ValueError("Currencies beside the base one need multicurrency")
    organisation = Organisation.objects.create(
        tenant_id=uuid.uuid5(NAMESPACE, spec.name),
        name=spec.name,
        short_code="!" + _letters(spec.name),
        version=country.version,
        country_code=country.code,
        base_currency=country.currency,
        timezone=country.timezone,
        is_demo_company=spec.demo,
        multicurrency=wanted,
    )
    codes = dict.fromkeys((country.currency, *spec.currencies))
    Currency.objects.bulk_create(
        Currency(organisation=organisation, code=code, description=CURRENCIES.get(code, code)) for code in codes
    )
    Account.objects.bulk_create(_chart(organisation, country))
    TaxRate.objects.bulk_create(_rate(organisation, country, rate) for rate in country.rates)
    Contact.objects.bulk_create(_contacts(organisation))
    Item.objects.bulk_create(_items(organisation, country))
    bulk.fill_up(organisation, contacts=spec.contacts, items=spec.items, payments=spec.payments)
    return organisation


def _letters(name: str) -> str:
    """Return five letters that look like one of Xero's short codes."""
    alphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    digits = uuid.uuid5(NAMESPACE, f"short code {name}").bytes[:5]
    return "".join(alphabet[digit % len(alphabet)] for digit in digits)


def _chart(organisation: Organisation, country: Country) -> list[Account]:
    return [
        Account(
            organisation=organisation,
            account_id=uuid.uuid5(organisation.tenant_id, f"account {code}"),
            code=code,
            name=name.format(tax=country.tax_name, pension=country.pension),
            type=type_,
            tax_type=country.defaults[tax],
            system_account=system,
            enable_payments=code in {"880", "881"},
            bank_account_number=f"0209087654321{code}" if type_ == "BANK" else "",
            bank_account_type="BANK" if type_ == "BANK" else "",
            currency_code=country.currency if type_ == "BANK" else "",
        )
        for code, name, type_, tax, system in CHART
    ]


def _rate(organisation: Organisation, country: Country, rate: Rate) -> TaxRate:
    parts = rate.components or [(country.tax_name, rate.rate)]
    return TaxRate(
        organisation=organisation,
        name=rate.name,
        tax_type=rate.tax_type,
        report_tax_type=rate.report,
        components=[
            {"Name": name, "Rate": percent, "IsCompound": False, "IsNonRecoverable": False} for name, percent in parts
        ],
        display_rate=Decimal(rate.rate),
        effective_rate=Decimal(rate.rate),
        can_apply_to=rate.applies,
        status=rate.status,
        is_system=rate.system,
    )


def _contacts(organisation: Organisation) -> list[Contact]:
    return [_contact(organisation, *person) for person in CONTACTS]


def _contact(organisation: Organisation, name: str, first: str, last: str, email: str) -> Contact:
    contact = Contact(
        organisation=organisation,
        contact_id=uuid.uuid5(organisation.tenant_id, f"contact {name}"),
        first_name=first,
        last_name=last,
        email=email,
        addresses={"POBOX": {"AddressLine1": "1 Harbour Row", "City": "Seaford", "PostalCode": "SE1 2AB"}},
        phones={"DEFAULT": {"PhoneNumber": "555 0100", "PhoneAreaCode": "020"}},
        updated=clock.now(),
    )
    contact.rename(name)
    return contact


def _items(organisation: Organisation, country: Country) -> list[Item]:
    return [
        Item(
            organisation=organisation,
            item_id=uuid.uuid5(organisation.tenant_id, f"item {code}"),
            code=code,
            folded_code=code.casefold(),
            name=name,
            description=description,
            is_purchased=False,
            sales_unit_price=Decimal(price),
            sales_account_code="200",
            sales_tax_type=country.defaults["sales"],
        )
        for code, name, description, price in ITEMS
    ]
