"""Pages and CSV files leave compressed; everything else as it is."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PageCompression(GZipMiddleware):
    """Compress pages and CSV files for browsers that take it.

    Guessing secrets from the size of an answer (BREACH) finds nothing here: no page holds a secret but the CSRF
    token, which is masked anew each time, and Django adds a random length to what it compresses. Other answers have
    their own rules: static files are compressed when they are collected, and the simulated Xero's are its affair.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if kind not in {"text/html", "text/csv"}:
            return response
        return super().process_response(request, response)
