"""The forms of Admin > Finance."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.db.models import Q, QuerySet

from bmsxero.templatetags.bms import MINUS, decimals
from finance import money
from finance.item_kinds import ItemKind
from finance.models import AccountCode, Item, TaxRate

Part = tuple[str, Decimal, bool]
MORE_PARTS = 3
MOST_PARTS = 20


class AccountCodeForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = AccountCode
        fields = ("code", "name", "type", "description", "active")
        widgets: ClassVar = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts: ClassVar = {
            "code": "10 characters at most. Xero matches account codes by it.",
            "name": "150 characters at most.",
            "type": "A type that Xero doesn’t know becomes Other income there; Check says so first.",
        }
        error_messages: ClassVar = {"code": {"unique": "Another account code has this code."}}

    def clean_code(self) -> str:
        """Xero tells codes apart without regard to case, so two that differ in nothing else are one there."""
        code: str = self.cleaned_data["code"]
        twin = AccountCode.objects.exclude(pk=self.instance.pk).filter(code__iexact=code).first()
        if twin:
            raise forms.ValidationError(f"{twin} has this code. Choose another.")
        return code


class NumberField(forms.DecimalField):
    """A number that is shown without needless zeros."""

    def prepare_value(self, value: Any) -> Any:
        return decimals(value).replace(",", "").replace(MINUS, "-") if isinstance(value, Decimal) else value


def _price(label: str, help_text: str = "", *, lowest: Decimal | None = None) -> NumberField:
    return NumberField(
        label=label, help_text=help_text, max_digits=15, decimal_places=4, initial=Decimal(0), min_value=lowest
    )


class ItemForm(forms.ModelForm):  # type: ignore[type-arg]
    """One form for the five kinds: each keeps the fields that it has."""

    code = forms.CharField(required=False, max_length=30)
    unit_price = _price("Unit price", "Without tax.")
    unit_cost = _price("Unit cost", lowest=Decimal(0))
    discount_value = _price("Value", "An amount, such as 25.00. It is taken off the invoice.", lowest=Decimal(0))

    class Meta:
        model = Item
        fields = (
            "name",
            "code",
            "description",
            "unit_price",
            "unit_cost",
            "discount_value",
            "income_account",
            "expense_account",
            "requires_procurement",
            "taxable",
            "tax",
            "active",
        )
        widgets: ClassVar = {"description": forms.Textarea(attrs={"rows": 3})}
        help_texts: ClassVar = {
            "name": "Xero takes 50 characters.",
            "income_account": "Sales of it are booked here.",
            "expense_account": "Purchases of it are booked here.",
            "requires_procurement": "Xero then tracks its quantity, and the expense account is its cost of goods sold.",
            "tax": "Used where it is taxable.",
        }

    def __init__(self, *args: Any, kind: ItemKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.kind = kind.kind
        for name in set(self.fields) - set(kind.fields):
            del self.fields[name]
        self.order_fields(kind.fields)
        self.fields["code"].label = kind.code_label
        self.fields["code"].help_text = "The item’s code in Xero, 30 characters at most. Blank: the name, cut to that."
        for name in ("income_account", "expense_account"):
            _offer(self, name, AccountCode.objects.all(), blank="Default in Setup")
        _offer(self, "tax", TaxRate.objects.all(), blank="None")


def _offer(form: ItemForm, name: str, rows: QuerySet[Any], *, blank: str) -> None:
    """Offer what is active, and what the record has already."""
    if name in form.fields:
        field: Any = form.fields[name]
        field.empty_label = blank
        field.queryset = rows.filter(Q(active=True) | Q(pk=getattr(form.instance, f"{name}_id")))


class TaxForm(forms.ModelForm):  # type: ignore[type-arg]
    """A tax. Its rate is typed in, or reckoned from the parts of a group."""

    rate = NumberField(
        label="Rate in per cent",
        required=False,
        min_value=Decimal(0),
        max_value=money.HUNDRED,
        max_digits=8,
        decimal_places=4,
        help_text="Leave it blank for a group: its rate is that of its parts together.",
    )

    class Meta:
        model = TaxRate
        fields = ("name", "rate", "active")
        error_messages: ClassVar = {"name": {"unique": "Another tax has this name."}}
        help_texts: ClassVar = {"name": "50 characters at most. Xero matches taxes by name and rate."}

    def __init__(self, *args: Any, is_group: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_group:
            self.initial["rate"] = None

    def clean_name(self) -> str:
        """Xero tells names apart without regard to case."""
        name: str = self.cleaned_data["name"]
        twin = TaxRate.objects.exclude(pk=self.instance.pk).filter(name__iexact=name).first()
        if twin:
            raise forms.ValidationError(f"{twin} has this name. Choose another.")
        return name

    def _post_clean(self) -> None:
        # Blank stands for "reckon it": the record keeps the rate it has until the parts are known
        blank = self.cleaned_data.get("rate") is None
        if blank:
            self.cleaned_data["rate"] = self.instance.rate or money.ZERO
        super()._post_clean()  # type: ignore[misc]
        if blank:
            self.cleaned_data["rate"] = None


class PartForm(forms.Form):
    """One part of a group. Left blank, it is none."""

    name = forms.CharField(required=False, max_length=50)
    rate = NumberField(
        label="Rate in per cent",
        required=False,
        min_value=Decimal(0),
        max_value=money.HUNDRED,
        max_digits=8,
        decimal_places=4,
    )
    compound = forms.BooleanField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        named, rated = bool(cleaned.get("name")), cleaned.get("rate") is not None
        if named and not rated and "rate" not in self.errors:
            self.add_error("rate", "A part needs its rate.")
        if (rated or cleaned.get("compound")) and not named and "name" not in self.errors:
            self.add_error("name", "A part needs a name.")
        return cleaned


class BasePartFormSet(forms.BaseFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        if any(self.errors):
            return
        parts = self.parts()
        if sum(compound for *_, compound in parts) > 1:
            raise forms.ValidationError("Only one part can be compound: Xero allows no more.")
        if len({name.casefold() for name, *_ in parts}) < len(parts):
            raise forms.ValidationError("Two parts have the same name.")

    def parts(self) -> list[Part]:
        """Return the parts that are filled in, as `TaxRate.set_components` takes them."""
        filled = [form.cleaned_data for form in self.forms if form.cleaned_data.get("name")]
        return [(part["name"], part["rate"], part["compound"]) for part in filled]


PartFormSet = forms.formset_factory(
    PartForm, formset=BasePartFormSet, extra=MORE_PARTS, max_num=MOST_PARTS, absolute_max=MOST_PARTS
)


def settle_rate(form: TaxForm, parts: list[Part]) -> Decimal | None:
    """Return the rate that a tax gets: typed, or of its parts; none where they disagree, which the form then says."""
    typed: Decimal | None = form.cleaned_data["rate"]
    if typed is None and not parts:
        form.add_error("rate", "Type the rate, or fill in the parts of a group below.")
    if parts:
        together = money.effective_rate(money.Component(rate, compound) for _, rate, compound in parts)
        if together > money.HUNDRED:
            form.add_error("rate", f"The parts come to {together.normalize():f} %, and a tax is 100 % at most.")
        elif typed is not None and typed != together:
            form.add_error("rate", f"The parts come to {together.normalize():f} %. Leave the rate blank, or mend them.")
        return None if form.errors else together
    return typed
