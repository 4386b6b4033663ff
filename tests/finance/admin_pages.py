"""What the tests of Admin > Finance share."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bmsxero.roles import Role
from tests.conftest import ClientOf
from xero_sync.models import SyncOptions, XeroConnection, XeroRecord

AT = "/admin/finance/"


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def names(response: Any) -> list[str]:
    return [str(row.record) for row in response.context["grid"].rows]


def csv_rows(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def queries(client: Client, path: str) -> int:
    client.get(path)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def assert_constant(client: Client, path: str, make: Callable[[int], Any], limit: int) -> None:
    """Assert that a page asks the database as often for 100 rows as for 10."""
    for number in range(10):
        make(number)
    few = queries(client, path)
    for number in range(10, 100):
        make(number)
    assert queries(client, path) == few <= limit


def organisation(**options: str) -> XeroConnection:
    """Connect an organisation whose chart has sales, purchases, an archived account and a bank account."""
    made = XeroConnection.objects.create(tenant_id="t-1", name="Acme MSP Ltd", is_current=True, client_id="x")
    SyncOptions.objects.create(connection=made, **({"sales_account": "200", "purchases_account": "300"} | options))
    for code, name, kind, status in (
        ("200", "Sales", "REVENUE", "ACTIVE"),
        ("300", "Purchases", "DIRECTCOSTS", "ACTIVE"),
        ("250", "Old sales", "REVENUE", "ARCHIVED"),
        ("090", "Bank", "BANK", "ACTIVE"),
    ):
        XeroRecord.objects.create(
            tenant_id="t-1",
            kind="account_codes",
            xero_id=f"a-{code}",
            key=code,
            status=status,
            payload={"Code": code, "Name": name, "Type": kind},
            seen_at="2026-11-01T00:00:00Z",
        )
    return made


@pytest.fixture
def boss(client_of: ClientOf) -> Client:
    return client_of(Role.ADMIN)
