"""Exporting 1,000 invoices of five lines with 200 new customers and 50 new items: three ways, one simulated Xero.

ours    the product: Check, outbox, links, log, everything committed
loop    what many integrations write: the official SDK, look up and create, one call per record
least   the fewest calls that the wire allows: batches of 50, no database, nothing remembered
"""

from __future__ import annotations

import json
import uuid
from itertools import islice
from typing import Any

from tests.bench.world import Stopwatch, calls, installation, tell

INVOICES, CUSTOMERS, ITEMS, LINES, BATCH = 1000, 200, 50, 5, 50


def ours(latency_ms: int) -> None:
    with installation(latency_ms=latency_ms) as xero:
        from django.utils import timezone

        from finance import sample_data
        from tests.xero_sync import driving
        from xero_sync import jobs

        sample_data.create(sample_data.Size(CUSTOMERS, ITEMS, INVOICES), today=timezone.localdate())
        before = calls(xero)
        with Stopwatch() as watch:
            job = driving.export()
        result = jobs.results(job)
        assert result["created"] == INVOICES, result
        tell(**watch.figures(calls=calls(xero) - before, records=INVOICES))


def least(latency_ms: int) -> None:
    with installation(latency_ms=latency_ms) as xero:
        before = calls(xero)
        with Stopwatch() as watch:
            wire = _Wire(xero)
            contacts = wire.create("Contacts", ({"Name": f"Customer {n}"} for n in range(CUSTOMERS)))
            wire.create("Items", ({"Code": f"I-{n}", "Name": f"Item {n}"} for n in range(ITEMS)))
            wire.create("Invoices", (_invoice(n, contacts[n % CUSTOMERS]["ContactID"]) for n in range(INVOICES)))
        tell(**watch.figures(calls=calls(xero) - before, records=INVOICES))


class _Wire:
    def __init__(self, xero: Any) -> None:
        import urllib3

        tokens = xero.control("token")
        self.url = f"{xero.url}/api.xro/2.0"
        self.http = urllib3.PoolManager(retries=False, timeout=90)
        self.headers = {
            "Authorization": f"Bearer {tokens['access_token']}",
            "xero-tenant-id": tokens["tenant_id"],
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
        }

    def create(self, endpoint: str, elements: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        left = iter(elements)
        while batch := list(islice(left, BATCH)):
            answer = self.http.request(
                "PUT",
                f"{self.url}/{endpoint}?summarizeErrors=false&unitdp=4",
                body=json.dumps({endpoint: batch}).encode(),
                headers={**self.headers, "Idempotency-Key": str(uuid.uuid4())},
            )
            assert answer.status == 200, answer.data[:300]
            made = json.loads(answer.data)[endpoint]
            assert not [each for each in made if each.get("ValidationErrors")], made[:1]
            found += made
        return found


def _invoice(n: int, contact_id: str) -> dict[str, Any]:
    return {
        "Type": "ACCREC",
        "Contact": {"ContactID": contact_id},
        "InvoiceNumber": f"LEAST-{n}",
        "Date": "2026-11-02",
        "DueDate": "2026-12-02",
        "LineAmountTypes": "Exclusive",
        "LineItems": [
            {
                "Description": f"Line {line}", "Quantity": "2", "UnitAmount": "12.50", "AccountCode": "200",
                "ItemCode": f"I-{(n + line) % ITEMS}", "TaxType": "OUTPUT2",
            }
            for line in range(LINES)
        ],
    }  # fmt: skip


def loop(latency_ms: int, invoices: int = INVOICES) -> None:
    """One call to look up and one to create, for each contact, item and invoice, as tutorials of the SDK show it."""
    customers, items = max(1, CUSTOMERS * invoices // INVOICES), max(1, ITEMS * invoices // INVOICES)
    with installation(latency_ms=latency_ms) as xero:
        from xero_python import accounting as sdk
        from xero_python.accounting import AccountingApi
        from xero_python.api_client import ApiClient
        from xero_python.api_client.configuration import Configuration
        from xero_python.api_client.oauth2 import OAuth2Token

        tokens = xero.control("token")
        tenant = tokens.pop("tenant_id")
        token = {**tokens, "scope": tokens["scope"].split()}
        client = ApiClient(Configuration(), pool_threads=1)
        client.configuration.oauth2_token = OAuth2Token(client_id="x", client_secret="x")
        client.oauth2_token_getter(lambda: {name: token[name] for name in TOKEN_FIELDS if name in token})
        client.oauth2_token_saver(lambda _: None)
        api = AccountingApi(client, base_url=f"{xero.url}/api.xro/2.0")
        before = calls(xero)
        with Stopwatch() as watch:
            ids = []
            for n in range(customers):
                name = f"Customer {n}"
                found = api.get_contacts(tenant, where=f'Name=="{name}"').contacts
                made = found or api.create_contacts(tenant, sdk.Contacts(contacts=[sdk.Contact(name=name)])).contacts
                ids.append(made[0].contact_id)
            for n in range(items):
                item = sdk.Item(code=f"I-{n}", name=f"Item {n}")
                api.create_items(tenant, sdk.Items(items=[item]))
            for n in range(invoices):
                api.create_invoices(tenant, sdk.Invoices(invoices=[_sdk_invoice(sdk, n, ids[n % customers], items)]))
        made_calls = calls(xero) - before
        tell(**watch.figures(calls=made_calls, records=invoices))


TOKEN_FIELDS = ("access_token", "refresh_token", "expires_in", "id_token", "scope", "token_type")


def _sdk_invoice(sdk: Any, n: int, contact_id: str, items: int) -> Any:
    from datetime import date

    return sdk.Invoice(
        type="ACCREC",
        contact=sdk.Contact(contact_id=contact_id),
        invoice_number=f"LOOP-{n}",
        date=date(2026, 11, 2),
        due_date=date(2026, 12, 2),
        line_items=[
            sdk.LineItem(
                description=f"Line {line}", quantity=2, unit_amount=12.5, account_code="200",
                item_code=f"I-{(n + line) % items}", tax_type="OUTPUT2",
            )
            for line in range(LINES)
        ],
    )  # fmt: skip
