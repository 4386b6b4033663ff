"""Our accounts (customers), and Xero's contacts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model, Q, QuerySet, prefetch_related_objects
from django.db.models.functions import Lower
from xero_python.accounting import Contact

from crm.models import Account, Site
from xero_sync import mirror
from xero_sync.books import Books, Link, Remote
from xero_sync.contact_fields import (
    ADDRESSES,
    PHONES,
    address_changes,
    address_of,
    changed_address,
    changed_phone,
    new_addresses,
    new_phones,
    phone_of,
    same_number,
)
from xero_sync.errors import NotFound
from xero_sync.gateway import Gateway
from xero_sync.kinds.base import CHOICE, Change, Decision, Description, ExportKind, Found, Need, Problem, too_long
from xero_sync.kinds.importing import ImportBooks, ImportKind
from xero_sync.kinds.tax_rates import parts_words, tax_to_be
from xero_sync.mirror import Element, fold, has_odd_spaces, lowered
from xero_sync.models import JobRow, XeroRecord

#: Written to what Xero calls the contact code, which people don't see and only programs set: ours for good.
NUMBER_PREFIX = "bms:"

#: Each takes a call.
MOST_LOOK_UPS = 40
#: Contacts in these states may stand on no new document.
WORDS_OF_STATUS = {"ARCHIVED": "archived", "GDPRREQUEST": "personal data removed"}

Outcome = JobRow.Outcome


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
        linked = self.is_linked(tenant_id)
        match filters.get("active"):
            case "yes":
                accounts = Account.objects.filter(active=True)
            case "no":
                accounts = Account.objects.filter(active=False)
            case _:
                # Inactive ones that Xero never had would be created there just to be archived
                accounts = Account.objects.filter(Q(active=True) | Q(linked))
        if text := filters.get("text"):
            accounts = accounts.filter(Q(name__icontains=text) | Q(code__icontains=text))
        if filters.get("unlinked"):
            accounts = accounts.exclude(linked)
        return accounts.order_by("name", "id")

    def load(self, keys: Iterable[str | UUID]) -> list[Account]:
        accounts = Account.objects.filter(uuid__in=list(keys)).select_related("sales_tax")
        return list(accounts.prefetch_related("sites"))

    def describe(self, record: Account) -> Description:
        return Description(record.name, record.code)

    def needs(self, record: Account) -> list[Need]:
        return [("tax_rates", record.sales_tax)] if record.taxable and record.sales_tax else []

    def needing(self, needs: Mapping[str, Collection[str]]) -> Q:
        return Q(sales_tax__uuid__in=needs.get("tax_rates", ()))

    def learn(self, records: Sequence[Account], books: Books) -> None:
        prefetch_related_objects(records, "sites")  # those that an invoice brings along have none yet
        books.learn_links(self.name, [record.uuid for record in records])
        books.learn_matches(
            self.name,
            keys=[contact_number(record) for record in records],
            names=[record.name for record in records],
        )
        books.names |= {record.uuid: record.name for record in records}
        named = (each for record in records for each in self._named(record, books))
        owners = (books.owner(self.name, each.xero_id) for each in named)
        if others := {owner for owner in owners if owner} - books.names.keys():
            books.names |= dict(Account.objects.filter(uuid__in=others).values_list("uuid", "name"))

    def find(self, record: Account, books: Books) -> Found:
        if link := books.link(self.name, record.uuid):
            return self._linked(record, link, books.linked_remote(self.name, record.uuid))
        if ours := books.by_key(self.name, contact_number(record)):
            return _usable(record, ours, "our own number", books)
        return _usable(record, self._named(record, books), "same name", books)

    def _named(self, record: Account, books: Books) -> list[Remote]:
        # Names of archived contacts may repeat those of active ones, which alone must differ
        named = books.by_name(self.name, record.name)
        return [each for each in named if each.status == "ACTIVE"] or named

    def _linked(self, record: Account, link: Link, remote: Remote | None) -> Found:
        known = remote or Remote(link.xero_id, "", "ACTIVE", {})
        return Found([known], "saved link", linked=True, problem=_archived(record, known, link))

    def choose(self, record: Account, remote: Remote, books: Books) -> Found:
        return _usable(record, [remote], CHOICE, books)

    def decide_status(self, record: Account, found: Found, books: Books) -> Decision | None:
        """Active here is active in Xero, inactive here is archived there; an archived contact is left archived
        unless the account was chosen itself."""
        if len(found.remotes) > 1:
            return None
        remote = next(iter(found.remotes), None)
        if record.active:
            return self._restore(record, remote, books) if found.linked and remote else None
        if remote and (found.problem or remote.status == "ARCHIVED"):
            return None if not found.linked else _as_it_is(remote, "Archived in Xero already, and inactive here.")
        if not books.options.archive_inactive:
            return Decision(Outcome.SKIP, "inactive", "Inactive here, and archiving was not asked for.")
        if remote is None:
            words = "It is created in Xero and then archived, as the account is inactive here."
            problems = self.problems(record, books)
            return _refused(problems) if problems else Decision(Outcome.ARCHIVE, "inactive", words)
        return Decision(
            Outcome.ARCHIVE,
            "inactive",
            "Archive in Xero: the account is inactive here.",
            how=found.how,
            xero_id=remote.xero_id,
            xero_number=remote.name,
            diff=[("Status", "Active", "Archived")],
        )

    def _restore(self, record: Account, remote: Remote, books: Books) -> Decision | None:
        if remote.status != "ARCHIVED" or merged_into(remote.payload):  # one that was merged lives on as another
            return None
        return Decision(
            Outcome.UPDATE,
            "restored",
            "Make active again in Xero: the account is active here.",
            xero_id=remote.xero_id,
            xero_number=remote.name,
            diff=[("Status", "Archived", "Active"), *self.changes(record, remote, books, requested=True)],
        )

    def must_look_ahead(self, record: Account, books: Books) -> bool:
        """Before it is made active again: it may have been merged, which only the answer for this very one tells."""
        remote = books.linked_remote(self.name, record.uuid)
        return bool(record.active and remote and remote.status == "ARCHIVED" and not merged_into(remote.payload))

    def look_ahead(self, gateway: Gateway, records: Sequence[Account], books: Books) -> None:
        asked = [record for record in records if self.must_look_ahead(record, books)][:MOST_LOOK_UPS]
        for record in asked:
            if link := books.link(self.name, record.uuid):
                with suppress(NotFound):
                    told = gateway.read(f"{self.endpoint}/{link.xero_id}").get(self.endpoint) or []
                    mirror.store(books.tenant_id, self.name, told)
        if asked:
            books.learn_links(self.name, [record.uuid for record in asked])

    def changes(self, record: Account, remote: Remote | None, books: Books, *, requested: bool) -> list[Change]:
        """All that an account export maps; along with an invoice only e-mail and postal address, where the option
        says that contacts follow. Blanks never overwrite."""
        if remote is None or not (requested or not books.options.keep_contacts):
            return []
        site, contact = record.main_site, remote.payload
        found = [("E-mail", str(contact.get("EmailAddress") or ""), site.billing_email if site else "")]
        if requested:
            found = [*self._own_changes(record, contact, books), *found]
        return [
            *((label, before, after) for label, before, after in found if after and before != after),
            *(_phone_changes(site, contact) if requested and site else ()),
            *(address_changes(site, contact, "billing") if site else ()),
            *(address_changes(site, contact, "shipping") if requested and site else ()),
        ]

    def _own_changes(self, record: Account, contact: Element, books: Books) -> list[Change]:
        ours = tax_to_be(record.sales_tax, books) if record.taxable and record.sales_tax else ""
        theirs = str(contact.get("AccountsReceivableTaxType") or "")
        name = str(contact.get("Name") or "")
        return [
            ("Name", name, name if fold(name) == fold(record.name) else sent_name(record)),
            ("Account number", str(contact.get("AccountNumber") or ""), record.code),
            ("Tax number", str(contact.get("TaxNumber") or ""), record.tax_number),
            ("Default sales tax", books.rate_name(theirs), books.rate_name(ours)),
        ]

    def tell_apart(self, remote: Remote, books: Books) -> str:
        contact = remote.payload
        city = address_of(contact, "billing")["city"] or address_of(contact, "shipping")["city"]
        told = [str(each) for each in (contact.get("AccountNumber"), contact.get("EmailAddress"), city) if each]
        against = [WORDS_OF_STATUS[remote.status]] if remote.status in WORDS_OF_STATUS else []
        if owner := books.owner(self.name, remote.xero_id):
            against.append(f"already linked to {books.names.get(owner, 'another account')}")
        return ", ".join([*(told or [f"id {remote.xero_id[:8]}"]), *against])

    def problems(self, record: Account, books: Books) -> list[Problem]:
        problems = []
        if not record.name.strip():
            problems.append(Problem("no_name", "This account has no name."))
        if "<" in record.name or ">" in record.name:
            problems.append(Problem("bad_name", "Xero doesn't take < or > in a contact's name."))
        if "\x00" in record.name:
            problems.append(Problem("bad_name", "The name has a character that can't be sent."))
        site = record.main_site
        problems += [
            *(too_long("The phone number", site.phone, 50) if site else ()),
            *(too_long("The fax number", site.fax, 50) if site else ()),
            *too_long("The name", record.name, 255),
            *too_long("The account code", record.code, 50),
            *too_long("The tax number", record.tax_number, 50),
        ]
        return [replace(each, fix_url=record.get_absolute_url()) for each in problems]

    def to_xero(self, record: Account, books: Books) -> Contact:
        site = record.main_site
        tax = record.sales_tax if record.taxable else None
        return Contact(
            name=sent_name(record),
            contact_number=contact_number(record),
            account_number=record.code or None,
            email_address=(site and site.billing_email) or None,
            tax_number=record.tax_number or None,
            accounts_receivable_tax_type=(books.tax_type(tax) or None) if tax else None,
            default_currency=record.default_currency if record.default_currency in books.currencies else None,
            addresses=(new_addresses(site) if site else []) or None,
            phones=(new_phones(site) if site else []) or None,
        )

    def to_update(self, record: Account, xero_id: str, books: Books, *, requested: bool) -> Contact:
        """Send what is filled in here; Xero keeps the rest. Addresses and numbers go whole, or parts of old ones
        would stay."""
        site = record.main_site
        kinds = [kind for kind in (ADDRESSES if requested else ("billing",)) if site and any(site.address(kind))]
        update = Contact(
            contact_id=xero_id,
            email_address=(site and site.billing_email) or None,
            addresses=[changed_address(site, kind) for kind in kinds] if site and kinds else None,
        )
        if requested:
            self._add_own(update, record, books)
        return update

    def _add_own(self, update: Contact, record: Account, books: Books) -> None:
        site, tax = record.main_site, record.sales_tax if record.taxable else None
        remote = books.linked_remote(self.name, record.uuid)
        theirs = str(remote.payload.get("Name") or "") if remote else ""
        update.name = sent_name(record) if fold(theirs) != fold(record.name) else None
        update.account_number = record.code or None
        update.tax_number = record.tax_number or None
        update.accounts_receivable_tax_type = (books.tax_type(tax) or None) if tax else None
        update.phones = [changed_phone(site, name) for name in PHONES if getattr(site, name)] if site else None
        # Archived ones only come here when the account was chosen itself
        update.contact_status = "ACTIVE" if remote and remote.status == "ARCHIVED" else None

    def to_archive(self, record: Account, xero_id: str) -> Contact:
        return Contact(contact_id=xero_id, contact_status="ARCHIVED")

    def element_keys(self, record: Account, books: Books) -> tuple[str, ...]:
        return (contact_number(record),)

    def remote_keys(self, element: Element) -> tuple[str, ...]:
        return (str(element.get("ContactNumber") or ""),)

    def collision_key(self, record: Account, books: Books) -> str:
        return fold(record.name)

    def remember(self, record: Account) -> dict[str, Any]:
        return remember(record)


class ContactImport(ImportKind[Account]):
    name = "contacts"
    label, xero_label = "Account", "contact"
    mirrors = ("contacts", "tax_rates")

    def text(self, text: str) -> Q:
        return (
            Q(folded_name__contains=fold(text))
            | Q(payload__AccountNumber__icontains=text)
            | Q(payload__EmailAddress__icontains=text)
        )

    def narrow(self, records: QuerySet[XeroRecord], filters: dict[str, Any]) -> QuerySet[XeroRecord]:
        match filters.get("who"):
            case "customers":
                return records.filter(payload__IsCustomer=True)
            case "suppliers":
                return records.filter(payload__IsSupplier=True)
        return records

    def load(self, local_ids: Iterable[UUID], *, lock: bool) -> list[Account]:
        records = Account.objects.select_for_update() if lock else Account.objects.all()
        return list(records.filter(uuid__in=list(local_ids)))

    def matches(self, remotes: Sequence[XeroRecord]) -> dict[str, tuple[str, list[Account]]]:
        """The number that an export of ours left there, then the name; case and spaces don't count."""
        numbers = {each.key.removeprefix(NUMBER_PREFIX): each for each in remotes if each.key.startswith(NUMBER_PREFIX)}
        ours = {str(each.uuid): each for each in Account.objects.filter(uuid__in=_uuids(numbers))}
        names = {word for each in remotes for word in lowered(str(each.payload.get("Name") or ""))}
        named: dict[str, list[Account]] = defaultdict(list)
        # By the index on the lower-case name; Xero takes outer and double spaces out of names, we don't
        plain = Account.objects.annotate(folded=Lower("name")).filter(folded__in=names)
        spaced = Account.objects.filter(has_odd_spaces("name"))
        for account in {each.pk: each for each in chain(plain, spaced)}.values():
            named[fold(account.name)].append(account)
        found = {each.xero_id: ("same name", named[each.folded_name]) for each in remotes if each.folded_name in named}
        return found | {
            numbers[key].xero_id: ("our own number", [account]) for key, account in ours.items() if key in numbers
        }

    def describe(self, remote: XeroRecord) -> Description:
        return Description(
            str(remote.payload.get("Name") or ""),
            str(remote.payload.get("EmailAddress") or remote.payload.get("AccountNumber") or ""),
        )

    def needs(self, remote: XeroRecord, books: ImportBooks) -> list[tuple[str, str]]:
        tax_type = sales_tax_of(remote.payload)
        return [("tax_rates", tax_type)] if tax_type in books.rates else []

    def problems(self, remote: XeroRecord, books: ImportBooks) -> list[Problem]:
        if remote.status == "GDPRREQUEST":
            return [Problem("personal_data_removed", "Xero has removed this contact's data on its owner's request.")]
        return []

    def changes(self, remote: XeroRecord, record: Account, books: ImportBooks) -> list[Change]:
        """The name alone: the rest of an account that is linked belongs to the people here."""
        name = str(remote.payload.get("Name") or "")
        return [("Name", record.name, name)] if name and name != record.name else []

    def notes(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        notes = ["Its main site is created with the addresses from Xero."]
        if remote.status == "ARCHIVED":
            notes.append("It is archived in Xero, so it is inactive here.")
        tax_type = sales_tax_of(remote.payload)
        if tax_type and (rate := books.rates.get(tax_type)):
            notes.append(f"Sales tax: {rate.name}. {parts_words(rate.payload)}".strip())
        else:
            notes.append("Not taxable: Xero has no default sales tax for it.")
        return notes

    def warnings(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        warnings = []
        tax_type, currency = sales_tax_of(remote.payload), str(remote.payload.get("DefaultCurrency") or "")
        if tax_type and tax_type not in books.rates:
            warnings.append(f"Its default sales tax {tax_type} isn't among Xero's tax rates, so it is left blank.")
        if currency and currency not in books.currencies:
            warnings.append(f"Its currency {currency} isn't switched on in your Xero.")
        if (email := str(remote.payload.get("EmailAddress") or "")) and not _is_email(email):
            warnings.append(f"“{email}” is no e-mail address, so it is left blank.")
        return warnings

    def collision_key(self, remote: XeroRecord) -> str:
        return remote.folded_name

    def make(self, remote: XeroRecord, books: ImportBooks) -> Account:
        contact, tax_type = remote.payload, sales_tax_of(remote.payload)
        return Account(
            name=str(contact.get("Name") or "")[:255],
            code=str(contact.get("AccountNumber") or "")[:50],
            active=remote.status == "ACTIVE",
            default_currency=str(contact.get("DefaultCurrency") or "")[:3],
            taxable=bool(tax_type),
            sales_tax=books.our_rate(tax_type) if tax_type else None,
            tax_number=str(contact.get("TaxNumber") or "")[:50],
        )

    def make_parts(self, remote: XeroRecord, record: Account, books: ImportBooks) -> list[Model]:
        contact = remote.payload
        email = str(contact.get("EmailAddress") or "")
        addresses = {f"{kind}_{part}": value for kind in ADDRESSES for part, value in address_of(contact, kind).items()}
        return [
            Site(
                account=record,
                name="Main",
                is_main=True,
                billing_email=email if _is_email(email) else "",
                phone=phone_of(contact, "phone"),
                fax=phone_of(contact, "fax"),
                **addresses,
            )
        ]

    def update(self, remote: XeroRecord, record: Account, books: ImportBooks) -> None:
        record.name = str(remote.payload.get("Name") or record.name)[:255]

    def remember(self, record: Account) -> dict[str, Any]:
        return remember(record)


def remember(record: Account) -> dict[str, Any]:
    """Return what a link keeps of an account."""
    return {"name": record.name}


def sales_tax_of(contact: Element) -> str:
    """Return a contact's default sales tax; blank where none is set, or one that says "not taxed"."""
    tax_type = str(contact.get("AccountsReceivableTaxType") or "")
    return "" if tax_type == "NONE" else tax_type


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 255


def _uuids(texts: Iterable[str]) -> list[UUID]:
    found = []
    for text in texts:
        with suppress(ValueError):
            found.append(UUID(text))
    return found


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
    return Found(remotes, how, problem=_archived(record, remote))


def _archived(record: Account, remote: Remote, link: Link | None = None) -> Problem | None:
    if remote.status not in WORDS_OF_STATUS:
        return None
    # Only the answer for this very contact tells of a merging, so our copy knows once somebody has looked
    merged = bool(merged_into(remote.payload))
    became = "was merged into another" if merged else "is archived"
    mend = "Link the account to that one" if merged else "Restore it there, or link the account to another"
    words = f"{remote.name or 'This contact'} {became} in Xero. {mend}."
    return Problem("contact_archived", words, (merged and link and link.url) or record.get_absolute_url())


def merged_into(contact: Element) -> str:
    """Return the id of the contact that this one was merged into; blank where it wasn't."""
    return str(contact.get("MergedToContactID") or "")


def _phone_changes(site: Site, contact: Element) -> Iterator[Change]:
    for name, label in (("phone", "Phone"), ("fax", "Fax")):
        ours, theirs = getattr(site, name), phone_of(contact, name)
        if ours and not same_number(ours, theirs):
            yield label, theirs, ours


def sent_name(account: Account) -> str:
    """Return an account's name as Xero keeps names: without outer and double spaces."""
    return " ".join(account.name.split())


def _as_it_is(remote: Remote, words: str) -> Decision:
    return Decision(Outcome.SKIP, "already_linked", words, xero_id=remote.xero_id, xero_number=remote.name)


def _refused(problems: Sequence[Problem]) -> Decision:
    words = " ".join(dict.fromkeys(each.message for each in problems))
    return Decision(Outcome.FAIL, problems[0].reason, words, problems[0].fix_url)
