from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance import money
from finance.money import Component

D = Decimal


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [("0.005", "0.01"), ("0.004999", "0.00"), ("2.675", "2.68"), ("-0.005", "-0.01"), ("1.115", "1.12")],
)
def test_halves_go_away_from_zero(amount: str, rounded: str) -> None:
    assert money.round_half_up(D(amount)) == D(rounded)


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "amount"),
    [
        ("3", "33.335", "0", "100.01"),  # 100.005, up
        ("1", "0.005", "0", "0.01"),
        ("2.5", "19.9999", "0", "50.00"),  # four decimals of the price count
        ("1", "100", "12.5", "87.50"),
        ("7", "8", "100", "0.00"),
        ("-2", "10.005", "0", "-20.01"),  # a discount line
        ("0", "99", "0", "0.00"),
    ],
)
def test_a_line_is_rounded_once(quantity: str, price: str, discount: str, amount: str) -> None:
    assert money.line_amount(D(quantity), D(price), D(discount)) == D(amount)


def test_tax_is_rounded_line_by_line_as_xero_does() -> None:
    lines = [(D("0.02"), D(20))] * 3  # 0.004 each: nothing, where the total's 0.012 would be a cent
    assert money.totals(lines) == money.Totals(D("0.06"), D("0.00"))
    assert money.totals(lines).total == D("0.06")


@pytest.mark.parametrize(
    ("parts", "rate"),
    [
        ([Component(D(20))], "20"),
        ([Component(D(6)), Component(D("2.5"))], "8.5"),
        ([Component(D(5)), Component(D("9.975"), compound=True)], "15.4738"),  # 5 + 9.975 * 1.05 = 15.47375
        ([], "0"),
    ],
)
def test_a_groups_rate_is_its_parts_together(parts: list[Component], rate: str) -> None:
    assert money.effective_rate(parts) == D(rate)


def test_a_thousand_million_lines_add_up_exactly() -> None:
    assert money.totals([(D("9999999999.99"), D(20))] * 1000).subtotal == D("9999999999990.00")


amounts = st.decimals(min_value=-(10**6), max_value=10**6, places=4)
rates = st.decimals(min_value=0, max_value=100, places=4)


@given(st.lists(st.tuples(amounts.map(money.round_half_up), rates), max_size=30))
def test_totals_have_two_decimals_and_add_up(lines: list[tuple[Decimal, Decimal]]) -> None:
    result = money.totals(lines)
    assert result.total == result.subtotal + result.tax
    assert result.subtotal == sum((amount for amount, _ in lines), D(0))
    assert result.tax == result.tax.quantize(money.CENT)
