"""Rounding and totals, as Xero does them: pure functions of Decimals, no database.

All amounts are in the currency of their document. Rates and discounts are percentages: 20 is twenty per cent.
Xero rounds half up, each line on its own, and adds the rounded lines up; whoever rounds the total instead
is off by cents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")
UNIT_PRICE_STEP = Decimal("0.0001")
RATE_STEP = Decimal("0.0001")
HUNDRED = Decimal(100)
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Component:
    """One part of a tax group. A compound part is charged on the price and the other parts together."""

    rate: Decimal
    compound: bool = False


@dataclass(frozen=True)
class Totals:
    """What a document adds up to, in its currency, two decimals each."""

    subtotal: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def round_half_up(amount: Decimal, step: Decimal = CENT) -> Decimal:
    """Return `amount` as a multiple of `step`, halves away from zero."""
    return amount.quantize(step, rounding=ROUND_HALF_UP)


def line_amount(quantity: Decimal, unit_price: Decimal, discount_percent: Decimal = ZERO) -> Decimal:
    """Return what a line costs without tax, two decimals. The unit price counts with four."""
    price = round_half_up(unit_price, UNIT_PRICE_STEP)
    return round_half_up(quantity * price * (HUNDRED - discount_percent) / HUNDRED)


def tax_amount(amount: Decimal, rate: Decimal) -> Decimal:
    """Return the tax on a line's `amount` at `rate` per cent, two decimals."""
    return round_half_up(amount * rate / HUNDRED)


def effective_rate(components: Iterable[Component]) -> Decimal:
    """Return the rate of a tax group in per cent, four decimals: its simple parts, then the compound ones on top."""
    parts = list(components)
    simple = sum((part.rate for part in parts if not part.compound), ZERO)
    compound = sum((part.rate for part in parts if part.compound), ZERO)
    return round_half_up(simple + compound * (HUNDRED + simple) / HUNDRED, RATE_STEP)


def totals(lines: Iterable[tuple[Decimal, Decimal]]) -> Totals:
    """Add up lines given as (amount without tax, rate in per cent); the tax of each is rounded on its own."""
    subtotal = tax = ZERO
    for amount, rate in lines:
        subtotal += amount
        tax += tax_amount(amount, rate)
    return Totals(subtotal, tax)
