from __future__ import annotations

from typing import ClassVar

from django import forms
from django.core.validators import RegexValidator

from crm.models import ADDRESS_PARTS, Account, Site

CURRENCY = RegexValidator(r"^[A-Z]{3}$", "Three capital letters, such as GBP.")


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    default_currency = forms.CharField(
        required=False, max_length=3, validators=[CURRENCY], help_text="Blank: the organisation's own."
    )

    class Meta:
        model = Account
        fields = ("name", "code", "default_currency", "sales_tax", "tax_number", "taxable", "active")
        help_texts: ClassVar = {"name": "Xero matches contacts by this name."}

    def namesake(self) -> Account | None:
        """Return another account of the same name, case and outer spaces aside: Xero could not tell them apart."""
        others = Account.objects.exclude(pk=self.instance.pk)
        return others.filter(name__iexact=self.cleaned_data["name"].strip()).first()


class SiteForm(forms.ModelForm):  # type: ignore[type-arg]
    """A site with its two addresses."""

    class Meta:
        model = Site
        fields = (
            "name",
            "billing_email",
            "phone",
            "fax",
            *(f"billing_{part}" for part in ADDRESS_PARTS),
            *(f"shipping_{part}" for part in ADDRESS_PARTS),
        )
        labels: ClassVar = {
            "name": "Site name",
            "billing_email": "Billing e-mail",
            **{
                f"{kind}_{part}": label
                for kind in ("billing", "shipping")
                for part, label in zip(
                    ADDRESS_PARTS,
                    ("Street", "Second line", "Third line", "Fourth line", "City", "Region", "Postcode", "Country"),
                    strict=True,
                )
            },
        }

    def of(self, kind: str) -> list[forms.BoundField]:
        return [self[f"{kind}_{part}"] for part in ADDRESS_PARTS]

    @property
    def billing(self) -> list[forms.BoundField]:
        return self.of("billing")

    @property
    def shipping(self) -> list[forms.BoundField]:
        return self.of("shipping")
