"""The number of the next invoice."""

from __future__ import annotations

import re

from django.db.models.functions import Length

from finance.models import Invoice

FIRST = "INV-00001"
_PARTS = re.compile(r"(.*?)(\d{1,15})", re.DOTALL)


def next_number() -> str:
    """Return the highest number of the series that was used last, and one more: INV-00009 becomes INV-00010."""
    last = Invoice.objects.order_by("-id").values_list("number", flat=True).first()
    parts = _PARTS.fullmatch(last or "")
    if parts is None:
        return FIRST if last is None else f"{last}-1"[:255]
    prefix, digits = parts[1], parts[2]
    series = Invoice.objects.filter(number__startswith=prefix, number__regex=rf"^{re.escape(prefix)}[0-9]{{1,15}}$")
    # The longest is the highest: leading zeros are the same for all of one length
    highest = series.order_by(Length("number").desc(), "-number").values_list("number", flat=True).first() or last
    found = _PARTS.fullmatch(highest or "")
    number = int(found[2] if found else digits) + 1
    return f"{prefix}{number:0{len(digits)}}"
