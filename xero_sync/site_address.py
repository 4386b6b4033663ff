"""Whether Xero will take this installation's address for sending people back to it, and whether it leads here.

That is tried by the person's own browser, which follows a link to the address as it will follow Xero: what counts is
what it reaches. This server calls no address for it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core import signing
from django.http import HttpRequest


def warnings(request: HttpRequest) -> list[str]:
    """Return what is wrong with SITE_URL, also as seen from a request that came in by it."""
    return [*_by_itself(), *_as_reached(request)]


TRIAL = "trial"
SALT = "xero_sync.redirect-uri"
#: Seconds that a link for trying the address is good for.
LIFETIME = 3600


def trial_url(redirect_uri: str) -> str:
    """Return where a browser has to come out, with a mark that tells this installation from another."""
    return f"{redirect_uri}?{TRIAL}={signing.dumps(redirect_uri, salt=SALT)}"


def arrived(request: HttpRequest, redirect_uri: str) -> list[str]:
    """Return what is wrong with the way on which a browser came to the address; nothing where all is well."""
    try:
        meant = signing.loads(request.GET.get(TRIAL, ""), salt=SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return ["This test is older than an hour, or was begun at another installation. Begin it again."]
    if meant != redirect_uri:
        return [f"SITE_URL has changed since the test began. The address is {redirect_uri} now."]
    return list(_as_reached(request))


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
