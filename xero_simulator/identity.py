"""Xero's side of OAuth: the consent page, the token endpoint, revocation, connections."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from csp.decorators import csp_update
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from xero_simulator import faults, scopes, tokens
from xero_simulator.api.access import bearer
from xero_simulator.api.errors import ApiError, ServerFailure
from xero_simulator.limits import LIMITER
from xero_simulator.models import AccessToken, App, Connection, Organisation
from xero_simulator.router import ALIAS


class BadAuthoriseRequest(Exception):
    """Xero shows its own error page and sends nobody back to the app."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    try:
        app = _asked_by(request)
    except BadAuthoriseRequest as problem:
        refusal = {"code": problem.code, "description": problem.description}
        return render(request, "xero_simulator/authorize_error.html", refusal, status=400)
    if request.method == "POST":
        return _answer(request, app)
    context: dict[str, object] = {
        "app": app,
        "organisations": Organisation.objects.order_by("pk"),
        "permissions": _permissions(request.GET["scope"].split()),
        "user": tokens.USER,
    }
    # Browsers hold a form's redirects against form-action as well, and the app may live on another origin.
    back = urlsplit(request.GET["redirect_uri"])
    page = csp_update({"form-action": [f"{back.scheme}://{back.netloc}"]})
    return page(lambda request: render(request, "xero_simulator/authorize.html", context))(request)  # type: ignore[return-value]


def _asked_by(request: HttpRequest) -> App:
    """Return the app that asks; raise `BadAuthoriseRequest` for what Xero refuses on a page of its own."""
    asked = request.GET
    app = App.objects.filter(client_id=asked.get("client_id", "")).first()
    if app is None:
        raise BadAuthoriseRequest("unauthorized_client", "Unknown client or client not enabled")
    if asked.get("redirect_uri") not in app.redirect_uris:
        raise BadAuthoriseRequest("invalid_request", "Invalid redirect_uri")
    if asked.get("response_type") != "code":
        raise BadAuthoriseRequest("unsupported_response_type", "Response type not supported")
    wanted = asked.get("scope", "").split()
    if error := scopes.refused(wanted) or ("" if wanted else "invalid_scope"):
        said = "Requested wrong apps scopes" if error == "access_denied" else "Invalid scope for client"
        raise BadAuthoriseRequest(error, said)
    if asked.get("code_challenge") and asked.get("code_challenge_method") != "S256":
        raise BadAuthoriseRequest("invalid_request", "Transform algorithm not supported")
    return app


def _answer(request: HttpRequest, app: App) -> HttpResponse:
    asked = request.GET
    state = {"state": asked["state"]} if "state" in asked else {}
    if request.POST.get("decision") != "allow":
        refusal = {"error": "access_denied", "error_description": "The resource owner denied the request"}
        return _back(asked["redirect_uri"], {**refusal, **state})
    organisation = _organisation(request.POST.get("organisation", ""))
    if organisation is None:
        return HttpResponse("Choose one of the organisations.", status=400, content_type="text/plain")
    with transaction.atomic(using=ALIAS):
        code = tokens.allow(
            app,
            organisation,
            asked["scope"].split(),
            redirect_uri=asked["redirect_uri"],
            code_challenge=asked.get("code_challenge", ""),
            nonce=asked.get("nonce", ""),
        )
    return _back(asked["redirect_uri"], {"code": code.code, "scope": asked["scope"], **state})


def _organisation(tenant_id: str) -> Organisation | None:
    try:
        return Organisation.objects.filter(tenant_id=uuid.UUID(tenant_id)).first()
    except ValueError:
        return None


def _back(redirect_uri: str, parameters: dict[str, str]) -> HttpResponse:
    joint = "&" if "?" in redirect_uri else "?"
    response = HttpResponse(status=302)
    # Any scheme and host that is registered, also ones that Django's redirect would refuse.
    response["Location"] = f"{redirect_uri}{joint}{urlencode(parameters)}"
    return response


