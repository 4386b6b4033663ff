"""Sales invoices on their way to Xero."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from xero_python.accounting import Contact, LineAmountTypes, LineItem
from xero_python.accounting import Invoice as XeroInvoice

from crm.models import Account
from finance import money
from finance.models import Invoice, InvoiceLine, Item, TaxRate
from xero_sync import accounts
from xero_sync.books import Books, Remote, RunOptions
from xero_sync.due_dates import due_date, is_moved
from xero_sync.gateway import Gateway
from xero_sync.kinds.base import Accepted, Description, Draw, ExportKind, Found, Need, Problem
from xero_sync.kinds.items import ItemExport, account_problems, item_code
from xero_sync.mirror import Element, amount, day
from xero_sync.models import SyncOptions

Number = SyncOptions.InvoiceNumber
#: Xero takes a list of numbers in the address; more than this makes it too long.
NUMBERS_PER_CALL = 40
LETTERS_PER_CALL = 1500
LOOK_UP_PAGE = 200
DESCRIPTION_LENGTH = 4000
#: What Xero takes as a number.
PRINTABLE = re.compile(r"[ -~]{1,255}")
_DEEP_LINK = re.compile(r"/i/([0-9a-f-]{36})/?$")
_OUR_APP = {"createdByMyApp": "true"}
#: Documents in these states leave their number free.
_GONE = {"VOIDED", "DELETED"}
#: How a document of ours was recognised: by the address that it carries.
OUR_DEEP_LINK = "our deep link"
#: What Xero's pages call the states of an invoice.
STATES = {
    "DRAFT": "Draft",
    "SUBMITTED": "Awaiting Approval",
    "AUTHORISED": "Awaiting Payment",
    "PAID": "Paid",
    "VOIDED": "Voided",
    "DELETED": "Deleted",
}


class InvoiceExport(ExportKind[Invoice]):
    name = "invoices"
    label, plural = "Invoice", "Invoices"
    xero_label = "invoice"
    endpoint, id_field = "Invoices", "InvoiceID"
    query = "summarizeErrors=false&unitdp=4"
    mirrors = ("contacts", "items", "tax_rates", "account_codes")
    app_path = "invoicing/view"

    # --- choosing

    def all_records(self) -> QuerySet[Invoice]:
        return Invoice.objects.all()

    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[Invoice]:
        exportable = Invoice.objects.filter(~self.is_linked(tenant_id), status__in=Invoice.EXPORTABLE, dont_send="")
        return self.narrowed(exportable, filters)

    def excluded(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[Invoice]:
        """Return what the filters match and can't be chosen: exported, of another status, or kept from being sent."""
        never = ~Q(status__in=Invoice.EXPORTABLE) | ~Q(dont_send="") | Q(self.is_linked(tenant_id))
        return self.narrowed(Invoice.objects.filter(never), filters)

    def narrowed(self, invoices: QuerySet[Invoice], filters: dict[str, Any]) -> QuerySet[Invoice]:
        """Return those of the invoices that the wizard's filters match, in a stable order."""
        if filters.get("due_from") and filters.get("due_to"):
            invoices = invoices.filter(due_date__range=(filters["due_from"], filters["due_to"]))
        if customer := filters.get("customer"):
            invoices = invoices.filter(Q(account__name__icontains=customer) | Q(account__code__iexact=customer))
        if site := filters.get("site"):
            invoices = invoices.filter(site__name__icontains=site)
        if number := filters.get("number"):
            invoices = invoices.filter(number__icontains=number)
        return invoices.select_related("account", "site").order_by("date", "id")

    def load(self, keys: Iterable[str | UUID]) -> list[Invoice]:
        found = list(Invoice.objects.filter(uuid__in=list(keys)).order_by("date", "id"))
        # Many lines share few items, many invoices few customers: each is made once. Prefetching would ask for
        # them in one condition each, which SQLite refuses from a thousand on
        lines = list(
            InvoiceLine.objects.filter(invoice__in=[each.pk for each in found]).order_by("invoice", "position")
        )
        customers = Account.objects.select_related("sales_tax").in_bulk({invoice.account_id for invoice in found})
        items = Item.objects.select_related("income_account", "expense_account", "tax").in_bulk(
            {line.item_id for line in lines if line.item_id}
        )
        taxes = TaxRate.objects.in_bulk({line.tax_id for line in lines if line.tax_id})
        lines_of: dict[int, list[InvoiceLine]] = {invoice.pk: [] for invoice in found}
        for line in lines:
            line.item = items[line.item_id] if line.item_id else None
            line.tax = taxes[line.tax_id] if line.tax_id else None
            lines_of[line.invoice_id].append(line)
        for invoice in found:
            invoice.account = customers[invoice.account_id]
            invoice.all_lines = lines_of[invoice.pk]
        return found

    def describe(self, record: Invoice) -> Description:
        return Description(record.number, record.account.name, record.total, record.currency)

    # --- what it is in Xero

    def needs(self, record: Invoice) -> list[Need]:
        lines = record.all_lines
        return [
            ("contacts", record.account),
            *(("items", line.item) for line in lines if line.item),
            *(("tax_rates", line.tax) for line in lines if line.taxable and line.tax),
        ]

    def needing(self, needs: Mapping[str, Collection[str]]) -> Q:
        contacts, items, taxes = (needs.get(name, ()) for name in ("contacts", "items", "tax_rates"))
        return (
            Q(account__uuid__in=contacts)
            | Q(account__sales_tax__uuid__in=taxes)
            | Q(lines__item__uuid__in=items)
            | Q(lines__item__tax__uuid__in=taxes)
            | Q(lines__tax__uuid__in=taxes)
        )

    def learn(self, records: Sequence[Invoice], books: Books) -> None:
        books.learn_links(self.name, [record.uuid for record in records])
        books.learn_elsewhere(self.name, [record.uuid for record in records])
        books.learn_deep_links(self.name, [record.uuid for record in records])
        books.learn_links("contacts", {record.account.uuid for record in records})
        items = {line.item.uuid for record in records for line in record.all_lines if line.item}
        books.learn_links("items", items, may_vanish=True)

    def look(self, gateway: Gateway, records: Sequence[Invoice], books: Books, sent: Sequence[Element]) -> None:
        """Ask by number, or where Xero numbers them, by customer and day; our deep link tells which is ours."""
        if books.options.invoice_number == Number.XERO_NUMBER:
            self._look_by_customer(gateway, books, sent)
        else:
            numbers = [str(each["InvoiceNumber"]) for each in sent]
            self._look_by_number(gateway, books, numbers)
            if books.without_url:
                self._look_by_number(gateway, books, numbers, **_OUR_APP)
        books.learn_owners(self.name, {str(each["InvoiceID"]) for each in chain(*books.documents.values())})

    def _look_by_number(self, gateway: Gateway, books: Books, numbers: Sequence[str], **also: str) -> None:
        # A comma separates numbers in the list form, and spaces around it don't count: such a number is searched
        # for by itself. A filter could not say a number with a double quote
        odd = [number for number in numbers if "," in number or number != number.strip()]
        for chunk in _chunks(number for number in numbers if number not in odd):
            self._collect(gateway, {"InvoiceNumbers": ",".join(chunk), **also}, books)
        for number in odd:
            self._collect(gateway, {"searchTerm": number, **also}, books)

    def _look_by_customer(self, gateway: Gateway, books: Books, sent: Sequence[Element]) -> None:
        contacts = sorted({str(each["Contact"]["ContactID"]) for each in sent})
        days = [date.fromisoformat(each["Date"]) for each in sent]
        first, last = min(days), max(days)
        where = (
            f"Date>=DateTime({first.year},{first.month:02},{first.day:02}) "
            f"AND Date<=DateTime({last.year},{last.month:02},{last.day:02})"
        )
        for start in range(0, len(contacts), NUMBERS_PER_CALL):
            chunk = ",".join(contacts[start : start + NUMBERS_PER_CALL])
            self._collect(gateway, {"ContactIDs": chunk, "where": where, **_OUR_APP}, books)

    def _collect(self, gateway: Gateway, params: dict[str, str], books: Books) -> None:
        # Whole documents: a thousand of a busy day may take Xero longer than a call may take
        for page in gateway.pages("Invoices", {**params, "order": "InvoiceID"}, page_size=LOOK_UP_PAGE):
            for element in page:
                if element.get("Type", "ACCREC") == "ACCREC":
                    if _OUR_APP.items() <= params.items():
                        books.made_by_us.add(str(element["InvoiceID"]))  # Xero filters by it, and doesn't tell it
                    for key in self.remote_keys(element):
                        books.documents.setdefault(key, []).append(element)

    def find(self, record: Invoice, books: Books) -> Found:
        """The link; where somebody looked, the live document that carries our deep link, or has our number."""
        if link := books.link(self.name, record.uuid):
            return Found([Remote(link.xero_id, link.xero_number, "", {})], "saved link", linked=True)
        keys = self.element_keys(record, books)
        if str(record.uuid) in books.without_url and len(keys) == 1:
            # Numbered by Xero and without our link: any document of this customer and day may be it
            candidates = [each for each in chain(*books.documents.values()) if self._is_nobodys(each, books)]
        else:
            candidates = [each for key in keys for each in books.documents.get(key, [])]
        documents = [each for each in candidates if each.get("Status") not in _GONE]
        live = {str(each["InvoiceID"]): each for each in documents}
        for xero_id, number_then in books.released.get(record.uuid, {}).items():
            # Reset, and still there: taking it for the new export would send nothing, sending anew would bill twice
            if (old := live.pop(xero_id, None)) and not _may_stay(record, old, number_then, books):
                return Found([_remote(old)], problem=_still_there(record, old, books))
        ours = [each for each in live.values() if self._is_ours(record, each, books)]
        if ours:
            return Found([_remote(each) for each in ours], OUR_DEEP_LINK)
        if live and len(keys) > 1:
            other = next(iter(live.values()))
            return Found([_remote(other)], problem=_number_taken(record, other, books))
        return Found()

    def _is_nobodys(self, element: Element, books: Books) -> bool:
        return not element.get("Url") and books.owner(self.name, str(element["InvoiceID"])) is None

    def _is_ours(self, record: Invoice, element: Element, books: Books) -> bool:
        """Our deep link decides, whatever its host; a document without one must agree in everything else."""
        carried = _DEEP_LINK.search(str(element.get("Url") or ""))
        if carried:
            return carried[1] == str(books.deep_links.get(record.uuid))
        link = books.link("contacts", record.account.uuid)
        return (
            link is not None
            and str(element["InvoiceID"]) in books.made_by_us
            and (element.get("Contact") or {}).get("ContactID") == link.xero_id
            and str(element.get("CurrencyCode") or "") in {record.currency, books.base_currency}
            and amount(element.get("Total")) == record.total
            and day(element.get("Date")) == record.date
        )

    # --- what stands against it

    def problems(self, record: Invoice, books: Books) -> list[Problem]:
        found = [
            Problem(reason, words, record.get_absolute_url()) for reason, words in self._header_problems(record, books)
        ]
        for line in record.all_lines:
            found += [Problem(reason, words, record.get_absolute_url()) for reason, words in _text_problems(line)]
            found += _account_problems(line, books)
            found += _rate_problems(line, books)
        return found

    def _header_problems(self, record: Invoice, books: Books) -> Iterator[tuple[str, str]]:
        number = sent_number(record, books)
        if record.status not in Invoice.EXPORTABLE:
            status = record.get_status_display()
            yield "wrong_status", f"The invoice is {status}; only Ready to Send and Sent go to Xero."
        if record.dont_send:
            yield "dont_send", f"Marked “Don't send”: {record.dont_send}"
        if not record.all_lines:
            yield "no_lines", "This invoice has no lines."
        if not record.account.name.strip():
            yield "no_name", "This invoice has no customer name."
        if record.total < 0:
            yield "negative_total", "A negative total can't be an invoice."
        if record.currency and record.currency not in books.currencies:
            yield "currency", f"{record.currency} isn't switched on in your Xero."
        if books.options.status != SyncOptions.Status.DRAFT and books.lock_date and record.date <= books.lock_date:
            yield (
                "locked_period",
                f"Xero is locked up to {books.lock_date}; this invoice is dated {record.date}. "
                "Send it as Draft, or change its date.",
            )
        if number is not None and not PRINTABLE.fullmatch(number):
            yield "bad_number", "Xero takes numbers of up to 255 plain characters only."

    def warnings(self, record: Invoice, books: Books) -> list[str]:
        warnings = []
        if elsewhere := books.elsewhere.get(record.uuid):
            warnings.append(f"Already in {elsewhere}, another organisation: sent here, too, it stands in both ledgers.")
        if is_moved(record, books.options.due_date):
            warnings.append(f"The due date rule gives a date before the invoice's own; {record.date} is sent.")
        if record.total == 0 and books.options.status == SyncOptions.Status.AUTHORISED:
            warnings.append("Xero treats a total of 0.00 as paid and locks the invoice.")
        return warnings

    # --- to Xero

    def to_xero(self, record: Invoice, books: Books) -> XeroInvoice:
        return XeroInvoice(
            type="ACCREC",
            contact=Contact(contact_id=_contact_id(record, books)),
            line_items=[self._line(line, books) for line in record.all_lines],
            date=record.date,
            due_date=due_date(record, books.options.due_date),
            line_amount_types=LineAmountTypes.EXCLUSIVE,
            invoice_number=sent_number(record, books),
            reference=(record.po_number or None) if books.options.po_in_reference else None,
            url=_url(record, books),
            currency_code=record.currency or None,
            status=books.options.status,
        )

    def _line(self, line: InvoiceLine, books: Books) -> LineItem:
        return LineItem(
            description=line_text(line),
            quantity=line.quantity,
            unit_amount=line.unit_price,
            item_code=_item_code(line.item, books) if line.item else None,
            account_code=accounts.income_account(line.item, books).code,
            tax_type=line_tax_type(line, books),
            discount_rate=line.discount_percent or None,
        )

    def element_keys(self, record: Invoice, books: Books) -> tuple[str, ...]:
        number = sent_number(record, books)
        return (str(books.deep_links[record.uuid]), *((f"number:{number}",) if number else ()))

    def remote_keys(self, element: Element) -> tuple[str, ...]:
        carried = _DEEP_LINK.search(str(element.get("Url") or ""))
        number = element.get("InvoiceNumber")
        return (*((carried[1],) if carried else ()), *((f"number:{number}",) if number else ()))

    def accept(self, element: Element) -> Accepted:
        return Accepted(str(element["InvoiceID"]), self.number(element), amount(element.get("Total")))

    def number(self, element: Element) -> str:
        return str(element.get("InvoiceNumber") or "")

    def can_do_without(self, words: str) -> bool:
        return re.search(r"\burl\b", words, re.IGNORECASE) is not None

    def collision_key(self, record: Invoice, books: Books) -> str:
        return sent_number(record, books) or ""

    def draws(self, record: Invoice, books: Books) -> list[Draw]:
        """Approving an invoice takes tracked items from stock, and Xero refuses to go below none."""
        if books.options.status != SyncOptions.Status.AUTHORISED or books.options.allow_backorders:
            return []
        wanted: dict[UUID, Draw] = {}
        for line in record.all_lines:
            if line.item and (on_hand := _on_hand(line.item, books)) is not None:
                so_far = wanted[line.item.uuid].quantity if line.item.uuid in wanted else Decimal(0)
                wanted[line.item.uuid] = Draw(str(line.item.uuid), line.item.name, so_far + line.quantity, on_hand)
        return list(wanted.values())

    def path(self, options: RunOptions) -> str:
        return super().path(options) + ("&allowBackorders=true" if options.allow_backorders else "")

    def asks(self, record: Invoice, books: Books) -> tuple[str, ...]:
        number = sent_number(record, books)
        return (*((f"number:{number}",) if number else ()), *books.released.get(record.uuid, ()))

    def look_ahead(self, gateway: Gateway, records: Sequence[Invoice], books: Books) -> None:
        """Ask by number; for an invoice that was reset, also by the id that it had: people renumber in Xero."""
        self._look_by_number(gateway, books, [number for record in records if (number := sent_number(record, books))])
        # A document of old carries an address of old: it is put where the new export will look for it
        reset = {xero_id: record for record in records for xero_id in books.released.get(record.uuid, ())}
        for start in range(0, len(reset), NUMBERS_PER_CALL):
            chunk = ",".join(list(reset)[start : start + NUMBERS_PER_CALL])
            for page in gateway.pages("Invoices", {"IDs": chunk}):
                for element in page:
                    key = str(books.deep_links[reset[str(element["InvoiceID"])].uuid])
                    books.documents.setdefault(key, []).append(element)

    def must_look_ahead(self, record: Invoice, books: Books) -> bool:
        return record.uuid in books.released

    def our_total(self, record: Invoice) -> Decimal | None:
        return record.total

    def expected_total(self, record: Invoice, books: Books) -> Decimal | None:
        return money.totals((line.amount, _rate_in_xero(line, books)) for line in record.all_lines).total

    def remember(self, record: Invoice) -> dict[str, Any]:
        return {"number": record.number, "total": str(record.total), "date": record.date.isoformat()}


def sent_number(invoice: Invoice, books: Books) -> str | None:
    """Return the number that is sent to Xero; None where Xero counts on itself."""
    match books.options.invoice_number:
        case Number.XERO_NUMBER:
            return None
        case Number.BMS_ID:
            return str(invoice.pk)
    return invoice.number


def _chunks(numbers: Iterable[str]) -> Iterator[list[str]]:
    """Split numbers into what one address holds."""
    chunk: list[str] = []
    for number in numbers:
        if chunk and (len(chunk) == NUMBERS_PER_CALL or sum(map(len, chunk)) + len(number) > LETTERS_PER_CALL):
            yield chunk
            chunk = []
        chunk.append(number)
    if chunk:
        yield chunk


def line_text(line: InvoiceLine) -> str:
    """Return the description of a line: its own, else that of its item."""
    return (line.description or (line.item.description or line.item.name if line.item else "")).strip()


def line_tax_type(line: InvoiceLine, books: Books) -> str:
    """Return Xero's tax type of a line."""
    if not (line.taxable and line.tax):
        return books.options.non_taxable_tax_type
    return books.tax_type(line.tax)


def _url(record: Invoice, books: Books) -> str | None:
    """Return the link back to us, without which Xero has to do if it refused it."""
    path = f"/i/{books.deep_links[record.uuid]}/"
    # Another process may know this site by another address; that is no change to the invoice
    if books.symbolic:
        return path
    return None if str(record.uuid) in books.without_url else f"{settings.SITE_URL}{path}"


def _item_code(item: Item, books: Books) -> str:
    # Once it is linked it has the code that Xero knows it by; that is no change to the invoice
    return str(item.uuid) if books.symbolic else item_code(item, books)


def _contact_id(record: Invoice, books: Books) -> str:
    if books.symbolic:
        return str(record.account.uuid)
    link = books.link("contacts", record.account.uuid)
    # The id alone: any other field of the contact would be taken as a change to it
    return link.xero_id if link else ""


def _on_hand(item: Item, books: Books) -> Decimal | None:
    """Return how many Xero has of a tracked item, none of one that is yet to be created; None if it isn't tracked."""
    found = ItemExport().find(item, books).remotes if not books.link("items", item.uuid) else ()
    remote = books.linked_remote("items", item.uuid) or next(iter(found), None)
    if remote is None:
        return Decimal(0) if item.requires_procurement else None
    tracked = remote.payload.get("IsTrackedAsInventory") in {True, "true"}
    return amount(remote.payload.get("QuantityOnHand")) if tracked else None


def _rate_in_xero(line: InvoiceLine, books: Books) -> Decimal:
    return books.rate_in_xero(line.tax) if line.taxable and line.tax else money.ZERO


def _text_problems(line: InvoiceLine) -> Iterator[tuple[str, str]]:
    text = line_text(line)
    where = f"line {line.position + 1}"
    if not text:
        yield "no_description", f"There is no description on {where}."
    if len(text) > DESCRIPTION_LENGTH:
        yield (
            "too_long",
            f"The description of {where} is {len(text)} characters long; Xero allows {DESCRIPTION_LENGTH}.",
        )
    if "\x00" in text:
        yield "bad_text", f"The description of {where} has a character that can't be sent."


