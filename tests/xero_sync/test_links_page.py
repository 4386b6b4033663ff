"""Every link between our records and Xero's, and what people do about them."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from bmsxero.roles import Role
from crm.models import Account
from tests import records
from tests.conftest import ClientOf
from tests.xero_sync.driving import bring, export
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import linking, mirror
from xero_sync.gateway import Gateway
from xero_sync.models import JobRow, LinkEvent, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db
PAGE = "/finance/xero/links/"


def linked(name: str = "Bolt Ltd") -> XeroLink:
    made = records.account(name)
    export({"ids": [str(made.uuid)]}, "contacts")
    return XeroLink.objects.get(local_id=made.uuid)


def said(answer: Any) -> str:
    return answer.content.decode()


def test_each_link_names_both_sides_its_job_and_its_state(connection: XeroConnection, reader: Client) -> None:
    link = linked()
    page = said(reader.get(PAGE))
    for words in (
        "Bolt Ltd",
        "created",
        f"/finance/jobs/{link.job_id}/",
        "In Xero",
        f"contacts/contact/{link.xero_id}",
    ):
        assert words in page


def test_support_may_look_and_nobody_but_an_admin_unlinks(connection: XeroConnection, client_of: ClientOf) -> None:
    link = linked()
    for role in Role:
        client = client_of(role)
        assert client.get(PAGE).status_code == 200
        assert client.get(f"{PAGE}{link.pk}/").status_code == 200
        answer = client.get(f"{PAGE}{link.pk}/unlink/")
        assert answer.status_code == (200 if role == Role.ADMIN else 403)
    assert XeroLink.objects.filter(pk=link.pk).exists()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"q": "bolt"}, {"Bolt Ltd"}),
        ({"kind": "contacts"}, {"Bolt Ltd", "Nova Ltd"}),
        ({"kind": "items"}, set()),
        ({"state": "archived"}, {"Nova Ltd"}),
        ({"state": "fine"}, {"Bolt Ltd"}),
        ({"state": "nonsense"}, set()),
    ],
)
def test_links_can_be_narrowed(
    connection: XeroConnection, xero: SimulatedXero, reader: Client, query: dict[str, str], names: set[str]
) -> None:
    linked("Bolt Ltd"), linked("Nova Ltd")
    xero.control("archive-contact", contacts=["Nova Ltd"])
    mirror.read(Gateway(connection), "contacts")
    page = said(reader.get(PAGE, query))
    assert {name for name in ("Bolt Ltd", "Nova Ltd") if f">{name}</a>" in page} == names


def test_the_csv_has_all_that_match(connection: XeroConnection, reader: Client) -> None:
    linked("Bolt Ltd"), linked("Nova Ltd")
    rows = list(csv.DictReader(b"".join(reader.get("/finance/xero/links.csv?q=nova")).decode("utf-8-sig").splitlines()))
    assert [row["Here"] for row in rows] == ["Nova Ltd"]


@pytest.mark.parametrize("number", [2, 20])
def test_the_page_takes_the_same_queries_for_any_number(
    connection: XeroConnection, reader: Client, django_assert_max_num_queries: Any, number: int
) -> None:
    for n in range(number):
        made = records.account(f"Customer {n}")
        XeroLink.objects.create(
            tenant_id=connection.tenant_id, kind="contacts", local_id=made.uuid, xero_id=f"id-{n}", matched_by="created"
        )
    reader.get(PAGE)
    with django_assert_max_num_queries(12):
        reader.get(PAGE)


def test_looking_it_up_tells_what_xero_has_now(connection: XeroConnection, xero: SimulatedXero, writer: Client) -> None:
    link = linked()
    assert "It is in Xero." in said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    page = said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))
    assert "It is archived in Xero." in page
    assert "Archived in Xero" in page
    assert LinkEvent.objects.count() == 2


def test_a_contact_that_was_merged_leads_to_the_one_that_survived(
    connection: XeroConnection, xero: SimulatedXero, writer: Client
) -> None:
    link = linked()
    xero.control("merge-contact", contacts=["Bolt Ltd"], into="Saltwick Ceramics")
    assert "merged it into another contact" in said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))


def test_an_item_that_is_gone_in_xero_shows_as_missing(
    connection: XeroConnection, xero: SimulatedXero, writer: Client
) -> None:
    bring("items")
    link = XeroLink.objects.get(kind="items", xero_number="X-CALL")
    xero.control("delete-item", items=["X-CALL"])
    page = said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))
    assert "Xero does not have it any more." in page
    assert "Missing in Xero" in page


def test_a_record_that_was_changed_here_since_says_so(connection: XeroConnection, reader: Client) -> None:
    linked()
    Account.objects.update(name="Bolt & Sons")
    assert "Changed here since sent" in said(reader.get(PAGE))


def test_an_admin_unlinks_and_nothing_changes_in_xero(
    connection: XeroConnection, xero: SimulatedXero, client_of: ClientOf
) -> None:
    link = linked()
    writes = len(xero.ledger())
    client = client_of(Role.ADMIN)
    assert "Unlink Bolt Ltd?" in said(client.get(f"{PAGE}{link.pk}/unlink/"))
    assert "is no longer linked" in said(client.post(f"{PAGE}{link.pk}/unlink/", follow=True))
    assert not XeroLink.objects.filter(kind="contacts").exists()
    assert (LinkEvent.objects.get().action, len(xero.ledger())) == ("unlinked", writes)


def test_an_admin_links_by_hand(connection: XeroConnection, xero: SimulatedXero, client_of: ClientOf) -> None:
    made = records.account("Saltwick")
    mirror.read(Gateway(connection), "contacts")
    client = client_of(Role.ADMIN)
    page = f"{PAGE}to/contacts/{made.pk}/"
    assert "Saltwick Ceramics" in said(client.get(page))
    wanted = XeroRecord.objects.get(kind="contacts", payload__Name="Saltwick Ceramics")
    answer = client.post(page, {"xero_id": wanted.xero_id})
    assert answer.status_code == 302
    link = XeroLink.objects.get(kind="contacts")
    assert (link.local_id, link.xero_id, link.matched_by) == (made.uuid, wanted.xero_id, "linked by hand")


def test_what_is_linked_already_is_not_linked_twice(connection: XeroConnection, client_of: ClientOf) -> None:
    link = linked()
    mirror.read(Gateway(connection), "contacts")
    other = records.account("Bolt")
    client = client_of(Role.ADMIN)
    answer = client.post(f"{PAGE}to/contacts/{other.pk}/", {"xero_id": link.xero_id})
    assert answer.status_code == 400
    assert "is linked to Bolt Ltd already" in said(answer)
    answer = client.post(f"{PAGE}to/contacts/{other.pk}/", {"xero_id": "nothing"})
    assert (answer.status_code, "Choose one of the records." in said(answer)) == (400, True)


def test_a_record_in_a_jobs_hand_is_left_to_the_job(connection: XeroConnection, admin: User) -> None:
    link = linked()
    JobRow.objects.filter(record_key=str(link.local_id)).update(state="needs_review")
    with pytest.raises(linking.NotPossible, match=f"Job {link.job_id} has it in hand"):
        linking.unlink(link, user=admin)


@pytest.mark.parametrize("kind", ["invoices", "payments", "nonsense"])
def test_invoices_and_payments_are_not_linked_by_hand(
    connection: XeroConnection, client_of: ClientOf, kind: str
) -> None:
    assert client_of(Role.ADMIN).get(f"{PAGE}to/{kind}/1/").status_code == 404


def test_records_without_a_link_are_listed(connection: XeroConnection, reader: Client) -> None:
    linked("Bolt Ltd")
    records.account("Alone Ltd")
    page = said(reader.get(f"{PAGE}not-linked/contacts/"))
    assert "Alone Ltd" in page
    assert "Bolt Ltd" not in page


def test_before_anything_is_linked_the_page_says_what_a_link_is(connection: XeroConnection, reader: Client) -> None:
    assert "Nothing is linked yet" in said(reader.get(PAGE))
