"""The promise of every wizard: the count in the bar is the count at Check is the number of rows of the job."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bmsxero.roles import Role
from crm.models import Account
from finance.models import AccountCode, Invoice, Item
from tests.conftest import ClientOf
from tests.records import DAY
from tests.xero_sync.pages import run
from tests.xero_sync.wizard_pages import opened, press
from xero_sync.models import Draft, Job, MirrorStamp, XeroConnection, XeroLink, XeroRecord
from xero_sync.wizards import WIZARDS, Wizard

pytestmark = pytest.mark.django_db
MANY = 40
KINDS = ("contacts", "items", "account_codes", "tax_rates", "payments", "invoices")


def _ours() -> None:
    accounts = Account.objects.bulk_create(
        Account(name=f"Name {n:02}", code=f"C{n}", active=n % 7 > 0) for n in range(MANY)
    )
    Item.objects.bulk_create(Item(name=f"Name {n:02}", kind=Item.Kind.values[n % 5]) for n in range(MANY))
    AccountCode.objects.bulk_create(AccountCode(code=f"C{n}", name=f"Name {n:02}") for n in range(MANY))
    Invoice.objects.bulk_create(
        Invoice(number=f"Name {n:02}", account=accounts[n % 9], date=DAY, due_date=DAY, status="ready")
        for n in range(MANY)
    )


def _theirs(tenant_id: str) -> None:
    now = timezone.now()
    payload = {"Amount": "1.00", "Invoice": {"InvoiceNumber": "X", "CurrencyCode": "GBP"}, "SalesDetails": {}}
    XeroRecord.objects.bulk_create(
        XeroRecord(
            tenant_id=tenant_id,
            kind=kind,
            xero_id=f"{kind}-{n}",
            key=f"K{n}",
            folded_name=f"name {n:02}",
            status="ARCHIVED" if n % 11 == 0 and kind != "payments" else "ACTIVE",
            date=DAY,
            updated_utc=now,
            seen_at=now,
            payload={**payload, "Name": f"Name {n:02}", "Code": f"K{n}"},
        )
        for kind in ("contacts", "items", "account_codes", "payments")
        for n in range(MANY)
    )
    for kind in KINDS:
        MirrorStamp.objects.update_or_create(
            tenant_id=tenant_id, kind=kind, defaults={"complete_at": now, "newest_utc": now}
        )
    for kind, records in (("contacts", Account), ("items", Item), ("account_codes", AccountCode)):
        XeroLink.objects.bulk_create(
            XeroLink(tenant_id=tenant_id, kind=kind, local_id=record.uuid, xero_id=f"{kind}-{n}", last_seen=now)
            for n, record in enumerate(records.objects.all()[: MANY // 3])
        )


@pytest.fixture
def world(client_of: ClientOf, connection: XeroConnection) -> Client:
    # All that Check reads was read just now; it only asks Xero whether the numbers of a few invoices are free
    _ours()
    _theirs(connection.tenant_id)
    return client_of(Role.FINANCE)


#: What a person does on a list, as data: the name of the act, and a number to choose by.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["tick", "page", "all", "clear", "filter", "state", "go", "view", "list", "paste", "keep"]),
        st.integers(0, 2**16),
    ),
    min_size=1,
    max_size=9,
)


def act(client: Client, page: Any, what: str, number: int) -> Any:
    """Do one thing on the page as a browser would: the boxes travel along as they are."""
    keys = [row.choice.key for row in page.context["grid"].rows if row.choice]
    ticks = [key for place, key in enumerate(keys) if number >> (place % 16) & 1]
    query = page.wsgi_request.GET.copy()
    name = next(name for name in ("text", "number") if name in page.context["wizard"].filter.base_fields)
    match what:
        case "filter":
            return press(client, page, "filter", ids=ticks, **{name: ["", "name", "1", "name 0", "zzz"][number % 5]})
        case "state":
            query["state"] = ["", "new", "linked", "archived", "inactive"][number % 5]
            return press(client, page, ids=ticks, go=f"?{query.urlencode()}")
        case "go":
            query["page"] = str(number % 3 + 1)
            return press(client, page, ids=ticks, go=f"?{query.urlencode()}")
        case "paste":
            return press(client, page, "paste", paste=f"name {number % 70:02}\nC{number % 50}")
    return press(client, page, what, ids=ticks)


@pytest.mark.parametrize("wizard", WIZARDS.values(), ids=lambda wizard: wizard.name)
def test_whatever_is_pressed_the_bar_counts_what_the_job_will_hold(world: Client, wizard: Wizard) -> None:
    @settings(
        max_examples=3, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(steps=STEPS)
    def walk(steps: list[tuple[str, int]]) -> None:
        Job.objects.all().delete()
        Draft.objects.all().delete()
        holds(world, wizard, steps)

    walk()


def holds(client: Client, wizard: Wizard, steps: list[tuple[str, int]]) -> None:
    asked = (
        {"rows": "25", "load": "all", "archived": "on"}
        if wizard.kind == "invoices"
        else {"rows": "25", "archived": "on"}
    )
    page = opened(client, wizard.name, **asked, kinds=["service", "product", "work_type"])
    for what, number in steps:
        page = act(client, page, what, number)
    counted = page.context["bar"].count
    draft = page.wsgi_request.GET["draft"]
    # The last ticks are in the draft: Check is told of nothing else
    answer = client.post(f"/finance/xero/check/{wizard.name}/", {"draft": draft})
    if not counted and not Draft.objects.filter(pk=draft, rule__all=True).exists():
        assert not Job.objects.exists()
        return
    job = run(Job.objects.get(pk=answer.headers["Location"].strip("/").split("/")[-1]))
    assert job.state == Job.State.CHECKED, job.problem
    assert counted == job.counts["total"] == job.rows.filter(requested=True).count()
