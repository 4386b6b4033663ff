from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from xero_simulator import seed, tokens
from xero_simulator.controls import CONTROLS
from xero_simulator.limits import LIMITER
from xero_simulator.models import App, Organisation

SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.settings "
    "accounting.invoices accounting.payments"
)
API = "/sim/xero/api.xro/2.0/"


class XeroCaller:
    """Calls the simulated Xero as an app would, connected to one organisation."""

    def __init__(self, organisation: str = "Acme MSP Ltd", scopes: str = SCOPES) -> None:
        self.http = Client()
        self.app = App.objects.get()
        self.organisation = Organisation.objects.get(name=organisation)
        code = tokens.allow(self.app, self.organisation, scopes.split(), redirect_uri="https://example.com/")
        self.tokens = tokens.issue(self.app, code.scopes, code.authentication_event_id)
        self.headers: dict[str, str] = {
            "Authorization": f"Bearer {self.tokens['access_token']}",
            "xero-tenant-id": str(self.organisation.tenant_id),
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

    def one(self, path: str, name: str) -> dict[str, Any]:
        [element] = self.get(path).json()[name]
        return dict(element)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CONTROLS.reset()
    LIMITER.reset()


@pytest.fixture
def xero(db: None) -> XeroCaller:
    seed.seed()
    return XeroCaller()
