"""Who calls, for which organisation, and with which permission."""

from __future__ import annotations

import uuid

from django.http import HttpRequest

from xero_simulator import clock, scopes
from xero_simulator.api.errors import Forbidden, InsufficientScope, Unauthorised
from xero_simulator.models import AccessToken, Connection, Organisation


def bearer(request: HttpRequest) -> AccessToken:
    """Return the token the call carries; raise `Unauthorised` if it is missing, unknown or over."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Unauthorised("AuthenticationUnsuccessful")
    found = AccessToken.objects.select_related("app").filter(token=token.strip()).first()
    if found is None or found.revoked:
        raise Unauthorised("AuthenticationUnsuccessful")
    if found.expires_at <= clock.now():
        raise Unauthorised(f"TokenExpired: token expired at {found.expires_at:%m/%d/%Y %H:%M:%S}")
    return found


def organisation_for(request: HttpRequest, holder: AccessToken) -> Organisation:
    try:
        tenant_id = uuid.UUID(request.headers.get("xero-tenant-id", ""))
    except ValueError as error:
        raise Forbidden("AuthenticationUnsuccessful") from error
    found = (
        Connection.objects.select_related("organisation")
        .filter(app_id=holder.app_id, user_id=holder.user_id, organisation__tenant_id=tenant_id)
        .first()
    )
    if found is None:
        raise Forbidden("AuthenticationUnsuccessful")
    return found.organisation


def check_scope(holder: AccessToken, endpoint: str, *, write: bool) -> None:
    if not scopes.suffices(holder.scopes, endpoint, write=write):
        raise InsufficientScope(scopes.ENDPOINT_SCOPES[endpoint])
