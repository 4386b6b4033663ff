"""What the wizards ask for: what to load, what to narrow it by, and the options of one run."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms

from bmsxero.listing import Filter
from finance.lists import DateInput
from xero_sync.models import SyncOptions

#: The vendor's limit, both ends counted.
LONGEST_RANGE = 30
ALL, DUE = "all", "due"
YES, NO = "yes", "no"


def _date(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=DateInput(),
        error_messages={"invalid": "This is no date. Write it as 2026-11-22."},
    )


def _search(label: str) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=200)


def said(day: date) -> str:
    """Return a day as people write it: 3 May 2026."""
    return f"{day.day} {day:%B %Y}"


class LoadForm(forms.Form):
    """Which invoices to look at: all that may go, or those due in at most thirty days."""

    load = forms.ChoiceField(
        label="Which invoices",
        choices=[
            (ALL, "All invoices that are Ready to Send or Sent"),
            (DUE, "Those of them that are due between two dates"),
        ],
        widget=forms.RadioSelect,
        initial=ALL,
        error_messages={"invalid_choice": "Choose one of the two.", "required": "Choose one of the two."},
    )
    due_from = _date("Due from")
    due_to = _date("Due to")

    def clean(self) -> dict[str, Any]:
        asked = self.cleaned_data
        if asked.get("load") == DUE and "due_from" in asked and "due_to" in asked:
            self._check_range(asked["due_from"], asked["due_to"])
        elif asked.get("load") == ALL and (asked.get("due_from") or asked.get("due_to")):
            self.add_error("load", "You gave dates: choose the second, or clear them.")
        return asked

    def _check_range(self, start: date | None, end: date | None) -> None:
        if start is None:
            self.add_error("due_from", "Give the first due date.")
        if end is None:
            self.add_error("due_to", "Give the last due date.")
        if start is None or end is None:
            return
        days = (end - start).days + 1
        if days < 1:
            self.add_error("due_to", f"{said(end)} is before {said(start)}. Swap the two dates.")
        elif days > LONGEST_RANGE:
            last = start + timedelta(days=LONGEST_RANGE - 1)
            self.add_error(
                "due_to",
                f"{LONGEST_RANGE} days at most, and this is {days}, both ends counted. "
                f"{said(start)} to {said(last)} would do.",
            )

    @property
    def filters(self) -> dict[str, str]:
        """The range as the rule of a selection holds it. Call it on a valid form."""
        if self.cleaned_data["load"] == ALL:
            return {}
        return {name: self.cleaned_data[name].isoformat() for name in ("due_from", "due_to")}


class InvoiceFilter(Filter):
    """Narrows what was loaded. The rows are narrowed by the kind, so that "all matching" means the same everywhere."""

    customer = _search("Customer")
    site = _search("Site")
    number = _search("Invoice number")

    @property
    def filters(self) -> dict[str, str]:
        """What is filled in, as the rule of a selection holds it."""
        return {name: text for name in self.fields if (text := self.cleaned_data[name])}


class PaymentFilter(Filter):
    """Which of Xero's payments to show."""

    date_from = _date("Paid from")
    date_to = _date("Paid to")
    number = _search("Invoice number")
    reference = _search("Reference")
    contact = _search("Contact")

    def clean(self) -> dict[str, Any]:
        start, end = self.cleaned_data.get("date_from"), self.cleaned_data.get("date_to")
        if start and end and end < start:
            self.add_error("date_to", f"{said(end)} is before {said(start)}. Swap the two dates.")
        return self.cleaned_data

    @property
    def filters(self) -> dict[str, str]:
        """What is filled in, as the rule of a selection holds it; dates in ISO form."""
        asked = {name: value for name in self.fields if (value := self.cleaned_data[name])}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asked.items()}


def _radios(label: str, choices: Any, help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, help_text=help_text, required=False, widget=forms.RadioSelect
    )


class RunOptionsForm(forms.Form):
    """Options for one run, with those of Setup filled in. What isn't answered stays as Setup has it."""

    status = _radios(
        "Invoice status in Xero",
        [
            (SyncOptions.Status.DRAFT, "Draft: nothing posts until someone approves in Xero"),
            (SyncOptions.Status.SUBMITTED, "Submitted: waits for approval"),
            (SyncOptions.Status.AUTHORISED, "Authorised: posts to the ledger at once"),
        ],
    )
    invoice_number = _radios("Xero invoice numbers", SyncOptions.InvoiceNumber.choices)
    due_date = _radios("Invoice due date", SyncOptions.DueDate.choices)
    po_in_reference = _radios("Insert PO numbers into the Reference field on Xero invoices", [(YES, "Yes"), (NO, "No")])
    keep_contacts = _radios(
        "Don't update existing Xero contacts",
        [
            (YES, "Yes: only link. New contacts are still created."),
            (NO, "No: this export also updates e-mail and postal address of the contacts"),
        ],
    )

    @classmethod
    def of(cls, options: dict[str, Any]) -> RunOptionsForm:
        """Return the form filled in with options."""
        shown = {name: options[name] for name in cls.base_fields if name in options}
        return cls(
            initial={
                name: (YES if value else NO) if isinstance(value, bool) else value for name, value in shown.items()
            }
        )

    def overrides(self) -> dict[str, Any]:
        """Return what was answered, as a job's options hold it."""
        answered = {name: value for name, value in self.cleaned_data.items() if value}
        return {name: value == YES if value in {YES, NO} else value for name, value in answered.items()}
