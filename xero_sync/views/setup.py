from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse


def overview(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def connection(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def options(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def tax_mapping(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def choose(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def connect(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def callback(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def disconnect(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError
