from __future__ import annotations

import pytest

from crm.models import Account
from xero_sync.links import annotate_state
from xero_sync.models import XeroConnection, XeroLink

pytestmark = pytest.mark.django_db


def test_a_record_tells_whether_it_is_in_the_current_organisation() -> None:
    XeroConnection.objects.create(tenant_id="here", name="Acme", client_id="x", is_current=True)
    linked, other, lacking = (Account.objects.create(name=name) for name in ("Linked", "Elsewhere", "Lacking"))
    XeroLink.objects.create(tenant_id="here", kind="contacts", local_id=linked.uuid, xero_id="1", xero_number="Linked")
    XeroLink.objects.create(tenant_id="there", kind="contacts", local_id=other.uuid, xero_id="1")
    states = {each.name: each.xero_state for each in annotate_state(Account.objects.all(), "contacts")}
    assert states == {"Linked": "in_xero", "Elsewhere": "not_sent", "Lacking": "not_sent"}
    assert lacking.pk
