"""Faults on order: something goes wrong with the nth call that matches."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from xero_simulator.api import wire
from xero_simulator.api.errors import (
    ApiError,
    LimitReached,
    ServerFailure,
    Unauthorised,
    ValidationRefused,
)
from xero_simulator.models import Fault
from xero_simulator.router import ALIAS

# Answered before anything is looked at, and never kept under an Idempotency-Key.
AT_THE_GATE = {"rate_limit_minute", "rate_limit_day", "rate_limit_concurrent", "unauthorized", "unavailable"}
# Kept under the key like any other first answer.
IN_PLACE_OF_THE_WORK = {"error_500_before", "validation_400_whole"}
# The work is done, or half of it; then the answer is spoilt.
AFTER_THE_WORK = {
    "error_500_after",
    "error_500_half",
    "gateway_504_after",
    "timeout_after",
    "reset_after",
    "missing_element",
    "malformed_json",
    "no_refresh_token",  # of the token endpoint only
}
KNOWN = AT_THE_GATE | IN_PLACE_OF_THE_WORK | AFTER_THE_WORK


class Unavailable(ApiError):
    status = 503

    def response(self) -> HttpResponse:
        text = "The Organisation is not currently available"
        return HttpResponse(text, status=self.status, content_type="text/plain")


def due(method: str, endpoint: str) -> Fault | None:
    """Count this call against the faults on order and return the one that strikes it."""
    if not Fault.objects.exists():
        return None
    with transaction.atomic(using=ALIAS):
        for fault in Fault.objects.order_by("pk"):
            if fault.method not in ("", method) or fault.endpoint not in ("", endpoint):
                continue
            fault.seen += 1
            strikes = fault.nth <= fault.seen < fault.nth + fault.times
            fault.fired += strikes
            fault.save()
            if strikes:
                return fault
    return None


def at_the_gate(fault: Fault) -> None:
    """Raise what the fault stands for, if it strikes before the call gets in."""
    retry_after = fault.settings.get("retry_after")
    match fault.what:
        case "rate_limit_minute" | "rate_limit_day":
            default = 37 if fault.what.endswith("minute") else 3600
            problem = fault.what.removeprefix("rate_limit_")
            raise LimitReached(problem, default if retry_after is None else retry_after)
        case "rate_limit_concurrent":
            raise LimitReached("concurrent", retry_after)
        case "unauthorized":
            raise Unauthorised("TokenExpired: token expired at 01/01/2001 00:00:00")
        case "unavailable":
            raise Unavailable


def in_place_of_the_work(fault: Fault, elements: list[dict[str, Any]]) -> None:
    match fault.what:
        case "error_500_before":
            raise ServerFailure
        case "validation_400_whole":
            message = fault.settings.get("message", "A simulated validation error")
            raise ValidationRefused([{**each, "ValidationErrors": [{"Message": message}]} for each in elements])


def after_the_work(fault: Fault, request: HttpRequest, response: HttpResponse, list_name: str) -> HttpResponse:
    match fault.what:
        case "timeout_after":
            time.sleep(fault.settings.get("seconds", 30))
            hang_up(request)
        case "reset_after":
            hang_up(request)
        case "gateway_504_after":
            return HttpResponse("<html><body>504 Gateway Time-out</body></html>", status=504)
        case "missing_element":
            payload = wire.loads(response.content)
            if isinstance(payload, dict) and payload.get(list_name):
                payload[list_name].pop()
                response.content = wire.dumps(payload)
        case "malformed_json":
            response.content = response.content[: len(response.content) // 2]
    return response


def hang_up(request: HttpRequest) -> None:
    """Cut the connection under the answer. Raises `ConnectionResetError` where there is no connection."""
    connection = _socket(request)
    if connection is None:  # the test client
        raise ConnectionResetError("simulated")
    # With a linger of nothing, the caller gets a reset and not a polite end. The server closes it.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)


def _socket(request: HttpRequest) -> socket.socket | None:
    """Return the socket of the call, under waitress or under Django's own test server."""
    environ: dict[str, Any] = getattr(request, "environ", {})
    if check := environ.get("waitress.client_disconnected"):
        return check.__self__.socket  # type: ignore[no-any-return]
    raw = getattr(getattr(environ.get("wsgi.input"), "stream", None), "raw", None)
    return getattr(raw, "_sock", None)
