"""The invoice editor: what its form understands, and how lines are worked on before they are saved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from crm.forms import CURRENCY
from crm.models import Account, Site
from finance import dates, money
from finance.models import Invoice, InvoiceLine, Item, TaxRate
from finance.numbering import next_number
from finance.picking import ACCOUNTS, ITEMS

PREFIX = "lines"
MOST_LINES = 500
LARGEST = Decimal("999999999999.99")
#: One line as it was typed, by field.
Typed = dict[str, str]
FIELDS = ("item", "filled", "description", "quantity", "unit_price", "discount_percent", "taxable", "tax")
BLANK: Typed = dict.fromkeys(FIELDS, "") | {"quantity": "1", "taxable": "on"}
#: What an item fills in, and what stands there before.
FILLED = ("description", "unit_price", "taxable", "tax")


def plain(number: Decimal) -> str:
    """A number as it is typed: no needless zeros, no grouping."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def plain_price(number: Decimal) -> str:
    """A price as it is typed: two decimals, or as many as it needs."""
    return f"{number:.2f}" if number == round(number, 2) else plain(number)


def _at_once(step: str, target: str, swap: str) -> dict[str, str]:
    """Return what makes a field post the form as soon as it is changed, and show what that brings."""
    return {
        "hx-post": "",
        "hx-trigger": "change consume",
        "hx-vals": json.dumps({"do": step}),
        "hx-target": target,
        "hx-swap": swap,
    }


class InvoiceForm(forms.ModelForm):  # type: ignore[type-arg]
    """The head of an invoice. The account is typed, days are typed in short, and both are read here."""

    account = forms.CharField(max_length=300, help_text="Name or code.")
    date = forms.CharField(label="Invoice date", max_length=30, help_text=dates.HINT)
    due_date = forms.CharField(max_length=30, help_text="+30 counts from the invoice date.")
    site = forms.ModelChoiceField(Site.objects.none(), required=False, empty_label="No site")
    currency = forms.CharField(
        required=False, max_length=3, validators=[CURRENCY], help_text="Blank: the organisation's own."
    )

    class Meta:
        model = Invoice
        fields = ("number", "account", "site", "date", "due_date", "po_number", "currency")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and "account" not in (kwargs.get("initial") or {}):
            of = self.instance.account
            self.initial["account"] = ACCOUNTS.texts([of])[of.pk]
        typed = self.data.get("account", "") if self.is_bound else str(self.initial.get("account") or "")
        self.found = ACCOUNTS.find([typed]).get(typed.strip(), "")
        sites = Site.objects.filter(account=self.found) if isinstance(self.found, Account) else Site.objects.none()
        self.fields["site"].queryset = sites  # type: ignore[attr-defined]
        self.fields["account"].widget.attrs |= {"list": "account-options", "autocomplete": "off"} | _at_once(
            "account", "#site-and-currency", "outerHTML"
        )

    def clean_account(self) -> Account:
        if isinstance(self.found, str):
            raise forms.ValidationError(self.found or "Which account is it for?")
        return self.found

    def clean_date(self) -> Any:
        return self._day("date")

    def clean_due_date(self) -> Any:
        day, start = self._day("due_date"), self.cleaned_data.get("date")
        if start and day < start:
            raise forms.ValidationError(f"Due {day} is before the invoice date, {start}.")
        return day

    def _day(self, name: str) -> Any:
        try:
            return dates.read_day(self.cleaned_data[name], timezone.localdate(), start=self.cleaned_data.get("date"))
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None


def _number(**options: Any) -> forms.DecimalField:
    # A number field would let the wheel change an amount, and hide what it can't read
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    return forms.DecimalField(decimal_places=4, widget=widget, **options)


