"""The addresses of a simulator that runs on its own, below the same prefix as inside the product."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

urlpatterns = [path("sim/xero/", include("xero_simulator.urls"))]


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return HttpResponse("There is nothing here.", status=404, content_type="text/plain")


def handler500(request: HttpRequest, *_: Any) -> HttpResponse:
    return HttpResponse("The simulator has failed; its log says why.", status=500, content_type="text/plain")