def _account_problems(line: InvoiceLine, books: Books) -> list[Problem]:
    whose = line.item.name if line.item else f"Line {line.position + 1}"
    return account_problems("income account", accounts.income_account(line.item, books), whose, books)


def _rate_problems(line: InvoiceLine, books: Books) -> list[Problem]:
    if line.taxable and line.tax and (theirs := _rate_in_xero(line, books)) != line.tax.rate:
        ours = line.tax.rate
        return [
            Problem(
                "tax_rates_differ",
                f"“{line.tax.name}” is {ours.normalize():f} % here and {theirs.normalize():f} % in Xero.",
                "tax_mapping",
            )
        ]
    return []


def _remote(element: Element) -> Remote:
    return Remote(
        str(element["InvoiceID"]), str(element.get("InvoiceNumber") or ""), str(element.get("Status") or ""), element
    )


def _may_stay(record: Invoice, old: Element, number_then: str, books: Books) -> bool:
    """Say whether the document of a former export may stay beside a new one: somebody here has since given the
    invoice another number, so it is to be billed apart. Where that number isn't sent, it says nothing."""
    renumbered = number_then not in {"", record.number} and old.get("InvoiceNumber") != record.number
    return renumbered and books.options.invoice_number == Number.BMS_NUMBER


def _still_there(record: Invoice, element: Element, books: Books) -> Problem:
    state = STATES.get(str(element.get("Status")), str(element.get("Status")))
    or_renumber = ", or give this one another number" if books.options.invoice_number == Number.BMS_NUMBER else ""
    return Problem(
        "reset_and_still_there",
        f"It was reset here and is still in Xero as {element.get('InvoiceNumber') or 'a draft'}, {state}. "
        f"Void or delete it there{or_renumber}.",
        record.get_absolute_url(),
    )


def _number_taken(record: Invoice, element: Element, books: Books) -> Problem:
    contact = (element.get("Contact") or {}).get("Name") or "another customer"
    return Problem(
        "number_taken",
        f"{sent_number(record, books)} is already used in Xero for {contact}, {amount(element.get('Total')):.2f}, "
        f"{day(element.get('Date'))}. Use another number, or let Xero number it.",
        record.get_absolute_url(),
    )
