"""Setup > Options as a form: only what Xero has and the law of each use allows can be chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, ClassVar, cast

from django import forms

from finance.models import Invoice
from xero_sync import accounts, examples
from xero_sync.books import Books, Remote
from xero_sync.kinds.tax_rates import is_usable
from xero_sync.mirror import amount
from xero_sync.models import SyncOptions

#: Which accounts each default may be.
ACCOUNTS = {
    "sales_account": accounts.SALES,
    "purchases_account": accounts.PURCHASES,
    "inventory_account": accounts.INVENTORY,
}


class _Radios(forms.RadioSelect):
    """Radios whose choices are told with an example, by setup/_radios.html."""

    def __init__(self, **more: Any) -> None:
        super().__init__(attrs={"class": "form-check-input"}, **more)


def _radios(label: str, **more: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, widget=_Radios, **more)


def _yes_no(label: str, **more: Any) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label, widget=_Radios, coerce=lambda value: value == "True", empty_value=None, **more
    )


class OptionsForm(forms.ModelForm):  # type: ignore[type-arg]
    """The options of one organisation; `books` says what it has to choose from."""

    sales_account = forms.ChoiceField(
        label="Default Xero Sales account", help_text="Income of items that have no account of their own."
    )
    purchases_account = forms.ChoiceField(
        label="Default Xero Purchases account",
        help_text="Expense of items that have no account of their own; cost of sales, where an item is tracked.",
    )
    inventory_account = forms.ChoiceField(
        label="Default Xero Inventory account",
        required=False,
        help_text="Only for items with tracked quantities. Xero's own charts have 630 for it.",
    )
    invoice_number = _radios("Xero Invoice Numbers")
    due_date = _radios("Invoice Due Date")
    po_in_reference = _yes_no("Insert PO numbers into Reference")
    keep_contacts = _yes_no("Don't update existing Xero Contacts")
    status = _radios("Default invoice status")
    non_taxable_tax_type = forms.ChoiceField(
        label="Tax rate of what is not taxable", help_text="Xero wants one on every line, also where no tax is due."
    )

    class Meta:
        model = SyncOptions
        fields: ClassVar = SyncOptions.SNAPSHOT

    def __init__(self, *args: Any, books: Books, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sample = examples.invoice()
        #: The accounts that may be chosen, by field and code
        self.offered: dict[str, dict[str, str]] = {}
        for name, types in ACCOUNTS.items():
            self._offer_accounts(name, types, books)
        for name, choices in _choices(sample, books).items():
            self._field(name).choices = choices
        self.fields["due_date"].help_text = f"Shown for {sample.number}, dated {examples.in_words(sample.date)}."

    @property
    def chosen(self) -> list[tuple[str, Any]]:
        """What is saved, as name and words, for those who may only read."""
        return [(str(self.fields[name].label), self._told(name)) for name in self._meta.fields or ()]

    @property
    def gone(self) -> list[str]:
        """The saved accounts that can't be chosen any more, as sentences."""
        saved = ((name, str(getattr(self.instance, name))) for name in ACCOUNTS)
        return [
            f"{self.fields[name].label}: {code} is archived, or of another type, in Xero now. Choose another."
            for name, code in saved
            if code and code not in self.offered[name]
        ]

    def _told(self, name: str) -> Any:
        value = getattr(self.instance, name)
        if name in ACCOUNTS:
            return self.offered[name].get(value, value or "None")
        choices: list[tuple[Any, Any]] = list(self._field(name).choices)  # type: ignore[arg-type]
        return next((told for each, told in choices if str(each) == str(value)), value)

    def _offer_accounts(self, name: str, types: Collection[str], books: Books) -> None:
        found = accounts.pickable(books.accounts.values(), types)
        self.offered[name] = {account.key: f"{account.key} {account.name}" for account in found}
        self.fields[name].required = self.fields[name].required and bool(found)
        blank = "Choose an account" if found else "Xero has none of this type"
        self._field(name).choices = [("", blank), *_by_type(found)]

    def _field(self, name: str) -> forms.ChoiceField:
        return cast("forms.ChoiceField", self.fields[name])


def _choices(sample: Invoice, books: Books) -> dict[str, list[Any]]:
    return {
        "invoice_number": examples.numbers(sample),
        "due_date": examples.due_dates(sample),
        "po_in_reference": examples.references(sample),
        "keep_contacts": examples.contacts(),
        "status": examples.statuses(),
        "non_taxable_tax_type": _untaxed(books),
    }


def _by_type(found: Iterable[Remote]) -> list[tuple[str, list[tuple[str, str]]]]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for account in found:
        kind = accounts.TYPES.get(str(account.payload.get("Type")), "Other")
        groups.setdefault(kind, []).append((account.key, f"{account.key} {account.name}"))
    return sorted(groups.items())


def _untaxed(books: Books) -> list[tuple[str, str]]:
    """Return the rates that add no tax to a sale."""
    none = [rate for rate in books.rates.values() if is_usable(rate) and not amount(rate.payload.get("EffectiveRate"))]
    return [(rate.key, f"{rate.name} ({rate.key})") for rate in sorted(none, key=lambda rate: rate.name)]
