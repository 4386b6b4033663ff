"""What the wizards ask for: what to load, what to narrow it by, and the options of one run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from bmsxero.listing import Filter
from finance.lists import DateInput
from xero_sync import jobs
from xero_sync.models import Job, SyncOptions, XeroConnection

#: The vendor's limit, both ends counted.
LONGEST_RANGE = 30
ALL, DUE = "all", "due"
YES, NO = "yes", "no"
#: What the bar says of a filter: words around the value, or a function of it.
Words = dict[str, str | Callable[[Any], str]]


def date_field(label: str) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=DateInput(),
        error_messages={"invalid": "This is no date. Write it as 2026-11-22."},
    )


def search_field(label: str) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=200)


def choice_field(label: str, choices: list[tuple[str, str]], everything: str = "All") -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=[("", everything), *choices])


def said(day: date) -> str:
    """Return a day as people write it: 3 May 2026."""
    return f"{day.day} {day:%B %Y}"


class RuleFilter(Filter):
    """Narrows a wizard's list. Not by itself: the kind does it, so that "all matching" means the same everywhere."""

    words: ClassVar[Words] = {}

    @property
    def filters(self) -> dict[str, Any]:
        """What is filled in, as the rule of a selection holds it; dates in ISO form. Call it on a valid form."""
        asked = {name: value for name in self.fields if (value := self.cleaned_data[name])}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asked.items()}

    def rule(self, connection: XeroConnection) -> dict[str, Any]:
        """Return the filters with what depends on the organisation worked out."""
        return self.filters

    @classmethod
    def asked(cls, filters: dict[str, Any]) -> dict[str, Any]:
        """Return the part of an address that asks for these filters."""
        names = {*cls.base_fields, "state"}
        return {name: "on" if value is True else value for name, value in filters.items() if name in names}


class StartForm(forms.Form):
    """Asked before there is a list."""

    words: ClassVar[Words] = {}
    #: An address that has one of these answers it
    answers: ClassVar[tuple[str, ...]]

    @property
    def filters(self) -> dict[str, Any]:
        """What was answered, as the rule of a selection holds it. Call it on a valid form."""
        raise NotImplementedError

    @classmethod
    def asked(cls, filters: dict[str, Any]) -> dict[str, Any]:
        """Return the part of an address that answers like this."""
        raise NotImplementedError


class OptionsForm(forms.Form):
    """Options of one run. What isn't answered stays as Setup has it."""

    def __init__(self, *args: Any, known: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: What was answered before: some forms show a page of their questions at a time
        self.known = known or {}

    def overrides(self) -> dict[str, Any]:
        """Return what was answered, as a job's options hold it. Call it on a valid form."""
        raise NotImplementedError

    @classmethod
    def of(cls, options: dict[str, Any]) -> OptionsForm:
        """Return the form filled in with options."""
        return cls(initial={name: options[name] for name in cls.base_fields if name in options}, known=options)


class LoadForm(StartForm):
    """Which invoices to look at: all that may go, or those due in at most thirty days."""

    answers = ("load",)
    words: ClassVar[Words] = {"due_from": "due from {}", "due_to": "due to {}"}

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
    due_from = date_field("Due from")
    due_to = date_field("Due to")

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
    def filters(self) -> dict[str, Any]:
        if self.cleaned_data["load"] == ALL:
            return {}
        return {name: self.cleaned_data[name].isoformat() for name in ("due_from", "due_to")}

    @classmethod
    def asked(cls, filters: dict[str, Any]) -> dict[str, Any]:
        if "due_from" not in filters:
            return {"load": ALL}
        return {"load": DUE, "due_from": filters["due_from"], "due_to": filters["due_to"]}


class InvoiceFilter(RuleFilter):
    words: ClassVar[Words] = {"customer": "customer “{}”", "site": "site “{}”", "number": "number “{}”"}

    customer = search_field("Customer")
    site = search_field("Site")
    number = search_field("Invoice number")


class RemoteFilter(RuleFilter):
    """Narrows what Xero holds by when it changed there."""

    kind: ClassVar[str]
    words: ClassVar[Words] = {"modified_since": lambda value: f"changed since {said_moment(value)}"}

    modified_since = date_field("Modified since")
    since_last = forms.BooleanField(label="Only since the last import", required=False)

    def rule(self, connection: XeroConnection) -> dict[str, Any]:
        found = self.filters
        since = self.cleaned_data["modified_since"]
        if since:
            found["modified_since"] = timezone.make_aware(datetime.combine(since, time())).isoformat()
        if self.cleaned_data["since_last"] and (last := jobs.last_ended(connection, self.kind, Job.Direction.IMPORT)):
            # What changed while that import ran is looked at once more
            found["modified_since"] = max(last.created.isoformat(), found.get("modified_since", ""))
        return found

    @classmethod
    def asked(cls, filters: dict[str, Any]) -> dict[str, Any]:
        found = super().asked(filters)
        if since := parse_datetime(str(found.pop("modified_since", ""))):
            found |= {} if filters.get("since_last") else {"modified_since": timezone.localdate(since).isoformat()}
        return found


def said_moment(value: str) -> str:
    """Return a stored moment as people write its day."""
    moment = parse_datetime(value)
    return said(timezone.localtime(moment).date()) if moment else value


class PaymentFilter(RemoteFilter):
    """Which of Xero's payments to show."""

    kind = "payments"
    words: ClassVar[Words] = RemoteFilter.words | {
        "date_from": "paid from {}",
        "date_to": "paid to {}",
        "number": "number “{}”",
        "reference": "reference “{}”",
        "contact": "contact “{}”",
    }

    date_from = date_field("Paid from")
    date_to = date_field("Paid to")
    number = search_field("Invoice number")
    reference = search_field("Reference")
    contact = search_field("Contact")

    field_order = ("date_from", "date_to", "number", "reference", "contact")

    def clean(self) -> dict[str, Any]:
        start, end = self.cleaned_data.get("date_from"), self.cleaned_data.get("date_to")
        if start and end and end < start:
            self.add_error("date_to", f"{said(end)} is before {said(start)}. Swap the two dates.")
        return self.cleaned_data


def _radios(label: str, choices: Any, help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, help_text=help_text, required=False, widget=forms.RadioSelect
    )


class RunOptionsForm(OptionsForm):
    """Options for one run of an invoice export, with those of Setup filled in."""

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
        shown = {name: options[name] for name in cls.base_fields if name in options}
        return cls(
            initial={
                name: (YES if value else NO) if isinstance(value, bool) else value for name, value in shown.items()
            }
        )

    def overrides(self) -> dict[str, Any]:
        answered = {name: value for name, value in self.cleaned_data.items() if value}
        return {name: value == YES if value in {YES, NO} else value for name, value in answered.items()}
