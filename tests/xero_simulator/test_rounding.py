from __future__ import annotations

from decimal import Decimal

import pytest

from xero_simulator import rounding


@pytest.mark.parametrize(
    ("quantity", "unit", "rate", "discount", "expected"),
    [
        ("3", "33.335", None, None, "100.01"),  # 100.005 rounds up
        ("1", "0.005", None, None, "0.01"),
        ("1", "-0.005", None, None, "-0.01"),  # away from nothing
        ("2", "50", "10", None, "90.00"),
        ("1", "100", None, "0.01", "99.99"),
        ("7", "3.33", "33.3333", None, "15.54"),
        ("1", "100", "100", None, "0.00"),
        ("0", "100", None, None, "0.00"),
    ],
)
def test_a_line_is_rounded_once(
    quantity: str, unit: str, rate: str | None, discount: str | None, expected: str
) -> None:
    amount = rounding.line_amount(
        Decimal(quantity), Decimal(unit), Decimal(rate) if rate else None, Decimal(discount) if discount else None
    )
    assert amount == Decimal(expected)


@pytest.mark.parametrize(
    ("line", "rate", "types", "expected"),
    [
        ("100.01", "20", "Exclusive", "20.00"),
        ("0.13", "20", "Exclusive", "0.03"),
        ("0.12", "20", "Exclusive", "0.02"),
        ("120.00", "20", "Inclusive", "20.00"),
        ("100.00", "15", "Inclusive", "13.04"),
        ("100.00", "20", "NoTax", "0.00"),
        ("-10.00", "20", "Exclusive", "-2.00"),
    ],
)
def test_tax_is_rounded_per_line(line: str, rate: str, types: str, expected: str) -> None:
    assert rounding.tax_amount(Decimal(line), Decimal(rate), types) == Decimal(expected)


def test_the_effective_rate_puts_a_compound_part_on_top() -> None:
    assert rounding.effective_rate([(Decimal(5), False), (Decimal("9.5"), True)]) == Decimal("14.975")
    assert rounding.effective_rate([(Decimal("6.25"), False), (Decimal("2.5"), False)]) == Decimal("8.75")
