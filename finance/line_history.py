"""How the lines of an invoice are kept and compared in its history: as the texts they were read as."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from django.apps import apps

from bmsxero.templatetags.bms import decimals, price

#: What a kept line consists of, in this order.
PARTS = ("item", "description", "quantity", "unit price", "discount", "tax")
Line = Sequence[str]


def line_texts(invoice_ids: Sequence[int]) -> dict[int, list[list[str]]]:
    """Return the lines of these invoices as texts, in one query."""
    lines = apps.get_model("finance", "InvoiceLine").objects.filter(invoice__in=invoice_ids)
    columns = lines.order_by("invoice", "position").values_list(
        "invoice", "item__name", "description", "quantity", "unit_price", "discount_percent", "taxable", "tax__name"
    )
    texts: dict[int, list[list[str]]] = {}
    for invoice, item, description, quantity, unit_price, discount, taxable, tax in columns:
        texts.setdefault(invoice, []).append(
            [
                item or "",
                description,
                decimals(quantity),
                price(unit_price),
                f"{decimals(discount)} %" if discount else "",
                (tax or "") if taxable else "Not taxable",
            ]
        )
    return texts


def line_differences(before: Sequence[Line], after: Sequence[Line]) -> Iterator[str]:
    """Yield a sentence for each line that was added, removed or changed. Numbers are those of now."""
    matcher = SequenceMatcher(None, [tuple(line) for line in before], [tuple(line) for line in after], autojunk=False)
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            continue
        old, new = before[old_from:old_to], after[new_from:new_to]
        both = min(len(old), len(new))
        for number, (was, is_now) in enumerate(zip(old, new, strict=False), new_from + 1):
            yield f"Line {number}: {', '.join(_changed(was, is_now))}"
        for number, line in enumerate(new[both:], new_from + both + 1):
            yield f"Line {number} added: {_told(line)}"
        for number, line in enumerate(old[both:], old_from + both + 1):
            yield f"Line {number} removed: {_told(line)}"


def _changed(was: Line, is_now: Line) -> Iterator[str]:
    for part, old, new in zip(PARTS, was, is_now, strict=True):
        if old != new:
            yield f"{part} {old or 'nothing'} → {new or 'nothing'}"


def _told(line: Line) -> str:
    item, description, quantity, unit_price, *_ = line
    return f"{item or description or 'no item'}, {quantity} × {unit_price}"
