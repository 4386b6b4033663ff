"""Idempotency-Key: the same request within six minutes gets the first answer again, whatever that was."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.http import HttpResponse

from xero_simulator import clock
from xero_simulator.api.base import Call
from xero_simulator.api.errors import BadBody
from xero_simulator.controls import CONTROLS
from xero_simulator.models import IdempotentAnswer

MAX_KEY = 128


class KeyReused(BadBody):
    number, type = 10, "ValidationException"


def fingerprint(call: Call) -> str:
    # The organisation is a header, and so no part of it: a key that leaves the tenant out answers one
    # organisation with the record of another.
    whole = f"{call.request.method} {call.request.get_full_path()}\n".encode() + call.raw
    return hashlib.sha256(whole).hexdigest()


def first_answer(call: Call, key: str) -> HttpResponse | None:
    """Return the answer that this key got before; raise `KeyReused` if it was for another request.

    Call it inside the transaction that will keep the answer: SQLite lets one writer in at a time, so a twin
    that arrives while the first is at work waits here, and then finds the answer.
    """
    if len(key) > MAX_KEY:
        raise KeyReused(f"Idempotency Key: the key must be no longer than {MAX_KEY} characters.")
    kept = IdempotentAnswer.objects.filter(app=call.app, key=key).first()
    if kept is None:
        return None
    if clock.now() >= kept.first_seen + dt.timedelta(milliseconds=int(CONTROLS.kept_seconds * 1000)):
        kept.delete()
        return None
    if kept.fingerprint != fingerprint(call):
        raise KeyReused(f"Idempotency Key: {key} is used with a different request.")
    return HttpResponse(bytes(kept.body), status=kept.status, headers=kept.headers)


def keep(call: Call, key: str, response: HttpResponse) -> None:
    IdempotentAnswer.objects.create(
        app=call.app,
        key=key,
        fingerprint=fingerprint(call),
        status=response.status_code,
        body=response.content,
        headers={"Content-Type": response["Content-Type"]} if "Content-Type" in response else {},
    )
