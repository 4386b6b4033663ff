"""The addresses of a simulator that runs on its own, below the same prefix as inside the product."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("sim/xero/", include("xero_simulator.urls"))]
