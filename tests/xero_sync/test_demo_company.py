"""Whether an organisation is one of Xero's Demo Companies, asked before anything of it is stored."""

from __future__ import annotations

import pytest

from tests.xero_sync.simulated import SimulatedXero
from xero_sync import oauth
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("name", "expected"), [("Acme MSP Ltd", False), ("Demo Company (NZ)", True)])
def test_xero_tells_which_organisation_is_a_demo_company(xero: SimulatedXero, name: str, expected: bool) -> None:
    going = oauth.Authorisation.new()
    tokens = oauth.exchange(xero.allow(going.url, name)["code"], going.verifier)
    (organisation,) = oauth.organisations(tokens)
    assert oauth.is_demo_company(organisation, tokens) is expected
    assert not XeroConnection.objects.exists()
