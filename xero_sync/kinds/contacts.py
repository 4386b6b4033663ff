"""Our accounts (customers), and Xero's contacts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from xero_python.accounting import Address, Contact, Phone

from crm.models import Account, Site
from xero_sync.books import Books, Remote
from xero_sync.kinds.base import Change, Description, ExportKind, Found, Need, Problem, too_long
from xero_sync.mirror import Element, fold

#: Written to what Xero calls the contact code, which people don't see and only programs set: ours for good.
NUMBER_PREFIX = "bms:"


class ContactExport(ExportKind[Account]):
    name = "contacts"
    label, plural = "Account", "Accounts"
    xero_label = "contact"
    endpoint, id_field = "Contacts", "ContactID"
    mirrors = ("contacts", "tax_rates")
    app_path = "contacts/contact"

    def all_records(self) -> QuerySet[Account]:
        return Account.objects.all()

    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[Account]:
        accounts = Account.objects.filter(active=True).order_by("name", "id")
        if text := filters.get("text"):
            accounts = accounts.filter(Q(name__icontains=text) | Q(code__icontains=text))
        if filters.get("unlinked"):
            accounts = accounts.exclude(self.is_linked(tenant_id))
        return accounts

    def load(self, keys: Iterable[str | UUID]) -> list[Account]:
        accounts = Account.objects.filter(uuid__in=list(keys)).select_related("sales_tax")
        return list(accounts.prefetch_related("sites"))

    def describe(self, record: Account) -> Description:
        return Description(record.name, record.code)

    def needs(self, record: Account) -> list[Need]:
        return [("tax_rates", record.sales_tax)] if record.taxable and record.sales_tax else []

    def learn(self, records: Sequence[Account], books: Books) -> None:
        books.learn_links(self.name, [record.uuid for record in records])
        books.learn_matches(
            self.name,
            keys=[contact_number(record) for record in records],
            names=[record.name for record in records],
        )

    def find(self, record: Account, books: Books) -> Found:
        if link := books.link(self.name, record.uuid):
            return self._linked(link.xero_id, books.linked_remote(self.name, record.uuid))
        if ours := books.by_key(self.name, contact_number(record)):
            return _usable(record, ours, "our own number", books)
        # Names of archived contacts may repeat those of active ones, which alone must differ
        named = books.by_name(self.name, record.name)
        return _usable(record, [each for each in named if each.status == "ACTIVE"] or named, "same name", books)

    def _linked(self, xero_id: str, remote: Remote | None) -> Found:
        known = remote or Remote(xero_id, "", "ACTIVE", {})
        return Found([known], "saved link", linked=True, problem=_archived(known))

    def changes(self, record: Account, remote: Remote | None, books: Books, *, requested: bool) -> list[Change]:
        """The e-mail and postal address, when the option says that contacts follow; blanks never overwrite."""
        if requested or books.options.keep_contacts or remote is None:
            return []
        site = record.main_site
        if site is None:
            return []
        theirs = _postal(remote.payload)
        pairs = [
            ("E-mail", str(remote.payload.get("EmailAddress") or ""), site.billing_email),
            *((label, theirs.get(name, ""), value) for label, name, value in _postal_parts(site)),
        ]
        return [(label, before, after) for label, before, after in pairs if after and before != after]

    def problems(self, record: Account, books: Books) -> list[Problem]:
        url = record.get_absolute_url()
        problems = []
        if not record.name.strip():
            problems.append(Problem("no_name", "This account has no name.", url))
        if "<" in record.name or ">" in record.name:
            problems.append(Problem("bad_name", "Xero doesn't take < or > in a contact's name.", url))
        if "\x00" in record.name:
            problems.append(Problem("bad_name", "The name has a character that can't be sent.", url))
        return [
            *problems,
            *too_long("The name", record.name, 255, url),
            *too_long("The account code", record.code, 50, url),
            *too_long("The tax number", record.tax_number, 50, url),
        ]

    def to_xero(self, record: Account, books: Books) -> Contact:
        site = record.main_site
        tax = record.sales_tax if record.taxable else None
        return Contact(
            name=" ".join(record.name.split()),
            contact_number=contact_number(record),
            account_number=record.code or None,
            email_address=(site and site.billing_email) or None,
            tax_number=record.tax_number or None,
            accounts_receivable_tax_type=(books.tax_type(tax) or None) if tax else None,
            default_currency=record.default_currency if record.default_currency in books.currencies else None,
            addresses=_addresses(site) or None,
            phones=_phones(site) or None,
        )

    def to_update(self, record: Account, xero_id: str, books: Books, *, requested: bool) -> Contact:
        site = record.main_site
        postal = [each for each in _addresses(site) if each.address_type == "POBOX"]
        return Contact(
            contact_id=xero_id, email_address=(site and site.billing_email) or None, addresses=postal or None
        )

    def element_keys(self, record: Account, books: Books) -> tuple[str, ...]:
        # An update names the contact by its id: it may carry another program's number
        link = books.link(self.name, record.uuid)
        return (contact_number(record), *((link.xero_id,) if link else ()))

    def remote_keys(self, element: Element) -> tuple[str, ...]:
        return (str(element.get("ContactNumber") or ""), str(element.get("ContactID") or ""))

    def collision_key(self, record: Account, books: Books) -> str:
        return fold(record.name)

    def remember(self, record: Account) -> dict[str, Any]:
        return {"name": record.name}


def contact_number(account: Account) -> str:
    """Return what Xero will keep as the contact's code: it leads back to the account for certain."""
    return f"{NUMBER_PREFIX}{account.uuid}"


