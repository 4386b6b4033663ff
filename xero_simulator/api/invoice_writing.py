"""Creating and changing invoices: what is checked, and what is saved."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import urlsplit

from xero_simulator import settlement
from xero_simulator.api import wire
from xero_simulator.api.base import Call, Json, uuid_or_none
from xero_simulator.api.contacts import ContactEndpoint
from xero_simulator.api.invoice_known import GONE, Known, lines_of
from xero_simulator.api.invoice_lines import Terms, read_line
from xero_simulator.api.lengths import too_long
from xero_simulator.books import exchange_rate
from xero_simulator.models import Contact, Invoice, InvoiceLine
from xero_simulator.models.contacts import fold

APPROVED = ("AUTHORISED", "PAID")
FROM_STATUS = {
    "": {"DRAFT", "SUBMITTED", "AUTHORISED"},
    "DRAFT": {"DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"},
    "SUBMITTED": {"SUBMITTED", "DRAFT", "AUTHORISED", "DELETED"},
    "AUTHORISED": {"AUTHORISED", "VOIDED"},
    "PAID": {"PAID", "AUTHORISED", "VOIDED"},
}
_LENGTHS = {"InvoiceNumber": 255, "Reference": 255}
_PRINTABLE = re.compile(r"^[ -~]*$")
# With a payment on it, an invoice lets only these be changed.
_EDITABLE_WHEN_SETTLED = {
    "InvoiceID", "InvoiceNumber", "Type", "Status", "Reference", "DueDate", "BrandingThemeID", "Contact",
    "Url", "SentToContact",
}  # fmt: skip


@dataclass
class Draft:
    """One invoice on its way into the books."""

    sent: Json
    invoice: Invoice
    was: str = ""  # the status it had; blank: it is new
    lines: list[InvoiceLine] = field(default_factory=list)
    lines_changed: bool = False
    new_contact: Json | None = None
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def complain(self, *texts: str) -> None:
        self.errors += [text for text in texts if text and text not in self.errors]


class Batch:
    """All invoices of one call, checked one after the other and saved together."""

    def __init__(self, call: Call, elements: list[Json], *, create_only: bool) -> None:
        self._call = call
        self._create_only = create_only
        self._approved = 0  # by this call, so far
        self._known = Known(call, elements)
        self.drafts = [self._draft(element) for element in elements]

    # --- one invoice

    def _draft(self, sent: Json) -> Draft:
        draft = self._start(sent)
        if draft.errors:
            return draft
        if draft.was and self._closed(draft):
            return draft
        self._set_status(draft)
        self._set_head(draft)
        self._set_contact(draft)
        self._set_number(draft)
        self._set_lines(draft)
        self._check_dates(draft)
        self._check_approval(draft)
        if not draft.errors:
            self._take(draft)
        return draft

    def _start(self, sent: Json) -> Draft:
        """Find the invoice that is changed, or begin a new one."""
        invoice_id = None if self._create_only else sent.get("InvoiceID")
        number = str(sent.get("InvoiceNumber") or "")
        row = self._known.invoices_by_id.get(uuid_or_none(invoice_id) or uuid.UUID(int=0)) if invoice_id else None
        if invoice_id and row is None:
            draft = Draft(sent, Invoice())
            draft.complain("An existing Invoice with the specified InvoiceID could not be found")
            return draft
        if row is None and not self._create_only and sent.get("Type", "ACCREC") == "ACCREC":
            row = self._known.invoices_by_number.get(number)
        if row is None:
            return Draft(sent, Invoice(organisation=self._call.organisation, created_by=self._call.app))
        return Draft(sent, row, was=row.status, lines=list(row.lines.all()))

    def _closed(self, draft: Draft) -> bool:
        """Say why an invoice that is there cannot be changed at all."""
        invoice, sent = draft.invoice, draft.sent
        if draft.was in GONE:
            draft.complain(settlement.WRONG_STATUS)
        elif (invoice.amount_paid or invoice.amount_credited) and (
            set(sent) - _EDITABLE_WHEN_SETTLED or sent.get("Status") in GONE
        ):
            draft.complain(settlement.SETTLED)
        return bool(draft.errors)

    def _set_status(self, draft: Draft) -> None:
        wanted = draft.sent.get("Status") or draft.was or "DRAFT"
        if wanted not in FROM_STATUS[draft.was]:
            kind = "modification" if draft.was else "creation"
            draft.complain(f"Invoice not of valid status for {kind}")
            return
        draft.invoice.status = wanted

    def _set_head(self, draft: Draft) -> None:
        invoice, sent = draft.invoice, draft.sent
        draft.complain(*too_long(sent, _LENGTHS))
        invoice.type = sent.get("Type") or (invoice.type if draft.was else "")
        if invoice.type not in ("ACCREC", "ACCPAY"):
            draft.complain("Invoice type must be ACCREC or ACCPAY.")
        invoice.line_amount_types = sent.get("LineAmountTypes") or invoice.line_amount_types
        if invoice.line_amount_types not in ("Exclusive", "Inclusive", "NoTax"):
            draft.complain("LineAmountTypes must be Exclusive, Inclusive or NoTax.")
        if "Reference" in sent:
            invoice.reference = str(sent["Reference"] or "")
        if "Url" in sent:
            invoice.url = str(sent["Url"] or "")
            draft.complain(url_problem(invoice.url))
        self._set_currency(draft)
        if wire.parse_bool(sent.get("SentToContact")):
            if invoice.status == "AUTHORISED":
                invoice.sent_to_contact = True
            else:
                draft.warnings.append("Only AUTHORISED invoices may have SentToContact updated.")

    def _set_currency(self, draft: Draft) -> None:
        invoice, sent = draft.invoice, draft.sent
        base = self._call.organisation.base_currency
        code = str(sent.get("CurrencyCode") or invoice.currency_code or base)
        if code not in self._known.books.currencies:
            draft.complain(f"Organisation is not subscribed to currency {code}")
        try:
            rate = wire.parse_number(sent.get("CurrencyRate"))
        except ValueError:
            draft.complain("CurrencyRate must be a number")
            rate = None
        if code != invoice.currency_code or rate:
            invoice.currency_rate = rate or exchange_rate(base, code)
        invoice.currency_code = code

    def _set_contact(self, draft: Draft) -> None:
        sent = draft.sent.get("Contact")
        if not isinstance(sent, dict):
            if not draft.was:
                draft.complain("A Contact must be specified for this type of transaction")
            return
        row, problem = self._known.contact(sent)
        draft.complain(problem)
        if row is None and not problem:
            draft.new_contact = sent
        elif row is not None:
            draft.invoice.contact = row
            if row.status != "ACTIVE":
                draft.complain(
                    "The contact with the specified contact details has been archived. "
                    "The contact must be un-archived before creating new invoices or credit notes."
                )
            elif set(sent) - {"ContactID", "ContactNumber", "Name"}:
                # More than an id updates the contact, and drops its contact persons.
                draft.new_contact = {"ContactPersons": [], **sent, "ContactID": str(row.contact_id)}

    def _set_number(self, draft: Draft) -> None:
        invoice = draft.invoice
        number = str(draft.sent.get("InvoiceNumber") or invoice.number or "")
        if not _PRINTABLE.match(number):
            draft.complain("The InvoiceNumber may hold printable characters of ASCII only.")
        other = self._known.invoices_by_number.get(number)
        if number and invoice.type == "ACCREC" and other is not None and other is not invoice:
            draft.complain("Invoice # must be unique.")
        invoice.number = number

    def _set_lines(self, draft: Draft) -> None:
        invoice, sent = draft.invoice, draft.sent
        if "LineItems" in sent:
            draft.lines_changed = True
            terms = Terms(
                status=invoice.status,
                line_amount_types=invoice.line_amount_types,
                places=self._call.places,
                sales=invoice.type == "ACCREC",
                keep={line.line_item_id for line in draft.lines},
            )
            readings = [
                read_line(line, position, self._known.books, terms) for position, line in enumerate(lines_of(sent))
            ]
            draft.lines = [reading.line for reading in readings]
            for reading in readings:
                draft.complain(*reading.errors)
                draft.warnings += reading.warnings
        if not draft.lines and invoice.status not in GONE:
            draft.complain("One or more line items must be specified")
        total = sum((line.line_amount for line in draft.lines), Decimal("0.00"))
        tax = sum((line.tax_amount for line in draft.lines), Decimal("0.00"))
        inclusive = invoice.line_amount_types == "Inclusive"
        invoice.sub_total = total - tax if inclusive else total
        invoice.total_tax = tax
        invoice.total = total if inclusive else total + tax
        invoice.amount_due = invoice.total - invoice.amount_paid - invoice.amount_credited

    def _check_dates(self, draft: Draft) -> None:
        invoice, sent = draft.invoice, draft.sent
        invoice.date = _day(draft, "Date") or (invoice.date if draft.was else self._call.now.date())
        if "DueDate" in sent:
            invoice.due_date = _day(draft, "DueDate")
        if invoice.status == "DRAFT":
            return
        if invoice.due_date is None and invoice.status not in GONE:
            draft.complain("The DueDate must be specified for this type of transaction")
        draft.complain(settlement.locked(self._call.organisation, invoice.date))

    def _check_approval(self, draft: Draft) -> None:
        invoice = draft.invoice
        if not _is_approved_now(draft):
            return
        if invoice.total < 0:
            draft.complain("The total of this document cannot be negative.")
        organisation = self._call.organisation
        if organisation.approval_limit is not None and not draft.errors:
            approved = Invoice.objects.filter(
                organisation=organisation,
                status__in=("AUTHORISED", "PAID"),
                updated__gte=self._call.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0),
            ).count()
            if approved + self._approved >= organisation.approval_limit:
                draft.complain("You have reached the limit of invoices you can approve")
        self._check_stock(draft)

    def _check_stock(self, draft: Draft) -> None:
        wanted = _tracked_quantities(draft.lines, self._known.stock) if draft.invoice.type == "ACCREC" else {}
        for code, quantity in wanted.items():
            if quantity > self._known.stock[code] and not self._call.flag("allowBackorders"):
                item = self._known.books.items[code]
                draft.complain(
                    f"The quantity of item '{item.code}' exceeds the quantity on hand "
                    f"({self._known.stock[code].normalize():f})."
                )

    def _take(self, draft: Draft) -> None:
        """Keep number and stock for this invoice against the others of the call."""
        invoice = draft.invoice
        if not invoice.number and invoice.type == "ACCREC":
            invoice.number = self._known.next_number()
        if invoice.type == "ACCREC":
            self._known.invoices_by_number[invoice.number] = invoice
        if _is_approved_now(draft):
            self._approved += 1
            sold = _tracked_quantities(draft.lines, self._known.stock) if invoice.type == "ACCREC" else {}
            for code, quantity in sold.items():
                self._known.stock[code] -= quantity

    # --- saving

    def save(self) -> None:
        good = [draft for draft in self.drafts if not draft.errors]
        for draft in good:
            if draft.new_contact:
                self._save_contact(draft)
        good = [draft for draft in good if not draft.errors]
        for draft in good:
            draft.invoice.updated = self._call.now
            ids = self._call.updated if draft.was else self._call.created
            ids.append(str(draft.invoice.invoice_id))
            _apply_status(draft)
        Invoice.objects.bulk_create([draft.invoice for draft in good if not draft.was])
        for draft in good:
            if draft.was:
                draft.invoice.save()
        self._save_lines(good)
        for draft in good:
            if self._known.stock and draft.invoice.type == "ACCREC" and _is_approved_now(draft):
                settlement.move_stock(draft.invoice)
        # The first document makes a customer or a supplier, and leaves UpdatedDateUTC of the contact alone.
        for type_, flag in (("ACCREC", "is_customer"), ("ACCPAY", "is_supplier")):
            named = {draft.invoice.contact_id for draft in good if draft.invoice.type == type_}
            if named:
                Contact.objects.filter(pk__in=named, **{flag: False}).update(**{flag: True})

    def _save_contact(self, draft: Draft) -> None:
        sent = draft.new_contact or {}
        name = fold(str(sent.get("Name") or ""))
        made = [row for row in self._known.contacts if row.status == "ACTIVE" and row.folded_name == name]
        if made and not sent.get("ContactID"):  # by an earlier invoice of this call
            draft.invoice.contact = made[0]
            return
        [outcome] = ContactEndpoint().write(self._call, [sent], create_only=False)
        draft.complain(*outcome.errors)
        if not outcome.errors:
            row = Contact.objects.get(contact_id=outcome.element["ContactID"])
            self._known.contacts.append(row)
            draft.invoice.contact = row

    def _save_lines(self, drafts: list[Draft]) -> None:
        changed = [draft for draft in drafts if draft.lines_changed]
        InvoiceLine.objects.filter(invoice__in=[draft.invoice for draft in changed if draft.was]).delete()
        for draft in changed:
            for line in draft.lines:
                line.invoice = draft.invoice
        InvoiceLine.objects.bulk_create([line for draft in changed for line in draft.lines])


def _is_approved_now(draft: Draft) -> bool:
    return draft.invoice.status in APPROVED and draft.was not in APPROVED


def _apply_status(draft: Draft) -> None:
    invoice = draft.invoice
    if invoice.status in GONE:
        if draft.was in APPROVED and invoice.type == "ACCREC":
            settlement.move_stock(invoice, back=True)
        invoice.amount_due, invoice.fully_paid_on = settlement.ZERO, None
    elif invoice.status in APPROVED:
        settlement.settle(invoice, invoice.date)


def _tracked_quantities(lines: list[InvoiceLine], stock: dict[str, Decimal]) -> dict[str, Decimal]:
    wanted: dict[str, Decimal] = defaultdict(Decimal)
    for line in lines:
        if (code := line.item_code.casefold()) in stock:
            wanted[code] += line.quantity or Decimal(0)
    return wanted


def _day(draft: Draft, name: str) -> dt.date | None:
    try:
        return wire.parse_date(draft.sent.get(name))
    except ValueError:
        draft.complain(f"{name} is not a valid date")
        return None


def url_problem(url: str) -> str:
    """Return what Xero has against the link back to the app, if anything."""
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "The Url must be an absolute http or https address."
    return "The Url must not contain the word xero." if "xero" in url.lower() else ""
