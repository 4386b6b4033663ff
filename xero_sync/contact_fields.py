"""Addresses and phone numbers of a contact, both ways. Pure.

Xero calls the address that is printed on invoices POBOX (on its pages: postal address) and the place itself STREET.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xero_python.accounting import Address, Phone

from crm.models import ADDRESS_PARTS, Site

Element = dict[str, Any]

#: Xero's name of each of our two addresses, and what its pages call it.
ADDRESSES = {"billing": ("POBOX", "Postal"), "shipping": ("STREET", "Street")}
#: Xero's name of each part of an address, and ours on screen, in the order of ADDRESS_PARTS.
PARTS: dict[str, tuple[str, str, str]] = {
    "line1": ("AddressLine1", "address_line1", "address, line 1"),
    "line2": ("AddressLine2", "address_line2", "address, line 2"),
    "line3": ("AddressLine3", "address_line3", "address, line 3"),
    "line4": ("AddressLine4", "address_line4", "address, line 4"),
    "city": ("City", "city", "city"),
    "region": ("Region", "region", "region"),
    "postcode": ("PostalCode", "postal_code", "code"),
    "country": ("Country", "country", "country"),
}
#: Xero's name of each of our two numbers.
PHONES = {"phone": "DEFAULT", "fax": "FAX"}


def new_addresses(site: Site) -> list[Address]:
    """Return the addresses of a contact to create; those without any part are left out."""
    return [_address(site, kind, blanks=False) for kind in ADDRESSES if any(site.address(kind))]


def changed_address(site: Site, kind: str) -> Address:
    """Return one address in full, blank parts, too: what is not sent, Xero keeps from the old address."""
    return _address(site, kind, blanks=True)


def _address(site: Site, kind: str, *, blanks: bool) -> Address:
    values = zip(ADDRESS_PARTS, site.address(kind), strict=True)
    parts = {PARTS[part][1]: value for part, value in values if value or blanks}
    return Address(address_type=ADDRESSES[kind][0], **parts)


def address_of(contact: Element, kind: str) -> dict[str, str]:
    """Return a contact's "billing" or "shipping" address by our names of its parts, all of them, blank where unset."""
    wanted = ADDRESSES[kind][0]
    found: Element = next((each for each in contact.get("Addresses") or [] if each.get("AddressType") == wanted), {})
    return {part: str(found.get(PARTS[part][0]) or "").strip() for part in ADDRESS_PARTS}


def address_changes(site: Site, contact: Element, kind: str) -> Iterator[tuple[str, str, str]]:
    """Yield what sending one of our addresses would change: (label, before, after). A blank address changes nothing."""
    ours = site.address(kind)
    if not any(ours):
        return
    theirs = address_of(contact, kind)
    for part, value in zip(ADDRESS_PARTS, ours, strict=True):
        if value.strip() != theirs[part]:
            yield f"{ADDRESSES[kind][1]} {PARTS[part][2]}", theirs[part], value.strip()


def new_phones(site: Site) -> list[Phone]:
    """Return the numbers of a contact to create."""
    numbers = ((PHONES[name], getattr(site, name)) for name in PHONES)
    return [Phone(phone_type=phone_type, phone_number=number) for phone_type, number in numbers if number]


def changed_phone(site: Site, name: str) -> Phone:
    """Return our "phone" or "fax" so that nothing is left of the one before: Xero keeps its parts apart."""
    return Phone(phone_type=PHONES[name], phone_number=getattr(site, name), phone_area_code="", phone_country_code="")


def phone_of(contact: Element, name: str) -> str:
    """Return a contact's "phone" or "fax" as one text: country, area, number."""
    found: Element = next((each for each in contact.get("Phones") or [] if each.get("PhoneType") == PHONES[name]), {})
    parts = (found.get(part) for part in ("PhoneCountryCode", "PhoneAreaCode", "PhoneNumber"))
    return " ".join(str(part).strip() for part in parts if part)


def same_number(ours: str, theirs: str) -> bool:
    """Say whether two numbers are the same to a person: blanks between digits don't count."""
    return "".join(ours.split()) == "".join(theirs.split())
