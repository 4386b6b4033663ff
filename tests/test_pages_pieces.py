"""The pieces pages are made of: amounts, dates, badges, fields, CSV cells."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django import forms
from django.template import Context, Template

from bmsxero.csv_files import cell, lines
from bmsxero.listing import Badge


def render(source: str, **context: Any) -> str:
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (Decimal(0), "0.00"),
        (Decimal("1234567.5"), "1,234,567.50"),
        (Decimal("-12.3"), "−12.30"),
        (Decimal("-0.00"), "0.00"),
        (None, ""),
    ],
)
def test_money_has_two_decimals_groups_and_a_real_minus(amount: Decimal | None, shown: str) -> None:
    assert render("{{ amount|money }}", amount=amount) == shown


def test_money_names_its_currency_on_the_same_line() -> None:
    assert render("{{ amount|money:'EUR' }}", amount=Decimal(5)) == "EUR\N{NO-BREAK SPACE}5.00"


@pytest.mark.parametrize(
    ("price", "shown"), [("35.5000", "35.50"), ("0.0125", "0.0125"), ("12.3450", "12.345"), ("1249.0000", "1,249.00")]
)
def test_a_price_shows_four_decimals_only_where_it_has_them(price: str, shown: str) -> None:
    assert render("{{ price|price }}", price=Decimal(price)) == shown


@pytest.mark.parametrize(("number", "shown"), [("13.0000", "13"), ("1.5000", "1.50"), ("-2", "−2"), ("1000", "1,000")])
def test_a_quantity_loses_needless_zeros(number: str, shown: str) -> None:
    assert render("{{ number|decimals }}", number=Decimal(number)) == shown


def test_dates_can_be_read_by_people_and_machines() -> None:
    assert render("{{ when|day }}", when=date(2026, 11, 2)) == '<time datetime="2026-11-02">2 Nov 2026</time>'


def test_a_time_has_its_utc_in_the_title(settings: Any) -> None:
    shown = render("{{ when|moment }}", when=datetime(2026, 7, 1, 9, 5, tzinfo=UTC))
    assert 'title="2026-07-01 09:05:00 UTC"' in shown
    assert "1 Jul 2026 09:05" in shown


def test_a_badge_says_its_state_in_words() -> None:
    shown = render("{% badge state %}", state=Badge("Paid", "success"))
    assert "Paid" in shown
    assert "tone-success" in shown
    assert 'aria-hidden="true"' in shown


def test_steps_mark_the_current_one() -> None:
    shown = render('{% steps "Load" "Select" "Send" current=2 %}')
    assert shown.count('aria-current="step"') == 1
    assert "(done)" in shown


def test_a_slot_without_a_template_is_empty() -> None:
    assert render('{% slot "xero_sync/_no_such_thing.html" %}') == ""


def test_a_fact_without_a_value_is_left_out() -> None:
    assert "PO" not in render('{% fact "PO" %}{{ po }}{% endfact %}', po="")
    assert "<dt>PO</dt><dd>12</dd>" in render('{% fact "PO" %}{{ po }}{% endfact %}', po="12")


def test_a_title_is_escaped() -> None:
    assert "<b>" not in render("{% card title %}x{% endcard %}", title="<b>")


class Form(forms.Form):
    name = forms.CharField(help_text="As Xero has it.")
    size = forms.ChoiceField(choices=[("s", "Small"), ("l", "Large")], widget=forms.RadioSelect)
    keep = forms.BooleanField(required=False)


def test_a_field_ties_label_help_and_error_to_its_control() -> None:
    shown = render("{% field form.name %}", form=Form({"name": ""}))
    assert '<label class="form-label" for="id_name">' in shown
    assert 'aria-invalid="true"' in shown
    assert 'aria-describedby="id_name_helptext id_name_error"' in shown
    assert 'id="id_name_helptext"' in shown
    assert 'id="id_name_error"' in shown


def test_a_group_of_choices_has_a_legend() -> None:
    shown = render("{% field form.size %}", form=Form())
    assert "<legend" in shown
    assert shown.count('type="radio"') == 2


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_a_spreadsheet_would_run_is_defused(start: str) -> None:
    assert cell(f"{start}cmd") == f"'{start}cmd"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("-1234.50"), "-1234.50"),
        (date(2026, 11, 2), "2026-11-02"),
        (datetime(2026, 11, 2, 9, 5, tzinfo=UTC), "2026-11-02 09:05:00+00:00"),
        (None, ""),
        (True, "Yes"),
        (7, "7"),
    ],
)
def test_csv_values_are_plain(value: Any, text: str) -> None:
    assert cell(value) == text


def test_a_csv_file_tells_spreadsheets_that_it_is_utf_8() -> None:
    assert list(lines([["a", "b,c"]])) == ["\ufeff", 'a,"b,c"\r\n']
