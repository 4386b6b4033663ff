"""How Xero rounds: the line first, then the tax of the line, and only then the sum."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
HUNDRED = Decimal(100)


def to_places(amount: Decimal, places: int = 2) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def line_amount(
    quantity: Decimal, unit_amount: Decimal, discount_rate: Decimal | None, discount_amount: Decimal | None
) -> Decimal:
    """Return the amount of a line. `unit_amount` must already be rounded to 2 places, or 4 with unitdp=4."""
    gross = quantity * unit_amount
    if discount_rate:
        gross *= 1 - discount_rate / HUNDRED
    return to_places(gross - (discount_amount or 0))


def tax_amount(line: Decimal, rate: Decimal, line_amount_types: str) -> Decimal:
    """Return the tax of a line at `rate` percent."""
    if line_amount_types == "NoTax":
        return Decimal("0.00")
    if line_amount_types == "Inclusive":
        return line - to_places(line / (1 + rate / HUNDRED))
    return to_places(line * rate / HUNDRED)


def display_rate(components: Iterable[tuple[Decimal, bool]]) -> Decimal:
    return sum((rate for rate, _ in components), Decimal(0))


def effective_rate(components: Iterable[tuple[Decimal, bool]]) -> Decimal:
    """Return the percentage that (rate, is compound) parts come to: a compound one is also on the others."""
    parts = list(components)
    simple = sum((rate for rate, compound in parts if not compound), Decimal(0))
    on_top = sum((rate * (1 + simple / HUNDRED) for rate, compound in parts if compound), Decimal(0))
    return to_places(simple + on_top, 4)
