from __future__ import annotations

from django import forms

from finance import statuses
from finance.models import Invoice


class MarkForm(forms.Form):
    """Which invoices to mark, and as what."""

    ids = forms.ModelMultipleChoiceField(Invoice.objects.all())
    status = forms.ChoiceField(choices=[(name, Invoice.Status(name).label) for name in statuses.STEPS])
