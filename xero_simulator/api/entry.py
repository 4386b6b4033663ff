"""The door of the accounting API: every call comes in here, and every answer leaves here."""

from __future__ import annotations

import gzip
import time
import uuid
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from xero_simulator import broken_wire, clock, faults, idempotency
from xero_simulator.api import wire
from xero_simulator.api.access import bearer, check_scope, organisation_for
from xero_simulator.api.accounts import AccountEndpoint
from xero_simulator.api.base import Call, Endpoint
from xero_simulator.api.contacts import ContactEndpoint
from xero_simulator.api.credit_notes import CreditNoteEndpoint
from xero_simulator.api.errors import (
    ApiError,
    BadBody,
    NotAcceptable,
    NotFound,
    NotImplementedByApi,
    ServerFailure,
    TooLarge,
)
from xero_simulator.api.invoices import InvoiceEndpoint
from xero_simulator.api.items import ItemEndpoint
from xero_simulator.api.organisation import CurrencyEndpoint, OrganisationEndpoint
from xero_simulator.api.payments import PaymentEndpoint
from xero_simulator.api.tax_rates import TaxRateEndpoint
from xero_simulator.controls import CONTROLS
from xero_simulator.limits import LIMITER
from xero_simulator.models import Fault, Write
from xero_simulator.router import ALIAS

ENDPOINTS: dict[str, Endpoint] = {
    "Accounts": AccountEndpoint(),
    "Contacts": ContactEndpoint(),
    "CreditNotes": CreditNoteEndpoint(),
    "Currencies": CurrencyEndpoint(),
    "Invoices": InvoiceEndpoint(),
    "Items": ItemEndpoint(),
    "Organisation": OrganisationEndpoint(),
    "Payments": PaymentEndpoint(),
    "TaxRates": TaxRateEndpoint(),
}
LATE = 5  # seconds until work is done that nobody waits for any more
SMALL = 800  # bytes; not worth compressing
Answer = HttpResponse | StreamingHttpResponse


@csrf_exempt
def accounting(request: HttpRequest, name: str, key: str = "") -> Answer:
    response: Answer
    try:
        response = _handled(request, name, key)
    except ApiError as error:
        response = error.response()
    response["Xero-Correlation-Id"] = str(uuid.uuid4())
    return _compressed(request, response)


def _handled(request: HttpRequest, name: str, key: str) -> Answer:
    endpoint = ENDPOINTS.get(name)
    # A number with a slash in it cannot be asked for by path.
    if endpoint is None or "/" in key:
        raise NotFound
    arrived = clock.now()
    holder = bearer(request)
    check_scope(holder, name, write=request.method != "GET")
    organisation = organisation_for(request, holder)
    app, tenant = holder.app, str(organisation.tenant_id)
    LIMITER.count(str(request.method), name)
    fault = faults.due(str(request.method), name)
    response: Answer
    try:
        if fault:
            faults.at_the_gate(fault, app, organisation)
        with LIMITER.admitted(app.client_id, tenant):
            if CONTROLS.latency_ms:
                time.sleep(CONTROLS.latency_ms / 1000)
            call = Call(request, app, organisation, _read(request), received=arrived)
            response = _answer(request, endpoint, key, call, fault)
    except ApiError as error:
        response = error.response()
    for header, value in LIMITER.headers(app.client_id, tenant).items():
        response[header] = value
    return response


def _answer(request: HttpRequest, endpoint: Endpoint, key: str, call: Call, fault: Fault | None) -> Answer:
    if "json" not in request.headers.get("Accept", ""):
        raise NotAcceptable
    if request.method not in endpoint.methods:
        raise NotImplementedByApi
    if request.method == "GET":
        response = _work(endpoint, key, call, fault)
    elif fault and fault.what == "late_commit":
        seconds = fault.settings.get("commit_after", LATE)
        broken_wire.later(seconds, lambda: _write(request, endpoint, key, call, fault))
        response = HttpResponse()  # which never leaves
    else:
        with transaction.atomic(using=ALIAS):
            response = _write(request, endpoint, key, call, fault)
    return faults.after_the_work(fault, request, response, endpoint.name) if fault else response


def _write(request: HttpRequest, endpoint: Endpoint, key: str, call: Call, fault: Fault | None) -> HttpResponse:
    """Do the write once per Idempotency-Key, and note it in the ledger with its answer."""
    # SQLite lets one writer in at a time, so times follow the order in which the writes are done.
    call.now = clock.now()
    idempotency_key = request.headers.get("Idempotency-Key", "") if request.method != "DELETE" else ""
    replayed = None
    try:
        replayed = idempotency.first_answer(call, idempotency_key) if idempotency_key else None
        response = replayed or _work(endpoint, key, call, fault)
    except idempotency.KeyReused as error:
        response = error.response()
    else:
        if fault and fault.what in ("error_500_after", "error_500_half"):
            response = ServerFailure().response()
        if idempotency_key and replayed is None:
            idempotency.keep(call, idempotency_key, response)
    Write.objects.create(
        method=str(request.method),
        path=request.get_full_path().partition("/api.xro/2.0")[2],
        tenant_id=str(call.organisation.tenant_id),
        key=idempotency_key[:200],
        received_at=call.received,
        done_at=clock.now(),
        elements=call.elements,
        status=response.status_code,
        created_ids=call.created,
        updated_ids=call.updated,
        replayed=replayed is not None,
        fault=fault.what if fault else "",
    )
    return response


def _work(endpoint: Endpoint, key: str, call: Call, fault: Fault | None) -> HttpResponse:
    """Let the endpoint do its work. A refusal is an answer, too: what was saved beside it stays saved."""
    try:
        if call.request.method in ("PUT", "POST"):
            call.body = _parsed(call.raw)
        if fault and faults.replaces_the_work(fault):
            faults.in_place_of_the_work(fault, endpoint.elements(call) if call.body is not None else [])
        if fault and fault.what == "error_500_half":
            elements = endpoint.elements(call)
            call.body = {endpoint.name: elements[: len(elements) // 2]}
        match call.request.method:
            case "GET":
                payload = endpoint.get(call, key)
            case "PUT":
                payload = endpoint.put(call, key)
            case "POST":
                payload = endpoint.post(call, key)
            case _:
                gone = endpoint.delete(call, key)
                call.updated.append(key)
                if gone is None:
                    return HttpResponse(status=204)
                payload = gone
    except ApiError as error:
        return error.response()
    return HttpResponse(wire.dumps(payload), content_type="application/json; charset=utf-8")


def _read(request: HttpRequest) -> bytes:
    """Return the body, which may be larger than Django itself allows."""
    raw: bytes = request.read(CONTROLS.max_body_bytes + 1)
    if len(raw) > CONTROLS.max_body_bytes:
        raise TooLarge("The request body is larger than Xero accepts")
    return raw


def _parsed(raw: bytes) -> Any:
    if b"\\u0000" in raw or b"\0" in raw:
        raise BadBody("The request body holds a character that is not allowed")
    try:
        return wire.loads(raw)
    except ValueError as error:
        raise BadBody("The request body is no valid JSON") from error


def _compressed(request: HttpRequest, response: Answer) -> Answer:
    if isinstance(response, StreamingHttpResponse) or "Content-Encoding" in response:
        return response
    if CONTROLS.gzip and "gzip" in request.headers.get("Accept-Encoding", "") and len(response.content) > SMALL:
        response.content = gzip.compress(response.content, compresslevel=1, mtime=0)
        response["Content-Encoding"] = "gzip"
        response["Content-Length"] = str(len(response.content))
    response["Vary"] = "Accept-Encoding"
    return response