def _permissions(asked: list[str]) -> list[str]:
    """Return the scopes in the words of Xero's consent page."""
    words = {
        "accounting.settings": "View and manage your organisation settings, accounts, items and tax rates",
        "accounting.contacts": "View and manage your contacts",
        "accounting.invoices": "View and manage your invoices and credit notes",
        "accounting.payments": "View and manage your payments",
        "accounting.payments.read": "View your payments",
        "offline_access": "Keep access until you disconnect",
    }
    return [words[scope] for scope in words if scope in asked]


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    fault = faults.due("POST", "token")
    if fault is None:
        return _token(request)
    if fault.what in _INSTEAD_OF_TOKENS:
        return _INSTEAD_OF_TOKENS[fault.what]()
    response = _token(request, strip=fault.what == "no_refresh_token")
    if fault.what == "error_500_after":
        return ServerFailure().response()
    return faults.after_the_work(fault, request, response, "")


_INSTEAD_OF_TOKENS: dict[str, Callable[[], HttpResponse]] = {
    "error_500_before": lambda: ServerFailure().response(),
    "error_500_gate": lambda: ServerFailure().response(),
    "gateway_502": lambda: faults.BadGateway().response(),
    "unavailable": lambda: faults.Unavailable().response(),
    "invalid_grant": lambda: JsonResponse({"error": "invalid_grant"}, status=400),
}


def _token(request: HttpRequest, *, strip: bool = False) -> HttpResponse:
    form = request.POST.dict()
    try:
        app = _client(request, form)
        with transaction.atomic(using=ALIAS):
            answer = tokens.grant(app, form)
    except tokens.GrantRefused as refusal:
        return JsonResponse({"error": refusal.error}, status=400)
    if strip:
        answer.pop("refresh_token", None)
    response = JsonResponse(answer)
    response["Cache-Control"] = "no-store"
    return response


@csrf_exempt
@require_POST
def revocation(request: HttpRequest) -> HttpResponse:
    form = request.POST.dict()
    try:
        app = _client(request, form)
    except tokens.GrantRefused as refusal:
        return JsonResponse({"error": refusal.error}, status=400)
    with transaction.atomic(using=ALIAS):
        tokens.revoke(app, str(form.get("token", "")))
    return HttpResponse()


def _client(request: HttpRequest, form: dict[str, Any]) -> App:
    """Return the app whose id and secret came with the call, by Basic or in the form."""
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise tokens.GrantRefused("invalid_client") from error
    app = App.objects.filter(client_id=unquote(client_id)).first()
    if app is None or unquote(secret) != app.client_secret:
        raise tokens.GrantRefused("invalid_client")
    return app


@csrf_exempt
@require_GET
def connections(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    try:
        holder = bearer(request)
        if fault := faults.due("GET", "connections"):
            faults.at_the_gate(fault, holder.app, None)
            faults.in_place_of_the_work(fault, [])
    except ApiError as error:
        return error.response()
    response = _connections(request, holder)
    return faults.after_the_work(fault, request, response, "") if fault else response


def _connections(request: HttpRequest, holder: AccessToken) -> HttpResponse:
    found = Connection.objects.filter(app=holder.app, user_id=holder.user_id)
    if event := request.GET.get("authEventId"):
        found = found.filter(authentication_event_id=event)
    rows = [_connection(row) for row in found.select_related("organisation").order_by("pk")]
    return JsonResponse(rows, safe=False, headers=LIMITER.app_headers(holder.app.client_id))


@csrf_exempt
@require_http_methods(["DELETE"])
def connection(request: HttpRequest, connection_id: uuid.UUID) -> HttpResponse:
    try:
        holder = bearer(request)
    except ApiError as error:
        return error.response()
    gone, _ = Connection.objects.filter(app=holder.app, user_id=holder.user_id, connection_id=connection_id).delete()
    return HttpResponse(status=204 if gone else 404)


def _connection(row: Connection) -> dict[str, str]:
    return {
        "id": str(row.connection_id),
        "authEventId": str(row.authentication_event_id),
        "tenantId": str(row.organisation.tenant_id),
        "tenantType": "ORGANISATION",
        "tenantName": row.organisation.name,
        "createdDateUtc": f"{row.created:%Y-%m-%dT%H:%M:%S.%f}0",
        "updatedDateUtc": f"{row.updated:%Y-%m-%dT%H:%M:%S.%f}0",
    }
