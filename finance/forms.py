from __future__ import annotations

import datetime as dt

from django import forms
from django.utils import timezone

from finance import dates, statuses
from finance.models import Invoice


class MarkForm(forms.Form):
    """Which invoices to mark, and as what."""

    ids = forms.ModelMultipleChoiceField(Invoice.objects.all())
    status = forms.ChoiceField(choices=[(name, Invoice.Status(name).label) for name in statuses.STEPS])


class DontSendForm(forms.Form):
    """Which invoices must not go to Xero, and why."""

    ids = forms.ModelMultipleChoiceField(Invoice.objects.all(), widget=forms.MultipleHiddenInput)
    reason = forms.CharField(
        label="Why not?",
        max_length=Invoice._meta.get_field("dont_send").max_length,
        help_text="It shows wherever somebody asks why the invoice isn't in Xero.",
    )


class PaymentForm(forms.Form):
    """A payment that is entered here."""

    amount = forms.DecimalField(
        max_digits=14,
        decimal_places=2,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    date = forms.CharField(max_length=30, help_text=dates.HINT)
    reference = forms.CharField(required=False, max_length=255)

    def clean_date(self) -> dt.date:
        today = timezone.localdate()
        try:
            day = dates.read_day(self.cleaned_data["date"], today)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None
        if day > today:
            raise forms.ValidationError("A payment can’t be of a day to come.")
        return day
