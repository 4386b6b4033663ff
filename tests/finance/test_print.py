from __future__ import annotations

from html import unescape

import pytest
from django.test import Client

from tests.records import account, invoice, payment, site

pytestmark = pytest.mark.django_db


def test_an_invoice_is_shown_as_it_goes_on_paper(reader: Client) -> None:
    of = account("Acme", tax_number="GB 1")
    lines = {f"billing_line{number}": f"Line {number}" for number in range(1, 5)}
    made = invoice("INV-1", of=of, site=site(of, **lines), po_number="PO 7", currency="EUR", status="sent")
    payment(made, "40", reference="BACS 1")
    payment(made, "30", reference="BACS 2", reversed=True)
    page = unescape(reader.get(f"{made.get_absolute_url()}print/").content.decode())
    for words in (*lines.values(), "GB 1", "PO 7", "EUR\xa0100.00", "EUR\xa060.00", "BACS 1", "SIMULATED"):
        assert words in page
    assert "BACS 2" not in page
    assert 'aria-label="Main"' not in page


def test_without_the_simulator_there_is_no_watermark(reader: Client, settings: object) -> None:
    settings.SIMULATOR = False  # type: ignore[attr-defined]
    assert "SIMULATED" not in reader.get(f"{invoice().get_absolute_url()}print/").content.decode()


def test_a_draft_says_that_it_is_one(reader: Client) -> None:
    assert "<small>Draft</small>" in reader.get(f"{invoice().get_absolute_url()}print/").content.decode()
