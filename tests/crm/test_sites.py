"""The sites of an account: added, mended, moved and deleted; and the account's own switches."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from crm.models import Account, Site
from tests.records import account, invoice, site

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return unescape(response.content.decode())


def test_a_site_is_added_with_four_lines_of_address(writer: Client) -> None:
    of = account()
    lines = {f"billing_line{number}": f"Line {number}" for number in range(1, 5)}
    page = text(writer.post(f"/crm/accounts/{of.pk}/sites/new/", {"name": "Depot", **lines}, follow=True))
    made = of.sites.get()
    assert made.is_main
    for line in (*lines.values(), "Created: site Depot"):
        assert line in page


def test_a_second_site_is_not_the_main_one(writer: Client) -> None:
    of = account()
    site(of)
    writer.post(f"/crm/accounts/{of.pk}/sites/new/", {"name": "Depot"})
    assert not of.sites.get(name="Depot").is_main


def test_a_site_is_mended_and_faults_are_said_at_the_field(writer: Client) -> None:
    made = site(account(), "Depot")
    url = f"/crm/sites/{made.pk}/edit/"
    answer = writer.post(url, {"name": "Warehouse", "billing_email": "nobody"})
    assert answer.status_code == 400
    assert "Enter a valid email address." in text(answer)
    assert 'value="Warehouse"' in text(answer)
    page = text(writer.post(url, {"name": "Warehouse"}, follow=True))
    assert "Changed: site Warehouse" in page


def test_another_site_becomes_the_main_one(writer: Client) -> None:
    of = account()
    first, second = site(of), site(of, "Depot", is_main=False)
    writer.post(f"/crm/sites/{second.pk}/main/")
    assert list(of.sites.filter(is_main=True)) == [second]
    writer.post(f"/crm/sites/{first.pk}/main/")
    writer.post(f"/crm/sites/{first.pk}/main/")
    assert list(of.sites.filter(is_main=True)) == [first]


def test_a_site_that_invoices_use_is_not_deleted(writer: Client) -> None:
    of = account()
    site(of)
    used, unused = site(of, "Depot", is_main=False), site(of, "Shop", is_main=False)
    invoice(of=of, site=used)
    assert "1 invoice uses it." in text(writer.post(f"/crm/sites/{used.pk}/delete/", follow=True))
    assert "is deleted" in text(writer.post(f"/crm/sites/{unused.pk}/delete/", follow=True))
    assert used in of.sites.all()
    assert unused not in of.sites.all()


def test_the_main_site_is_not_deleted(writer: Client) -> None:
    main = site(account())
    assert "Make another one the main site first." in text(writer.post(f"/crm/sites/{main.pk}/delete/", follow=True))
    assert Site.objects.get() == main


@pytest.mark.parametrize("what", ["main", "delete"])
def test_a_link_alone_does_nothing(writer: Client, what: str) -> None:
    assert writer.get(f"/crm/sites/{site(account()).pk}/{what}/").status_code == 405


def test_an_account_is_deactivated_and_activated(writer: Client) -> None:
    of = account()
    page = text(writer.post(f"/crm/accounts/{of.pk}/active/", {"active": "no"}, follow=True))
    assert "Acme is inactive now." in page
    assert "Active: Yes" in page.replace("<del>", "").replace("</del>", "")
    writer.post(f"/crm/accounts/{of.pk}/active/", {"active": "yes"})
    of.refresh_from_db()
    assert of.active


def test_an_account_warns_of_a_namesake(reader: Client) -> None:
    of = account("Acme")
    assert "Another account is called" not in text(reader.get(of.get_absolute_url()))
    other = account("ACME", code="A2")
    page = text(reader.get(of.get_absolute_url()))
    assert f'Another account is called <a href="{other.get_absolute_url()}">ACME</a> (A2), too.' in page


def test_a_reader_sees_no_buttons(reader: Client) -> None:
    of = account()
    site(of, is_main=False)
    page = text(reader.get(of.get_absolute_url()))
    for words in ("Add site", "Make main", "Deactivate", "New invoice"):
        assert words not in page
    assert Account.objects.get().active
