"""Faults on order: something goes wrong with the nth call that matches, or with all for some seconds."""

from __future__ import annotations

import datetime as dt
import gzip
import time
import zlib
from numbers import Real
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from xero_simulator import clock
from xero_simulator.api import wire
from xero_simulator.api.errors import (
    ApiError,
    Forbidden,
    LimitReached,
    ServerFailure,
    Unauthorised,
    ValidationRefused,
)
from xero_simulator.broken_wire import half_of, hang_up, keep_waiting
from xero_simulator.fault_kinds import APART, BY_NAME, Stage, can_strike
from xero_simulator.models import AccessToken, App, Connection, Fault, Organisation, RefreshToken
from xero_simulator.random_faults import RANDOM_FAULTS
from xero_simulator.router import ALIAS

NAMED = {"what", "method", "endpoint", "nth", "times", "for_seconds"}
SETTINGS = {"seconds", "commit_after", "retry_after", "message", "problem"}
_TIMEOUT = 30
_PAGE = "<!doctype html><html><body><h1>{}</h1></body></html>"


class Unavailable(ApiError):
    status = 503

    def __init__(self, retry_after: object = None) -> None:
        super().__init__("The Organisation is not currently available")
        self.retry_after = retry_after

    def response(self) -> HttpResponse:
        wait = {} if self.retry_after in (None, "") else {"Retry-After": str(self.retry_after)}
        return HttpResponse(self.message, status=self.status, content_type="text/plain", headers=wait)


class BadGateway(ApiError):
    status = 502

    def response(self) -> HttpResponse:
        return HttpResponse(_PAGE.format("502 Bad Gateway"), status=self.status)


def order(sent: dict[str, Any]) -> Fault:
    """Put a fault on order; raise `ValueError` for one that nobody knows."""
    if sent.get("what") not in BY_NAME:
        raise ValueError(f"Known faults: {', '.join(sorted(BY_NAME))}")
    if not can_strike(sent["what"], place := sent.get("endpoint", "")):
        raise ValueError(f"{sent['what']} means nothing at {place or 'the accounting API'}")
    if unknown := set(sent) - NAMED - SETTINGS:
        raise ValueError(f"{', '.join(sorted(unknown))}: known are {', '.join(sorted(NAMED | SETTINGS))}")
    for name in ("seconds", "commit_after"):
        if not isinstance(sent.get(name, 0), Real) or sent.get(name, 0) < 0:
            raise ValueError(f"{name} must be a number of seconds")
    named = {name: sent[name] for name in NAMED if name in sent}
    settings = {name: sent[name] for name in SETTINGS if name in sent}
    return Fault.objects.create(**named, settings=settings)


def due(method: str, endpoint: str) -> Fault | None:
    """Count this call against the faults on order and return the one that strikes it."""
    return _ordered(method, endpoint) or RANDOM_FAULTS.draw(method, endpoint)


def _ordered(method: str, endpoint: str) -> Fault | None:
    going_on = Q(for_seconds=0, seen__lt=F("nth") + F("times") - 1) | Q(for_seconds__gt=0, until=None)
    going_on |= Q(for_seconds__gt=0, until__gt=clock.now())
    places = (endpoint,) if endpoint in APART else ("", endpoint)
    matching = Fault.objects.filter(going_on, method__in=("", method), endpoint__in=places).order_by("pk")
    if not matching.exists():
        return None
    with transaction.atomic(using=ALIAS):
        for fault in matching:
            fault.seen += 1
            strikes = _strikes(fault)
            fault.fired += strikes
            fault.save()
            if strikes:
                return fault
    return None


def _strikes(fault: Fault) -> bool:
    if not fault.for_seconds:
        return fault.nth <= fault.seen < fault.nth + fault.times
    if fault.seen < fault.nth:
        return False
    now = clock.now()
    fault.until = fault.until or now + dt.timedelta(seconds=fault.for_seconds)
    return now < fault.until


def at_the_gate(fault: Fault, app: App, organisation: Organisation | None) -> None:
    """Raise what the fault stands for, if it strikes before the call gets in."""
    wait = fault.settings.get("retry_after")
    match fault.what:
        case "rate_limit_minute" | "rate_limit_day":
            default = 37 if fault.what.endswith("minute") else 3600
            problem = fault.settings.get("problem", fault.what.removeprefix("rate_limit_"))
            raise LimitReached(problem, default if wait is None else wait)
        case "rate_limit_concurrent":
            raise LimitReached("concurrent", wait)
        case "unauthorized":
            raise Unauthorised("TokenExpired: token expired at 01/01/2001 00:00:00")
        case "token_revoked":
            end_tokens(app)
            raise Unauthorised("AuthenticationUnsuccessful")
        case "disconnected":
            Connection.objects.filter(app=app, organisation=organisation).delete()
            raise Forbidden("AuthenticationUnsuccessful")
        case "unavailable":
            raise Unavailable(wait)
        case "error_500_gate":
            raise ServerFailure
        case "gateway_502":
            raise BadGateway


def end_tokens(app: App) -> None:
    """End all tokens of the app for good, as when its user takes the consent back."""
    AccessToken.objects.filter(app=app).update(revoked=True)
    RefreshToken.objects.filter(app=app).update(expires_at=clock.now())


def replaces_the_work(fault: Fault) -> bool:
    return BY_NAME[fault.what].stage is Stage.INSTEAD


def in_place_of_the_work(fault: Fault, elements: list[dict[str, Any]]) -> None:
    match fault.what:
        case "error_500_before":
            raise ServerFailure
        case "validation_400_whole":
            message = fault.settings.get("message", "A simulated validation error")
            raise ValidationRefused([{**each, "ValidationErrors": [{"Message": message}]} for each in elements])


def never_answer(fault: Fault, request: HttpRequest) -> None:
    keep_waiting(request, fault.settings.get("seconds", _TIMEOUT))
    hang_up(request)


def after_the_work(
    fault: Fault, request: HttpRequest, response: HttpResponse, list_name: str
) -> HttpResponse | StreamingHttpResponse:
    match fault.what:
        case "timeout_after" | "late_commit":
            never_answer(fault, request)
        case "reset_after":
            hang_up(request)
        case "reset_mid_answer":
            return half_of(request, response)
        case "error_500_after" if request.method == "GET":  # a write has it under its key already
            return ServerFailure().response()
        case "gateway_504_after":
            return HttpResponse(_PAGE.format("504 Gateway Time-out"), status=504)
        case "html_body":
            return HttpResponse(_PAGE.format("Xero is busy"), status=200)
        case "slow":
            time.sleep(fault.settings.get("seconds", 2))
        case _:
            _spoil(fault, response, list_name)
    return response


def _spoil(fault: Fault, response: HttpResponse, list_name: str) -> None:
    match fault.what:
        case "empty_body":
            response.content = b""
        case "malformed_json":
            response.content = response.content[: len(response.content) // 2]
        case "gzip_unasked":
            response.content = gzip.compress(response.content, mtime=0)
            response["Content-Encoding"] = "gzip"
        case "missing_element" | "reordered" if response.status_code == 200:
            payload = wire.loads(response.content)
            if isinstance(payload, dict) and payload.get(list_name):
                rows = payload[list_name]
                if fault.what == "missing_element":
                    rows.pop()
                else:
                    rows.sort(key=lambda row: zlib.crc32(str(row).encode()))  # as if by chance
                response.content = wire.dumps(payload)
