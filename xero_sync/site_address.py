"""Whether Xero will take this installation's address for sending people back to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest


def warnings(request: HttpRequest) -> list[str]:
    """Return what is wrong with SITE_URL, also as seen from a request that came in by it."""
    return [*_by_itself(), *_as_reached(request)]


def _by_itself() -> Iterator[str]:
    site = urlsplit(settings.SITE_URL)
    host = site.hostname or ""
    if site.scheme != "https" and host != "localhost":
        yield f"Xero takes plain http for localhost only. Serve this site by https, and set SITE_URL to https://{host}."
    if _is_address(host):
        yield f"Xero takes no bare numbers such as {host} as an address. Use a name; on your own machine, localhost."


def _as_reached(request: HttpRequest) -> Iterator[str]:
    site = urlsplit(settings.SITE_URL)
    if request.get_host() != site.netloc:
        yield (
            f"You came here by {request.get_host()}, but SITE_URL says {site.netloc}, which is where Xero sends people "
            "back to. Set SITE_URL to the address that people use; a proxy in front has to pass the Host header on."
        )
    elif request.scheme != site.scheme:
        yield (
            f"You came here by {request.scheme}, but SITE_URL says {site.scheme}. A proxy in front that ends https has "
            "to set X-Forwarded-Proto."
        )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
