"""Contacts.

Documented: the lengths, names unique among active contacts and numbers among all, POST matching by id, number and
name, addresses and phones that merge per type, persons that are replaced, archiving by ContactStatus, merged contacts
that stay behind archived, a contact under erasure that no document may use, a website without http that blocks every
update. Not documented, and so switchable in the controls: whether an archived contact can be changed or restored by
the API. Our assumption: a contact under erasure cannot be changed either, and is listed with the archived ones only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Case, F, Q, QuerySet, Sum, When

from xero_simulator.api import wire
from xero_simulator.api.base import Call, Detail, Endpoint, Json, Outcome, uuid_or_none
from xero_simulator.api.lengths import too_long
from xero_simulator.controls import CONTROLS
from xero_simulator.models import Contact, Currency, Invoice, TaxRate
from xero_simulator.models.contacts import fold, fold_accents
from xero_simulator.where import Field

_TEXTS = {
    "ContactNumber": ("contact_number", 50),
    "AccountNumber": ("account_number", 50),
    "FirstName": ("first_name", 255),
    "LastName": ("last_name", 255),
    "EmailAddress": ("email", 255),
    "CompanyNumber": ("company_number", 50),
    "TaxNumber": ("tax_number", 50),
    "DefaultCurrency": ("default_currency", 3),
    "AccountsReceivableTaxType": ("sales_tax_type", 50),
    "AccountsPayableTaxType": ("purchases_tax_type", 50),
}
_LENGTHS = {"Name": 255, **{name: length for name, (_, length) in _TEXTS.items()}}
_ADDRESS = {
    **{f"AddressLine{n}": 500 for n in (1, 2, 3, 4)},
    "City": 255,
    "Region": 255,
    "PostalCode": 50,
    "Country": 50,
    "AttentionTo": 255,
}
_PHONE = {"PhoneNumber": 50, "PhoneAreaCode": 10, "PhoneCountryCode": 20}
_ADDRESS_TYPES = ("STREET", "POBOX")
_PHONE_TYPES = ("DDI", "DEFAULT", "FAX", "MOBILE")
_COUNTRY = re.compile(r"^[A-Za-z ]*$")
MAX_PERSONS = 5


def name_taken(name: str) -> str:
    return (
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


def number_taken(number: str) -> str:
    return (
        f"The contact number {number} is already assigned to another contact. "
        "The contact number must be unique across all contacts."
    )


class ContactEndpoint(Endpoint):
    name = "Contacts"
    id_field = "ContactID"
    error_flag = "HasValidationErrors"
    model = Contact
    methods = frozenset({"GET", "PUT", "POST"})
    paged = True
    fields = {
        "ContactID": Field("contact_id", "guid"),
        "Name": Field("search_name", "name"),
        "EmailAddress": Field("email"),
        "AccountNumber": Field("account_number"),
        "ContactNumber": Field("contact_number"),
        "ContactStatus": Field("status"),
        "FirstName": Field("first_name"),
        "LastName": Field("last_name"),
        "IsCustomer": Field("is_customer", "bool"),
        "IsSupplier": Field("is_supplier", "bool"),
        "UpdatedDateUTC": Field("updated", "moment"),
    }

    # --- reading

    def key_filter(self, key: str) -> Q:
        contact_id = uuid_or_none(key)
        return Q(contact_id=contact_id) if contact_id else Q(contact_number=key)

    def row_id(self, row: Contact) -> UUID:
        return row.contact_id

    def filtered(self, call: Call) -> QuerySet[Any]:
        rows = super().filtered(call)
        ids = call.listed("IDs")
        if ids:
            rows = rows.filter(contact_id__in=list(filter(None, map(uuid_or_none, ids))))
        if not call.flag("includeArchived") and not ids:
            rows = rows.filter(status="ACTIVE")
        if term := call.param("searchTerm"):
            rows = rows.filter(_search(term))
        return rows

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        return self.render_all(call, [row], detail)[0]

    def render_all(self, call: Call, rows: list[Any], detail: Detail) -> list[Json]:
        balances = {} if detail is Detail.SUMMARY else _balances(call, rows)
        into = {row.merged_to_id for row in rows} - {None}
        merged = dict(Contact.objects.filter(pk__in=into).values_list("pk", "contact_id")) if into else {}
        return [contact_json(row, detail, balances.get(row.pk), merged.get(row.merged_to_id)) for row in rows]

    # --- writing

    def write(self, call: Call, elements: list[Json], *, create_only: bool) -> list[Outcome]:
        batch = _Batch(call, elements)
        return [self._write_one(call, element, batch, create_only=create_only) for element in elements]

    def _write_one(self, call: Call, element: Json, batch: _Batch, *, create_only: bool) -> Outcome:
        row, errors = batch.match(element, create_only=create_only)
        if not errors:
            row = row or Contact(organisation=call.organisation)
            errors = batch.problems(element, row)
        if errors or row is None:
            return self.refusal(element, errors)
        _fill(row, element)
        row.updated = call.now
        (call.updated if row.pk else call.created).append(str(row.contact_id))
        row.save()
        batch.remember(row)
        return Outcome(contact_json(row, Detail.FULL, None))


class _Batch:
    """What one bulk write needs to know about the contacts that are there."""

    def __init__(self, call: Call, elements: list[Json]) -> None:
        self._organisation = call.organisation
        names = [fold(str(element.get("Name", ""))) for element in elements]
        numbers = [str(element["ContactNumber"]) for element in elements if element.get("ContactNumber")]
        ids = [contact_id for element in elements if (contact_id := uuid_or_none(element.get("ContactID")))]
        rows = Contact.objects.filter(organisation=call.organisation)
        self._by_name: dict[str, Contact] = {}
        self._by_number: dict[str, Contact] = {}
        self._by_id: dict[UUID, Contact] = {}
        for row in rows.filter(Q(contact_id__in=ids) | Q(contact_number__in=numbers) | Q(folded_name__in=names)):
            self.remember(row)
        # A contact that is restored under its old name may meet another that has taken it.
        known = {row.folded_name for row in self._by_id.values()} - set(names)
        for row in rows.filter(folded_name__in=known, status="ACTIVE"):
            self.remember(row)
        rates = TaxRate.objects.filter(organisation=call.organisation, status="ACTIVE")
        self._tax_types = set(rates.values_list("tax_type", flat=True))
        currencies = Currency.objects.filter(organisation=call.organisation)
        self._currencies = set(currencies.values_list("code", flat=True))

    def remember(self, row: Contact) -> None:
        self._by_id[row.contact_id] = row
        if row.contact_number:
            self._by_number[row.contact_number] = row
        self._by_name = {name: other for name, other in self._by_name.items() if other.pk != row.pk}
        if row.status == "ACTIVE":
            self._by_name[row.folded_name] = row

    def match(self, element: Json, *, create_only: bool) -> tuple[Contact | None, list[str]]:
        """Return the contact that the element updates, if any, or why it cannot be written."""
        name, number = str(element.get("Name", "")), str(element.get("ContactNumber") or "")
        if element.get("ContactID"):
            row = self._by_id.get(uuid_or_none(element["ContactID"]) or UUID(int=0))
            if row is None:
                return None, ["An existing Contact with the specified ContactID could not be found"]
            return row, []
        by_number, by_name = self._by_number.get(number), self._by_name.get(fold(name))
        if create_only:
            errors = [number_taken(number)] if by_number else []
            return None, [*errors, *([name_taken(name)] if by_name else [])]
        return by_number or by_name, []

    def problems(self, element: Json, row: Contact) -> list[str]:
        return [
            *_closed(element, row),
            *too_long(element, _LENGTHS),
            *self._name_problems(element, row),
            *self._reference_problems(element),
            *_email_problems(element),
            *_part_problems(element),
            *_status_problems(element),
        ]

    def _name_problems(self, element: Json, row: Contact) -> list[str]:
        name = str(element.get("Name") or "")
        if not name.strip() and (not row.pk or "Name" in element):
            return ["Contact Name cannot be empty."]
        if set(name) & set("<>"):
            return ["The contact name cannot contain the characters < or >."]
        number = str(element.get("ContactNumber") or "")
        problems = []
        other = self._by_name.get(fold(name or row.name))
        becomes_active = element.get("ContactStatus", row.status) == "ACTIVE"
        if other and other.pk != row.pk and becomes_active:
            problems.append(name_taken(name or row.name))
        other = self._by_number.get(number)
        if other and other.pk != row.pk:
            problems.append(number_taken(number))
        return problems

    def _reference_problems(self, element: Json) -> list[str]:
        problems = [
            f"The TaxType code {tax_type} does not exist or cannot be used for this type of transaction."
            for name in ("AccountsReceivableTaxType", "AccountsPayableTaxType")
            if (tax_type := element.get(name)) and tax_type not in self._tax_types
        ]
        currency = element.get("DefaultCurrency")
        if currency and currency not in self._currencies:
            problems.append(f"Organisation is not subscribed to currency {currency}")
        return problems


def _closed(element: Json, row: Contact) -> list[str]:
    """Return why a contact that is there cannot be changed at all."""
    if not row.pk:
        return []
    if row.status == "GDPRREQUEST":
        return ["The contact is subject to a GDPR request and cannot be updated."]
    if row.status == "ARCHIVED":
        restores = element.get("ContactStatus") == "ACTIVE"
        if (restores and CONTROLS.refuse_restore) or (not restores and CONTROLS.refuse_archived_updates):
            return ["The contact with the specified contact details has been archived and cannot be updated."]
    if row.website and not row.website.lower().startswith(("http://", "https://")):
        return ["Website must be valid."]
    return []


def _search(term: str) -> Q:
    columns = ("first_name", "last_name", "contact_number", "company_number", "email")
    found = Q(search_name__contains=fold_accents(term))
    for column in columns:
        found |= Q(**{f"{column}__icontains": term})
    return found


def _email_problems(element: Json) -> list[str]:
    emails = [element.get("EmailAddress")]
    emails += [person.get("EmailAddress") for person in _dicts(element.get("ContactPersons"))]
    return [] if all(_valid_email(email) for email in emails if email) else ["Email address must be valid."]


def _valid_email(email: Any) -> bool:
    try:
        validate_email(email)
    except ValidationError:
        return False
    return True


def _part_problems(element: Json) -> list[str]:
    problems = []
    for address in _dicts(element.get("Addresses")):
        problems += too_long(address, _ADDRESS)
        if address.get("AddressType") not in _ADDRESS_TYPES:
            problems.append("The AddressType is not valid.")
        if not _COUNTRY.match(str(address.get("Country") or "")):
            problems.append("The Country of an address may hold letters and spaces only.")
    for phone in _dicts(element.get("Phones")):
        problems += too_long(phone, _PHONE)
        if phone.get("PhoneType") not in (*_PHONE_TYPES, "OFFICE"):
            problems.append("The PhoneType is not valid.")
    if len(_dicts(element.get("ContactPersons"))) > MAX_PERSONS:
        problems.append(f"A contact may have at most {MAX_PERSONS} contact persons.")
    return problems


def _status_problems(element: Json) -> list[str]:
    status = element.get("ContactStatus", "ACTIVE")
    return [] if status in ("ACTIVE", "ARCHIVED") else [f"The ContactStatus '{status}' is not valid."]


def _dicts(value: object) -> list[Json]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def _fill(row: Contact, element: Json) -> None:
    if element.get("Name"):
        row.rename(" ".join(str(element["Name"]).split()))
    row.status = element.get("ContactStatus", row.status)
    for name, (column, _) in _TEXTS.items():
        if name in element:
            setattr(row, column, str(element[name] or ""))
    row.addresses = _merged(row.addresses, element.get("Addresses"), "AddressType", _ADDRESS)
    row.phones = _merged(row.phones, element.get("Phones"), "PhoneType", _PHONE)
    if "ContactPersons" in element:
        row.persons = _dicts(element["ContactPersons"])
    if isinstance(element.get("PaymentTerms"), dict):
        row.payment_terms = element["PaymentTerms"]


def _merged(there: dict[str, Json], sent: object, type_field: str, names: Iterable[str]) -> dict[str, Json]:
    """Return the parts with those sent put in place of those of the same type."""
    parts = dict(there)
    for part in _dicts(sent):
        parts[part[type_field]] = {name: str(part.get(name) or "") for name in names if name in part}
    return parts


def contact_json(
    row: Contact, detail: Detail, balance: tuple[Decimal, Decimal] | None, merged_to: UUID | None = None
) -> Json:
    texts = {name: value for name, (column, _) in _TEXTS.items() if (value := getattr(row, column))}
    body = {
        "ContactID": str(row.contact_id),
        "ContactStatus": row.status,
        "Name": row.name,
        "EmailAddress": row.email,
        "BankAccountDetails": "",
        **texts,
        "Addresses": [_part("AddressType", type_, row.addresses, _ADDRESS_BLANK) for type_ in _ADDRESS_TYPES],
        "Phones": [_part("PhoneType", type_, row.phones, _PHONE_BLANK) for type_ in _PHONE_TYPES],
        "UpdatedDateUTC": wire.timestamp(row.updated),
        "ContactGroups": [],
        "IsSupplier": row.is_supplier,
        "IsCustomer": row.is_customer,
        "ContactPersons": row.persons,
        "HasAttachments": False,
        "HasValidationErrors": False,
    }
    if row.website:
        body["Website"] = row.website
    if merged_to and detail in (Detail.FULL, Detail.PAGE):
        body["MergedToContactID"] = str(merged_to)
    for name in _LEFT_OUT[detail]:
        body.pop(name, None)
    if row.payment_terms and detail in (Detail.FULL, Detail.PAGE):
        body["PaymentTerms"] = row.payment_terms
    if balance:
        body["Balances"] = {"AccountsReceivable": {"Outstanding": balance[0], "Overdue": balance[1]}}
    return body


_ADDRESS_BLANK = {"City": "", "Region": "", "PostalCode": "", "Country": "", "AttentionTo": ""}
_PHONE_BLANK = dict.fromkeys(_PHONE, "")
_DEFAULTS = ("ContactPersons", "DefaultCurrency", "AccountsReceivableTaxType", "AccountsPayableTaxType")
_LEFT_OUT = {
    Detail.FULL: (),
    Detail.PAGE: (),
    Detail.LIST: _DEFAULTS,
    Detail.SUMMARY: (*_DEFAULTS, "Addresses", "ContactGroups", "IsCustomer", "IsSupplier", "HasAttachments"),
}


def _part(type_field: str, type_: str, parts: dict[str, Json], blank: dict[str, str]) -> Json:
    return {type_field: type_, **blank, **parts.get(type_, {})}


def _balances(call: Call, rows: list[Contact]) -> dict[int, tuple[Decimal, Decimal]]:
    """Return what each contact owes, and how much of that is overdue."""
    overdue = Case(When(due_date__lt=call.now.date(), then=F("amount_due")), default=Decimal(0))
    sums: Any = (
        Invoice.objects.filter(contact__in=rows, status="AUTHORISED")
        .order_by()
        .values("contact")
        .annotate(outstanding=Sum("amount_due"), overdue=Sum(overdue))
    )
    return {row["contact"]: (row["outstanding"], row["overdue"]) for row in sums}