class LineForm(forms.Form):
    """One line. Items and taxes are read for all lines together, so that a line costs no query."""

    item = forms.CharField(required=False, max_length=300)
    filled = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    description = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 1}))
    quantity = _number(max_digits=13)
    unit_price = _number(max_digits=15)
    discount_percent = _number(
        label="Discount %", required=False, max_digits=7, min_value=Decimal(0), max_value=Decimal(100)
    )
    taxable = forms.BooleanField(required=False)
    tax = forms.ChoiceField(required=False)

    def __init__(self, *args: Any, shelf: Shelf, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shelf = shelf
        self.fields["tax"].choices = shelf.tax_choices  # type: ignore[attr-defined]
        place = str(self.prefix).rpartition("-")[2]
        self.fields["item"].widget.attrs |= {"list": "item-options", "autocomplete": "off"} | _at_once(
            f"fill-{place}", "#fills", "innerHTML"
        )

    def clean_item(self) -> Item | None:
        found = self.shelf.items.get(self.cleaned_data["item"].strip())
        if isinstance(found, str):
            raise forms.ValidationError(found)
        return found

    def clean(self) -> dict[str, Any]:
        asked = super().clean() or self.cleaned_data
        if not self.errors and not asked["description"].strip() and not asked["item"]:
            self.add_error("description", "Say what it is for, or choose an item.")
        return asked

    def line(self, position: int) -> InvoiceLine:
        """Return the line that was typed, unsaved. Call it on a valid form."""
        asked = self.cleaned_data
        return InvoiceLine(
            position=position,
            item=asked["item"],
            description=asked["description"].strip(),
            quantity=asked["quantity"],
            unit_price=asked["unit_price"],
            discount_percent=asked["discount_percent"] or Decimal(0),
            taxable=asked["taxable"],
            tax=self.shelf.taxes.get(asked["tax"]),
        )


@dataclass
class Shelf:
    """Taxes and items for all lines of one form."""

    taxes: dict[str, TaxRate]
    items: Mapping[str, Item | str]
    by_id: dict[str, Item] = field(default_factory=dict)

    @classmethod
    def of(cls, lines: Iterable[Typed]) -> Shelf:
        """Load what these lines speak of, in a few queries."""
        rows = list(lines)
        used = {row["tax"] for row in rows}
        taxes = {str(tax.pk): tax for tax in TaxRate.objects.all() if tax.active or str(tax.pk) in used}
        items = ITEMS.find(row["item"] for row in rows)
        known = {int(row["filled"]) for row in rows if row["filled"].isdecimal() and len(row["filled"]) < 19}
        by_id = {str(item.pk): item for item in Item.objects.in_bulk(known).values()} if known else {}
        return cls(taxes, items, by_id)

    @property
    def tax_choices(self) -> list[tuple[str, str]]:
        return [("", "No tax"), *((key, str(tax)) for key, tax in self.taxes.items())]

    def fill(self, row: Typed) -> Typed:
        """Take over what the line's item brings, where nothing else was typed."""
        item = self.items.get(row["item"].strip())
        if not isinstance(item, Item) or row["filled"] == str(item.pk):
            return row
        old = _brought(self.by_id[row["filled"]]) if row["filled"] in self.by_id else BLANK
        new = _brought(item)
        return (
            row
            | {name: new[name] for name in FILLED if _is_as_brought(name, row[name].strip(), old[name])}
            | {"filled": str(item.pk)}
        )


def _is_as_brought(name: str, typed: str, old: str) -> bool:
    # A box that was unticked is as much an answer as a text
    return typed == old or (typed == "" and name != "taxable")


def _brought(item: Item) -> Typed:
    return {
        "description": item.description or item.name,
        "unit_price": plain_price(item.sales_price),
        "taxable": "on" if item.taxable else "",
        "tax": str(item.tax_id or ""),
    }


class Lines(forms.BaseFormSet):  # type: ignore[type-arg]  # not subscriptable at run time
    """The lines of one invoice."""

    def clean(self) -> None:
        if not self.forms:
            raise forms.ValidationError("An invoice needs a line.")
        if any(self.errors):
            return
        total = self.totals.total
        if total < 0:
            raise forms.ValidationError(f"The total is {total}. A negative total can’t be an invoice.")
        if total > LARGEST or any(abs(line.amount) > LARGEST for line in self.lines):
            raise forms.ValidationError("That is more money than an invoice can hold.")

    @property
    def lines(self) -> list[InvoiceLine]:
        """The lines as typed, unsaved, those that can't be read left out."""
        return [line for line in self.by_place if line]

    @property
    def by_place(self) -> list[InvoiceLine | None]:
        """What each line makes, nothing for one that can't be read."""
        return [form.line(place) if form.is_valid() else None for place, form in enumerate(self.forms)]

    @property
    def totals(self) -> money.Totals:
        """What the lines come to, each line's tax rounded on its own."""
        return money.totals((line.amount, line.rate) for line in self.lines)


LineSet = forms.formset_factory(
    LineForm, formset=Lines, extra=0, max_num=MOST_LINES, absolute_max=MOST_LINES, validate_max=True
)


def typed_lines(data: QueryDict) -> list[Typed]:
    """Return the lines that were posted, as typed."""
    try:
        number = min(max(int(data.get(f"{PREFIX}-TOTAL_FORMS", "0")), 0), MOST_LINES)
    except ValueError:
        number = 0
    return [{name: data.get(f"{PREFIX}-{place}-{name}", "") for name in FIELDS} for place in range(number)]


def typed_of(lines: Iterable[InvoiceLine]) -> list[Typed]:
    """Return saved lines as they would be typed."""
    found = list(lines)
    texts = ITEMS.texts(line.item for line in found if line.item)
    return [
        {
            "item": texts[line.item.pk] if line.item else "",
            "filled": str(line.item_id or ""),
            "description": line.description,
            "quantity": plain(line.quantity),
            "unit_price": plain_price(line.unit_price),
            "discount_percent": plain(line.discount_percent) if line.discount_percent else "",
            "taxable": "on" if line.taxable else "",
            "tax": str(line.tax_id or ""),
        }
        for line in found
    ]


def is_blank(row: Typed) -> bool:
    """Say whether nothing was typed into a line."""
    return not any(row[name].strip() for name in ("item", "description", "unit_price", "discount_percent"))


def line_set(rows: list[Typed]) -> Lines:
    """Return a form of these lines. It is bound: `is_valid` says whether they can be read."""
    data = {f"{PREFIX}-TOTAL_FORMS": str(len(rows)), f"{PREFIX}-INITIAL_FORMS": "0"}
    for place, row in enumerate(rows):
        data |= {f"{PREFIX}-{place}-{name}": value for name, value in row.items()}
    return LineSet(data, prefix=PREFIX, form_kwargs={"shelf": Shelf.of(rows)})  # type: ignore[return-value]


def drawn(rows: list[Typed]) -> Lines:
    """Return a form that shows these lines as they are, and finds no fault with them yet."""
    return LineSet(initial=rows, prefix=PREFIX, form_kwargs={"shelf": Shelf.of(rows)})  # type: ignore[return-value]


def work(rows: list[Typed], step: str) -> list[Typed]:
    """Return the lines after a press of one of the editor's buttons: "add", "remove-2", "up-2", "down-2"."""
    what, _, number = step.partition("-")
    if what == "add" and len(rows) < MOST_LINES:
        return [*rows, dict(BLANK)]
    if not number.isdecimal() or int(number) >= len(rows):
        return rows
    place, moved = int(number), list(rows)
    match what:
        case "remove":
            del moved[place]
        case "up" if place > 0:
            moved[place - 1], moved[place] = moved[place], moved[place - 1]
        case "down" if place + 1 < len(moved):
            moved[place], moved[place + 1] = moved[place + 1], moved[place]
    return moved


def fill(rows: list[Typed]) -> list[Typed]:
    """Return the lines with what their items bring."""
    shelf = Shelf.of(rows)
    return [shelf.fill(row) for row in rows]


def follow_account(head: dict[str, str]) -> dict[str, str]:
    """Return the head with site and currency of the account, where another account was typed than before."""
    typed, before = head.get("account", "").strip(), head.get("account_was", "").strip()
    if typed == before:
        return head
    found = ACCOUNTS.find([typed, before])
    account, old = found.get(typed), found.get(before)
    if not isinstance(account, Account):
        return head
    old_currency = old.default_currency if isinstance(old, Account) else ""
    if head.get("currency", "") in {"", old_currency}:
        head = head | {"currency": account.default_currency}
    if not (head.get("site", "").isdecimal() and account.sites.filter(pk=head["site"]).exists()):
        head = head | {"site": str(account.main_site.pk) if account.main_site else ""}
    return head


def first_values(account: Account | None) -> dict[str, str]:
    """Return what a new invoice starts with."""
    day = timezone.localdate()
    values = {"number": next_number(), "date": day.isoformat(), "due_date": dates.read_day("+30", day).isoformat()}
    if account:
        values |= {"account": ACCOUNTS.texts([account])[account.pk], "currency": account.default_currency}
        if site := account.main_site:
            values["site"] = str(site.pk)
    return values
