from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse


def job_list(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def job(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def send(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def stop(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def retry(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def recheck(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def log(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def log_csv(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def rows_csv(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def short_link(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError


def deep_link(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError
