from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse


def export_invoices(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def import_payments(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def load_payments(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def start_check(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError
