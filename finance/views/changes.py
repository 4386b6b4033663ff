"""What the record pages of Admin > Finance share: to activate, to deactivate, to delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import transaction
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from bmsxero.history import begin
from finance.usage import FEW, Use, number_of
from xero_sync.links import forget, job_holding


def set_active(request: HttpRequest, record: Any) -> HttpResponse:
    """Activate or deactivate a record, as the pressed button says."""
    wanted = request.POST.get("active")
    if wanted not in {"yes", "no"}:
        raise BadRequest("active is yes or no")
    begin([record])
    record.active = wanted == "yes"
    record.save(update_fields=["active", "updated"])
    messages.success(request, f"{record} is {'active' if record.active else 'inactive'} now.")
    return redirect(record)


def delete(
    request: HttpRequest, record: Any, *, page: str, uses: Callable[[Any], list[Use]], xero_kind: str, list_url: str
) -> HttpResponse:
    """Ask whether to delete a record, and delete it; refuse where it is in use, and say where."""
    found = [*uses(record), *_in_a_job(record, xero_kind)]
    if request.method != "POST" or found:
        return _ask(request, record, found, page)
    name = str(record)
    try:
        with transaction.atomic():
            type(record).objects.select_for_update().get(pk=record.pk)
            forget(record, xero_kind)
            record.delete()
    except ProtectedError as error:
        others = sorted(error.protected_objects, key=str)
        words = number_of(len(others), "other record", "other records")
        return _ask(request, record, [Use(words, tuple(others[:FEW]), max(len(others) - FEW, 0))], page)
    messages.success(request, f"{name} is deleted.")
    return redirect(list_url)


def _ask(request: HttpRequest, record: Any, found: list[Use], page: str) -> HttpResponse:
    context = {"record": record, "uses": found, "page": page}
    return render(request, "finance/admin/delete.html", context, status=400 if request.method == "POST" else 200)


def _in_a_job(record: Any, xero_kind: str) -> list[Use]:
    job = job_holding(record, xero_kind)
    return [Use(f"Job {job}, which has not ended", url=f"{reverse('home')}j/{job}")] if job else []
