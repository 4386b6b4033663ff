"""Calls the simulated Xero as an app would."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from django.test import Client

from xero_simulator import seed, tokens
from xero_simulator.models import Organisation

API = "/sim/xero/api.xro/2.0/"
SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.settings "
    "accounting.invoices accounting.payments"
)
BATCH = "summarizeErrors=false&unitdp=4"


class XeroCaller:
    def __init__(self, organisation: Organisation, scopes: str = SCOPES) -> None:
        self.http = Client()
        self.app = seed.register_app()
        self.organisation = organisation
        code = tokens.allow(self.app, organisation, scopes.split(), redirect_uri="https://example.com/")
        self.tokens = tokens.issue(self.app, code.scopes, code.authentication_event_id)
        self.headers = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "xero-tenant-id": str(organisation.tenant_id),
            "Accept": "application/json",
        }

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.http.generic(
            method, API + path, content, content_type="application/json", headers={**self.headers, **named}
        )

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("PUT", path, body, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def all(self, name: str, query: str = "page=1") -> list[dict[str, Any]]:
        answer = self.get(f"{name}?{query}")
        assert answer.status_code == 200, answer.content
        return list(answer.json()[name])

    def where(self, name: str, condition: str) -> list[dict[str, Any]]:
        return self.all(name, f"page=1&where={quote(condition)}")

    def one(self, name: str, key: str, query: str = "unitdp=4") -> dict[str, Any]:
        [element] = self.get(f"{name}/{key}?{query}").json()[name]
        return dict(element)

    def create(self, name: str, *elements: dict[str, Any], query: str = BATCH) -> list[dict[str, Any]]:
        """PUT the elements and return their verdicts in the order sent."""
        answer = self.put(f"{name}?{query}", {name: list(elements)})
        assert answer.status_code == 200, answer.content
        return list(reversed(answer.json()[name]))

    def invoice(self, **fields: Any) -> dict[str, Any]:
        [verdict] = self.create("Invoices", invoice(**fields))
        assert verdict["StatusAttributeString"] == "OK", verdict
        return verdict

    def control(self, what: str, **body: Any) -> Any:
        answer = self.http.post(f"/sim/xero/control/{what}", json.dumps(body), content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer.json()


def connect(name: str, scopes: str = SCOPES) -> XeroCaller:
    """Make one of the standard organisations if need be, and connect an app to it."""
    [spec] = [spec for spec in seed.STANDARD if spec.name == name]
    found = Organisation.objects.filter(name=name).first()
    return XeroCaller(found or seed.make_organisation(spec), scopes)


def line(**fields: Any) -> dict[str, Any]:
    return {"Description": "Support", "Quantity": "1", "UnitAmount": "100.00", "AccountCode": "200", **fields}


def invoice(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "Type": "ACCREC",
        "Contact": {"Name": "Saltwick Ceramics"},
        "Date": "2026-11-01",
        "DueDate": "2026-11-30",
        "Status": "AUTHORISED",
        "LineItems": list(lines or [line()]),
        **fields,
    }


def messages(element: dict[str, Any], name: str = "ValidationErrors") -> list[str]:
    return [error["Message"] for error in element.get(name, [])]
