"""From a consent to a connection that pages work with, and why one may be refused."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.contrib.auth.models import User

from crm.models import Site
from xero_sync import credentials, jobs, oauth, organisation
from xero_sync.errors import Throttled, XeroError
from xero_sync.management.commands.seed_demo import USERS
from xero_sync.models import XeroConnection
from xero_sync.oauth import Organisation, Tokens

logger = logging.getLogger(__name__)

#: Sample customers have addresses in this domain, which the internet does not have.
SAMPLE_DOMAIN = ".example"


class SampleDataError(XeroError):
    """This database holds sample data, so only a Demo Company of Xero may be connected to it."""


@dataclass(frozen=True)
class Connected:
    """What came of it: the connection, the organisation it took the place of, and what could not be read."""

    connection: XeroConnection
    former: XeroConnection | None
    unread: str


def connect(chosen: Organisation, tokens: Tokens, user: User) -> Connected:
    """Save the connection, read the organisation's settings and let the jobs go on that waited for this.

    Raises SampleDataError, or what the question for a Demo Company runs into; then nothing is stored.
    """
    if is_real_xero() and has_sample_data() and not oauth.is_demo_company(chosen, tokens):
        raise SampleDataError
    former = XeroConnection.objects.filter(is_current=True).exclude(tenant_id=chosen.tenant_id).first()
    connection = oauth.save_connection(chosen, tokens, user)
    logger.info("%s connected organisation %s", user.get_username(), chosen.tenant_id)
    unread = read_settings(connection)
    jobs.resume_after_reconnect(connection)
    return Connected(connection, former, unread)


def read_settings(connection: XeroConnection) -> str:
    """Read what Setup shows. Return why that failed, in plain words; nothing if it went well."""
    try:
        organisation.set_up(connection)
    except Throttled as error:
        return f"{error.message} It is free again at {error.until:%H:%M:%S} UTC."
    except XeroError as error:
        return error.message
    return ""


def is_real_xero() -> bool:
    """Say whether calls go to Xero itself rather than to a simulated one."""
    host = urlsplit(credentials.address("XERO_API_URL")).hostname or ""
    return host == "xero.com" or host.endswith(".xero.com")


def has_sample_data() -> bool:
    """Say whether sample customers are here, or sample users whose passwords everybody knows."""
    if Site.objects.filter(billing_email__endswith=SAMPLE_DOMAIN).exists():
        return True
    users = User.objects.filter(username__in=USERS)
    return any(user.check_password(user.username) for user in users)
