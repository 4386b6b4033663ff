"""How the connection to Xero stands, in words: for the badge on every page, Setup and the overview."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse

from bmsxero.listing import Badge
from bmsxero.roles import Role
from xero_sync import clock, credentials
from xero_sync.models import Job, JobRow, XeroConnection, XeroLink

#: Xero forgets a refresh token that was not used for so long.
REFRESH_LIFETIME = timedelta(days=60)

#: Xero's permissions in plain words, and what we need each for.
SCOPES = {
    "offline_access": ("Stay connected", "until somebody disconnects"),
    "accounting.settings": ("Organisation, chart of accounts, items, tax rates", "read, and create what is missing"),
    "accounting.contacts": ("Contacts", "find the customer of an invoice, or create it"),
    "accounting.invoices": ("Invoices and credit notes", "create invoices, read what was credited"),
    "accounting.transactions": ("Invoices, credit notes and payments", "create invoices, read what was paid"),
    "accounting.payments.read": ("Payments", "read only: import what customers paid"),
    "openid": ("Who signed in", "so that Xero can tell us who it was"),
    "profile": ("Name of who signed in", "so that Xero can tell us who it was"),
    "email": ("E-mail address of who signed in", "so that Xero can tell us who it was"),
}


@dataclass(frozen=True)
class Scope:
    """One permission: its name at Xero, what it is, what for, and whether we have it."""

    name: str
    words: str
    purpose: str
    granted: bool


@dataclass(frozen=True)
class Standing:
    """The current connection, or that there is none."""

    connection: XeroConnection | None

    @property
    def is_connected(self) -> bool:
        return self.connection is not None and not self.needs_reconnect

    @property
    def needs_reconnect(self) -> bool:
        return bool(self.connection and (not self.connection.is_connected or self.is_other_app))

    @property
    def is_untried(self) -> bool:
        """Whether no invoice of ours is in this organisation yet."""
        return self.is_connected and not getattr(self.connection, "is_tried", True)

    @property
    def badge(self) -> Badge:
        if self.connection is None:
            return Badge("Not connected")
        return Badge("Reconnect needed", "danger") if self.needs_reconnect else Badge("Connected", "success")

    @property
    def reason(self) -> str:
        """Why somebody has to sign in again."""
        if self.connection and self.is_other_app:
            return "It was connected with another client id than this installation uses now."
        return self.connection.state_reason if self.connection else ""

    @property
    def expires_at(self) -> datetime | None:
        """When Xero forgets us if nothing renews the connection before."""
        renewed = self.connection.refreshed_at if self.connection else None
        return renewed + REFRESH_LIFETIME if renewed else None

    @property
    def days_left(self) -> int:
        return max(0, (self.expires_at.date() - clock.now().date()).days) if self.expires_at else 0

    @property
    def scopes(self) -> list[Scope]:
        """Every permission that we ask for or have."""
        granted = self.connection.scopes.split() if self.connection else []
        asked = dict.fromkeys([*credentials.scopes().split(), *granted])
        order = [*(name for name in SCOPES if name in asked), *(name for name in asked if name not in SCOPES)]
        return [scope(name, granted=name in granted) for name in order]

    @property
    def missing(self) -> list[Scope]:
        """The permissions that somebody would have to grant."""
        return [scope for scope in self.scopes if not scope.granted] if self.connection else []

    @property
    def is_other_app(self) -> bool:
        """Whether it was made as another app: its tokens and all that was done with it are that one's."""
        return bool(self.connection and self.connection.client_id != credentials.current().client_id)


@dataclass(frozen=True)
class TopBadge:
    """What the top of every page says of Xero, and where a click goes."""

    label: str
    tone: str
    url: str
    icon: str = "plug-connected-x"
    #: Whether no invoice of ours is in this organisation yet
    untried: bool = False
    organisation: str = ""


@dataclass(frozen=True)
class Waiting:
    """Work that goes on when somebody signs in again."""

    jobs: int
    rows: int


def scope(name: str, *, granted: bool = False) -> Scope:
    """Return a permission in plain words."""
    words, purpose = SCOPES.get(name, (name, ""))
    return Scope(name, words, purpose, granted)


def current() -> Standing:
    """Read the connection that pages work with, and its options; never its tokens."""
    sent = XeroLink.objects.filter(tenant_id=OuterRef("tenant_id"), kind="invoices")
    connections = XeroConnection.objects.filter(is_current=True).defer("access_token", "refresh_token")
    return Standing(connections.select_related("connected_by", "options").annotate(is_tried=Exists(sent)).first())


def of(request: HttpRequest) -> Standing:
    """Return how the connection stands, read once for all that a page shows of it."""
    known: Standing | None = getattr(request, "_standing", None)
    if known is None:
        known = request._standing = current()  # type: ignore[attr-defined]
    return known


def former() -> XeroConnection | None:
    """Return the organisation that was connected last, while none is."""
    return XeroConnection.objects.defer("access_token", "refresh_token").order_by("-connected_at").first()


def top_badge(standing: Standing) -> TopBadge:
    if standing.connection is None:
        return TopBadge("Xero not connected", "neutral", reverse("xero_sync:setup"))
    name = standing.connection.name
    if standing.needs_reconnect:
        return TopBadge("Xero: reconnect needed", "danger", reverse("xero_sync:setup"), organisation=name)
    overview = reverse("xero_sync:overview")
    return TopBadge(name, "success", overview, "plug-connected", untried=standing.is_untried, organisation=name)


def admins() -> list[str]:
    """Return who can act where somebody else may only look."""
    users = User.objects.filter(Q(groups__name=Role.ADMIN) | Q(is_superuser=True), is_active=True)
    return [user.get_full_name() or user.get_username() for user in users.distinct().order_by("username")[:5]]


def waiting(connection: XeroConnection) -> Waiting:
    """Count what waits for a reconnect to this organisation."""
    waiting_jobs = Job.objects.filter(
        tenant_id=connection.tenant_id, state=Job.State.WAITING, wait_why=Job.WaitWhy.RECONNECT
    )
    rows = JobRow.objects.filter(job__in=waiting_jobs, requested=True, state__in=JobRow.OPEN)
    return Waiting(waiting_jobs.count(), rows.count())