def _usable(record: Account, remotes: Sequence[Remote], how: str, books: Books) -> Found:
    if len(remotes) != 1:
        return Found(remotes, how)
    (remote,) = remotes
    owner = books.owner("contacts", remote.xero_id)
    if owner and owner != record.uuid:
        return Found(
            remotes,
            how,
            problem=Problem(
                "contact_taken",
                f"Xero's contact “{remote.name}” is already linked to another account of the same name. "
                "Rename one of the two.",
                record.get_absolute_url(),
            ),
        )
    return Found(remotes, how, problem=_archived(remote))


def _archived(remote: Remote) -> Problem | None:
    if remote.status in {"ARCHIVED", "GDPRREQUEST"}:
        return Problem(
            "contact_archived",
            f"{remote.name or 'This contact'} is archived in Xero. Restore it there, or link the account to another.",
        )
    return None


def _addresses(site: Site | None) -> list[Address]:
    if site is None:
        return []
    found: list[Address] = []
    for address_type, kind in (("POBOX", "billing"), ("STREET", "shipping")):
        if any(part for part in _parts(site, kind)):
            line1, line2, city, region, postcode, country = (part or None for part in _parts(site, kind))
            found.append(
                Address(
                    address_type=address_type,
                    address_line1=line1,
                    address_line2=line2,
                    city=city,
                    region=region,
                    postal_code=postcode,
                    country=country,
                )
            )
    return found


def _parts(site: Site, kind: str) -> list[str]:
    return [getattr(site, f"{kind}_{part}") for part in ("line1", "line2", "city", "region", "postcode", "country")]


def _phones(site: Site | None) -> list[Phone]:
    numbers = (("DEFAULT", site.phone), ("FAX", site.fax)) if site else ()
    return [Phone(phone_type=phone_type, phone_number=number) for phone_type, number in numbers if number]


def _postal(contact: Element) -> dict[str, str]:
    addresses = contact.get("Addresses") or []
    found: Element = next((each for each in addresses if each.get("AddressType") == "POBOX"), {})
    return {name: str(value or "") for name, value in found.items()}


def _postal_parts(site: Site) -> list[tuple[str, str, str]]:
    return [
        ("Postal address, line 1", "AddressLine1", site.billing_line1),
        ("Postal address, line 2", "AddressLine2", site.billing_line2),
        ("Postal city", "City", site.billing_city),
        ("Postal region", "Region", site.billing_region),
        ("Postal code", "PostalCode", site.billing_postcode),
        ("Postal country", "Country", site.billing_country),
    ]
