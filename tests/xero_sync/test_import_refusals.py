"""What the database would not take of an import says why; what can't be tried is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from crm.models import Account
from tests import records
from tests.xero_sync.driving import check_import, outcome, send
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import jobs
from xero_sync.constraints import Broken, Sort, broken
from xero_sync.kinds import import_kind
from xero_sync.models import TaxMapping, XeroConnection, XeroLink, XeroRecord
from xero_sync.record_imports import _overtaken

pytestmark = pytest.mark.django_db


def the_rule(act: Callable[[], Any]) -> Broken:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        act()
    return broken(caught.value)


def link(local_id: Any, xero_id: str) -> XeroLink:
    return XeroLink.objects.create(tenant_id="t", kind="account_codes", local_id=local_id, xero_id=xero_id)


def test_each_rule_is_told_for_what_it_is() -> None:
    kind, uuid, tax = import_kind("account_codes"), uuid4(), records.tax()
    link(uuid, "there")
    records.account_code("200")
    TaxMapping.objects.create(tenant_id="t", tax_rate=tax, tax_type="OUTPUT")
    linked = "Somebody else has linked it, or what it was to be linked to, this very moment. Check it again."
    assert _overtaken(the_rule(lambda: link(uuid, "elsewhere")), kind) == linked
    assert _overtaken(the_rule(lambda: link(uuid4(), "there")), kind) == linked
    mapped = the_rule(lambda: TaxMapping.objects.create(tenant_id="t", tax_rate=tax, tax_type="INPUT"))
    assert _overtaken(mapped, kind) == linked
    assert _overtaken(the_rule(lambda: records.account_code("200", "Other")), kind) == (
        "Another account code of the same code was made here this very moment. Check it again."
    )
    assert _overtaken(the_rule(records.tax), import_kind("tax_rates")) == (
        "Another tax rate of the same name was made here this very moment. Check it again."
    )
    nameless = the_rule(lambda: Account.objects.create(name=""))
    assert (nameless.sort, nameless.name, _overtaken(nameless, kind)) == (Sort.CHECK, "account_has_a_name", "")


def test_a_record_that_breaks_a_rule_here_fails_and_names_it_and_the_others_come(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    xero.write("Contacts", {"Name": "Bolt Ltd"}, {"Name": "Nut Ltd"})
    job = check_import("contacts", {"all": True, "filters": {"text": "t ltd"}})
    bad = XeroRecord.objects.get(folded_name="nut ltd")
    bad.payload |= {"Name": ""}
    bad.save()
    send(job)
    assert outcome(job)["Nut Ltd"] == ("failed", "It can't be kept here: account has a name.")
    assert outcome(job)["Bolt Ltd"][0] == "succeeded"


def test_an_import_cannot_be_tried_first(connection: XeroConnection, xero: SimulatedXero, writer: Client) -> None:
    """Its taxes and account codes would come all the same."""
    job = check_import("contacts")
    page = writer.post(f"/finance/jobs/{job.number}/send/", {"try": "first"}, follow=True).content.decode()
    assert "Nothing was imported. Only exports can be tried" in page
    job.refresh_from_db()
    assert (job.state, Account.objects.count()) == ("checked", 0)
    with pytest.raises(ValueError, match="Only exports"):
        jobs.send(job, first=5)
