"""The hub, and the tabs of Setup: connection, options, tax mapping. Everybody may read them, admins act."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from bmsxero.roles import EVERYONE, allow, who
from xero_sync import clock, connecting, credentials, health, oauth, parts, pictures, standing
from xero_sync.models import HealthCheck, XeroConnection
from xero_sync.views.people import only_admins

#: Countries with a Xero edition of their own, and the next frequent ones.
COUNTRIES = {
    "AU": "Australia",
    "CA": "Canada",
    "GB": "United Kingdom",
    "HK": "Hong Kong",
    "IE": "Ireland",
    "NZ": "New Zealand",
    "SG": "Singapore",
    "US": "United States",
    "ZA": "South Africa",
}


@allow(*EVERYONE)
@require_http_methods(["GET", "POST"])
def connection(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _read_again(request)
    now = standing.of(request)
    context = {
        "tab": "setup",
        "standing": now,
        "connection": now.connection,
        "waiting": standing.waiting(now.connection) if now.connection and now.needs_reconnect else None,
        **_health(now.connection),
        **(_organisation(now.connection) if now.connection else _before()),
        "admins": [] if who(request.user).administers else standing.admins(),
    }
    return render(request, "xero_sync/setup/connection.html", context)


def _health(connection: XeroConnection | None) -> dict[str, object]:
    check = HealthCheck.objects.filter(connection=connection).first() if connection else None
    return {"health": check, "ticks": health.ticks(check) if check else []}


def _before() -> dict[str, object]:
    return {
        "former": standing.former(),
        "redirect_uri": oauth.redirect_uri(),
        "xero_host": urlsplit(credentials.address("XERO_AUTHORIZE_URL")).netloc,
        "client_id_missing": not credentials.current().client_id,
    }


def _organisation(connection: XeroConnection) -> dict[str, object]:
    return {
        "country": COUNTRIES.get(connection.country_code, connection.country_code),
        "xero_url": connection.app_url(""),
        "other_currencies": [code for code in connection.currencies if code != connection.base_currency],
        "tax_basis": connection.sales_tax_basis.replace("_", " ").capitalize(),
    }


def _read_again(request: HttpRequest) -> HttpResponse:
    only_admins(request)
    found = standing.of(request).connection
    if found is None:
        messages.info(request, "Xero is not connected, so there was nothing to read.")
    elif problem := connecting.read_settings(found):
        messages.error(request, f"{found} could not be read: {problem}")
    else:
        messages.success(request, f"Read again from {found}.")
    return redirect("xero_sync:setup")


@allow(*EVERYONE)
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    now, me = standing.of(request), who(request.user)
    connection = now.connection
    ready = parts.ready(connection) if connection else 0
    context = {
        "standing": now,
        "connection": connection,
        "tasks": parts.tasks(now, me),
        "ready": ready,
        "flow": pictures.both_sides(now, me, ready),
        "quota": pictures.quota(connection, ready) if connection else None,
        "calls": pictures.calls_by_hour(connection) if connection else None,
        "as_of": clock.now(),
        "waiting": standing.waiting(connection) if connection and now.needs_reconnect else None,
        "jobs": parts.last_jobs(),
        "last_import": parts.last_payments_import(connection) if connection else None,
        "admins": [] if me.administers else standing.admins(),
    }
    return render(request, "xero_sync/overview.html", context)
