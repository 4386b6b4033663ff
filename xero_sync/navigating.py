"""Where a page leads whom: an address, or none for who may not open it."""

from __future__ import annotations

from django.urls import resolve, reverse

from bmsxero.roles import Who, roles_of


def opens(name: str, who: Who) -> str:
    """Return the address of a page by its name; blank where it does not open for `who`."""
    path = reverse(name)
    return path if who.any_of(roles_of(resolve(path).func)) else ""
