"""Every link between our records and Xero's, and what people do about them."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.db import connection as db
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from bmsxero.roles import ADMINS, EVERYONE, WRITERS, Role
from crm.models import Account
from finance.models import AccountCode, Invoice, Item
from tests import records
from tests.conftest import ClientOf
from tests.xero_sync.conftest import connect
from tests.xero_sync.driving import bring, check, export, outcome
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import linking, mirror
from xero_sync.gateway import Gateway
from xero_sync.link_lists import STATES, links, with_records
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


@pytest.mark.parametrize("query", ["", "?q=customer", "?state=changed_here", "?state=fine&kind=contacts"])
def test_the_page_takes_the_same_queries_for_any_number(
    connection: XeroConnection, reader: Client, django_assert_num_queries: Any, query: str
) -> None:
    def add(number: int) -> None:
        for n in range(number):
            made = records.account(f"Customer {n}")
            sent = {"name": made.name if n % 2 else "Former"}
            XeroLink.objects.create(
                tenant_id=connection.tenant_id, kind="contacts", local_id=made.uuid, xero_id=str(made.uuid), sent=sent
            )

    add(3)
    reader.get(PAGE)
    with CaptureQueriesContext(db) as once:
        reader.get(PAGE + query)
    add(30)
    assert len(once) <= 12
    with django_assert_num_queries(len(once)):
        reader.get(PAGE + query)


def test_looking_it_up_tells_what_xero_has_now(connection: XeroConnection, xero: SimulatedXero, writer: Client) -> None:
    link = linked()
    assert "It is in Xero." in said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))
    xero.control("archive-contact", contacts=["Bolt Ltd"])
    page = said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))
    assert "It is archived in Xero." in page
    assert "Archived in Xero" in page
    assert LinkEvent.objects.count() == 2


def merged(xero: SimulatedXero, writer: Client) -> XeroLink:
    """Link Bolt Ltd, let a person in Xero merge it into Saltwick Ceramics, and ask Xero about it."""
    link = linked()
    xero.control("merge-contact", contacts=["Bolt Ltd"], into="Saltwick Ceramics")
    page = said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))
    assert "Xero has merged it into <strong>Saltwick Ceramics</strong>" in page
    assert "A finance admin can do that." in page
    return link


def test_a_contact_that_was_merged_is_linked_to_the_one_that_survived(
    connection: XeroConnection, xero: SimulatedXero, writer: Client, client_of: ClientOf
) -> None:
    link, client = merged(xero, writer), client_of(Role.ADMIN)
    assert "Link Bolt Ltd to Saltwick Ceramics?" in said(client.get(f"{PAGE}{link.pk}/follow/"))
    page = said(client.post(f"{PAGE}{link.pk}/follow/", follow=True))
    assert "Bolt Ltd is linked to Saltwick Ceramics now." in page
    assert "has merged it" not in page
    (survivor,) = [each for each in xero.books()["contacts"] if each["name"] == "Saltwick Ceramics"]
    link.refresh_from_db()
    assert (link.xero_id, link.matched_by) == (survivor["contact_id"], "merged in Xero")
    assert [event.action for event in LinkEvent.objects.all()] == ["linked", "checked"]
    assert client.get(f"{PAGE}{link.pk}/follow/").status_code == 404


def test_an_invoice_for_a_merged_contact_says_so_at_check_and_goes_once_that_is_mended(
    connection: XeroConnection, xero: SimulatedXero, writer: Client, client_of: ClientOf
) -> None:
    link = merged(xero, writer)
    records.invoice("INV-1", of=Account.objects.get(), status=Invoice.Status.READY)
    assert "was merged into another in Xero. Link the account to that one." in outcome(check())["INV-1"][1]
    client_of(Role.ADMIN).post(f"{PAGE}{link.pk}/follow/")
    assert outcome(export())["INV-1"][0] == "succeeded"
    assert [each["Contact"]["Name"] for each in xero.read("Invoices")] == ["Saltwick Ceramics"]


def test_a_merged_contact_whose_survivor_is_linked_already_stays(
    connection: XeroConnection, xero: SimulatedXero, writer: Client, client_of: ClientOf
) -> None:
    link = merged(xero, writer)
    linked("Saltwick Ceramics")
    page = said(client_of(Role.ADMIN).post(f"{PAGE}{link.pk}/follow/", follow=True))
    assert "That contact is linked to Saltwick Ceramics already." in page
    assert XeroLink.objects.get(pk=link.pk).xero_id == link.xero_id


def test_without_a_merging_there_is_nothing_to_follow(connection: XeroConnection, client_of: ClientOf) -> None:
    assert client_of(Role.ADMIN).get(f"{PAGE}{linked().pk}/follow/").status_code == 404


def test_an_item_that_is_gone_in_xero_shows_as_missing(
    connection: XeroConnection, xero: SimulatedXero, writer: Client
) -> None:
    bring("items")
    link = XeroLink.objects.get(kind="items", xero_number="X-CALL")
    xero.control("delete-item", items=["X-CALL"])
    page = said(writer.post(f"{PAGE}{link.pk}/look-up/", follow=True))
    assert "Xero does not have it any more." in page
    assert "Missing in Xero" in page


# --- how it stands


def state(kind: str, reader: Client) -> str:
    """Return the state of the only link of a kind, which the filter of that state must find, too."""
    (link,) = with_records(XeroConnection.objects.get(is_current=True))(
        links(XeroConnection.objects.get(is_current=True)).filter(kind=kind)
    )
    (name,) = [name for name, (badge, _) in STATES.items() if badge == link.state]
    found = [other for other in STATES if f"/{link.pk}/" in said(reader.get(PAGE, {"kind": kind, "state": other}))]
    assert found == [name]
    return str(link.state)


def everything(number: str = "INV-1") -> Invoice:
    """Export an invoice of an item; so its customer and its item are linked, too."""
    item = records.item("Backup", "service", unit_price=Decimal("12.50"))
    made = records.invoice(number, of=records.account("Bolt Ltd"), status=Invoice.Status.READY)
    made.lines.update(item=item)
    job = export({"ids": [str(made.uuid)]})
    assert outcome(job)[number][0] == "succeeded", outcome(job)
    return made


CHANGES: dict[str, tuple[str, Callable[[], object]]] = {
    "a customer's name": ("contacts", lambda: Account.objects.update(name="Bolt & Sons")),
    "an item's name": ("items", lambda: Item.objects.update(name="Back-up")),
    "an item's price": ("items", lambda: Item.objects.update(unit_price=Decimal("12.51"))),
    "an invoice's total": ("invoices", lambda: Invoice.objects.update(subtotal=101, total=101)),
    "an invoice's date": ("invoices", lambda: Invoice.objects.update(date=date(2026, 1, 1))),
    "an invoice's number": ("invoices", lambda: Invoice.objects.update(number="INV-1a")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_record_that_was_changed_here_since_says_so(connection: XeroConnection, reader: Client, what: str) -> None:
    everything()
    kind, change = CHANGES[what]
    assert state(kind, reader) == "In Xero"
    change()
    assert state(kind, reader) == "Changed here since sent"


def _random_world(chance: random.Random, tenant_id: str) -> None:
    """Link records of every kind, then change some on either side; clocks of the two sides may differ by hours."""
    for n in range(12):
        account = records.account(f"Customer {n}")
        made: dict[str, tuple[Any, dict[str, Any]]] = {
            "contacts": (account, {"name": account.name}),
            "items": (item := records.item(f"Item {n}", "service", unit_price=Decimal(n)), {}),
            "account_codes": (code := AccountCode.objects.create(code=f"9{n:03}", name=f"Code {n}"), {}),
            "invoices": (bill := records.invoice(f"INV-{n}", of=account), {}),
        }
        made["items"][1].update(name=item.name, price=str(item.unit_price))
        made["account_codes"][1].update(code=code.code, name=code.name, type=code.type)
        made["invoices"][1].update(number=bill.number, total=str(bill.total), date=str(bill.date))
        for kind, (record, sent) in made.items():
            now = timezone.now() + timedelta(hours=chance.randint(-3, 3))
            link = XeroLink.objects.create(
                tenant_id=tenant_id, kind=kind, local_id=record.uuid, xero_id=str(uuid4()),
                sent={name: value for name, value in sent.items() if chance.random() > 0.1},
                last_seen=chance.choice([now, now, None]),
            )  # fmt: skip
            if chance.random() < 0.8:
                XeroRecord.objects.create(
                    tenant_id=tenant_id, kind=kind, xero_id=link.xero_id, seen_at=now, date=sent.get("date"),
                    status=chance.choice(["ACTIVE"] * 6 + ["ARCHIVED", "VOIDED", "MISSING"]),
                    updated_utc=now + timedelta(minutes=chance.choice([-5, 0, 5])),
                    payload=chance.choice([{}, {"Total": sent.get("total")}, {"Total": "1.00"}]),
                )  # fmt: skip
            if chance.random() < 0.3:
                fields = {"invoices": {"date": date(2026, 1, n + 1)}}.get(kind, {"name": f"Other {n}"})
                type(record)._default_manager.filter(pk=record.pk).update(**fields)


@pytest.mark.parametrize("seed", range(4))
def test_the_filter_finds_exactly_the_links_that_show_a_state(
    connection: XeroConnection, reader: Client, seed: int
) -> None:
    _random_world(random.Random(seed), connection.tenant_id)
    shown = dict(links(connection).values_list("pk", "state_name"))
    assert len(set(shown.values())) > 4
    for state in STATES:
        grid = reader.get(PAGE, {"state": state, "rows": "100"}).context["grid"]
        assert {row.record.pk for row in grid.rows} == {pk for pk, name in shown.items() if name == state}, state
        lines = csv.DictReader(b"".join(reader.get(f"{PAGE.rstrip('/')}.csv?state={state}")).decode().splitlines())
        assert len(list(lines)) == grid.total == len(grid.rows)


def test_once_the_change_is_sent_both_sides_agree_again(connection: XeroConnection, reader: Client) -> None:
    link = linked()
    Account.objects.update(name="Bolt & Sons")
    assert state("contacts", reader) == "Changed here since sent"
    export({"ids": [str(link.local_id)]}, "contacts")
    assert state("contacts", reader) == "In Xero"
    assert XeroLink.objects.get().sent == {"name": "Bolt & Sons"}


def test_what_people_changed_in_xero_says_so_until_it_is_imported(
    connection: XeroConnection, xero: SimulatedXero, reader: Client
) -> None:
    link = linked()
    xero.control("rename-contact", contacts=["Bolt Ltd"], name="Bolt Holdings")
    mirror.read(Gateway(connection), "contacts")
    assert state("contacts", reader) == "Changed in Xero"
    bring("contacts", {"ids": [link.xero_id]})
    assert Account.objects.get().name == "Bolt Holdings"
    assert state("contacts", reader) == "In Xero"


def test_an_invoice_that_was_only_paid_in_xero_is_not_called_changed(
    connection: XeroConnection, xero: SimulatedXero, reader: Client
) -> None:
    made = records.invoice("INV-1", status=Invoice.Status.READY)
    export({"ids": [str(made.uuid)]}, status="AUTHORISED")
    xero.control("pay", invoices=["INV-1"], amount="10")
    mirror.read(Gateway(connection), "invoices")
    assert state("invoices", reader) == "In Xero"
    XeroRecord.objects.filter(kind="invoices").update(date=date(2026, 1, 1))
    assert state("invoices", reader) == "Changed in Xero"


def test_an_invoice_that_is_void_in_xero_says_so(
    connection: XeroConnection, xero: SimulatedXero, reader: Client
) -> None:
    everything()
    xero.control("void", invoices=["INV-1"])
    mirror.read(Gateway(connection), "invoices")
    assert state("invoices", reader) == "Voided or deleted in Xero"


def test_another_organisation_starts_clean_and_the_first_revives(
    connection: XeroConnection, xero: SimulatedXero, admin: User, reader: Client
) -> None:
    link = linked()
    connect(xero, admin, "Demo Company (NZ)")
    assert "Nothing is linked yet" in said(reader.get(PAGE))
    assert reader.get(f"{PAGE}{link.pk}/").status_code == 404
    assert "Bolt Ltd" in said(reader.get(f"{PAGE}not-linked/contacts/"))
    connect(xero, admin, "Acme MSP Ltd")
    assert state("contacts", reader) == "In Xero"


# --- unlinking, linking


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


def test_choosing_costs_the_same_for_any_number_of_candidates(
    connection: XeroConnection, client_of: ClientOf, django_assert_num_queries: Any
) -> None:
    linked("Alba Ltd")
    mirror.read(Gateway(connection), "contacts")
    client, page = client_of(Role.ADMIN), f"{PAGE}to/contacts/{records.account('Other').pk}/"
    assert "Linked to Alba Ltd." in said(client.get(page, {"q": "alba"}))
    with CaptureQueriesContext(db) as once:
        client.get(page, {"q": "alba"})
    with django_assert_num_queries(len(once)):
        client.get(page, {"q": "a"})


def test_the_page_of_a_record_leads_to_linking_it_and_says_how_its_link_stands(
    connection: XeroConnection, client_of: ClientOf, reader: Client
) -> None:
    made = records.account("Bolt Ltd")
    address = f"{PAGE}to/contacts/{made.pk}/"
    admin_ = client_of(Role.ADMIN)
    assert address in said(admin_.get(made.get_absolute_url()))
    assert address not in said(reader.get(made.get_absolute_url()))
    export({"ids": [str(made.uuid)]}, "contacts")
    assert address not in said(admin_.get(made.get_absolute_url()))
    XeroRecord.objects.filter(kind="contacts").update(status="ARCHIVED")
    assert "Archived in Xero" in said(reader.get(made.get_absolute_url()))


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


def test_records_without_a_link_come_as_csv(connection: XeroConnection, reader: Client) -> None:
    for name in ("Alone Ltd", "Apart Ltd"):
        records.account(name)
    answer = reader.get(f"{PAGE}not-linked/contacts.csv?q=alone")
    assert [row["Name"] for row in csv.DictReader(b"".join(answer).decode("utf-8-sig").splitlines())] == ["Alone Ltd"]
    assert reader.get(f"{PAGE}not-linked/invoices.csv").status_code == 404


#: What of a link's page and of what goes with it a role may do.
STEPS: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("get", "", EVERYONE),
    ("post", "look-up/", WRITERS),
    ("post", "unlink/", ADMINS),
    ("get", "follow/", ADMINS),
    ("post", "follow/", ADMINS),
)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(("method", "step", "roles"), STEPS)
def test_each_step_is_for_its_roles_alone(
    connection: XeroConnection, client_of: ClientOf, role: Role, method: str, step: str, roles: tuple[Role, ...]
) -> None:
    made = records.account()
    link = XeroLink.objects.create(tenant_id=connection.tenant_id, kind="contacts", local_id=made.uuid, xero_id="x")
    answer = getattr(client_of(role), method)(f"{PAGE}{link.pk}/{step}")
    assert (answer.status_code == 403) == (role not in roles)


def test_before_anything_is_linked_the_page_says_what_a_link_is(connection: XeroConnection, reader: Client) -> None:
    assert "Nothing is linked yet" in said(reader.get(PAGE))
