"""The four roles, who has which, and the gate that every view stands behind.

A role is a Django group of the same name (a migration of crm makes the four). A superuser counts as
finance admin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django_htmx.http import HttpResponseClientRefresh

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


class Role(models.TextChoices):
    ADMIN = "finance admin", "Finance admin"  #: connects, sets options, and all that a finance user does
    FINANCE = "finance user", "Finance user"  #: runs wizards, edits records
    SUPPORT = "support", "Support"  #: reads jobs and their logs, nothing else
    VIEWER = "viewer", "Viewer"  #: reads everything but settings, takes CSV files


# Who may do what, for `@allow(*WRITERS)`.
ADMINS = (Role.ADMIN,)
WRITERS = (Role.ADMIN, Role.FINANCE)
READERS = (Role.ADMIN, Role.FINANCE, Role.VIEWER)
EVERYONE = (Role.ADMIN, Role.FINANCE, Role.VIEWER, Role.SUPPORT)


class MissingRole(PermissionDenied):
    """The user's roles do not open this page; `roles` are those that would."""

    def __init__(self, roles: tuple[Role, ...]) -> None:
        super().__init__(f"needs one of: {', '.join(roles)}")
        self.roles = roles


@dataclass(frozen=True)
class Who:
    """What the signed-in user may do, for templates: `{% if who.writes %}`."""

    roles: frozenset[Role]

    @property
    def administers(self) -> bool:
        return self.any_of(ADMINS)

    @property
    def writes(self) -> bool:
        return self.any_of(WRITERS)

    @property
    def reads(self) -> bool:
        return self.any_of(READERS)

    @property
    def label(self) -> str:
        return " and ".join(role.label for role in Role if role in self.roles) or "No role"

    def any_of(self, roles: tuple[Role, ...]) -> bool:
        return not self.roles.isdisjoint(roles)


def who(user: AbstractBaseUser | AnonymousUser) -> Who:
    """Return what `user` may do. Reads the groups once per request."""
    known = getattr(user, "_who", None)
    if known is None:
        known = Who(_roles(user))
        user._who = known  # type: ignore[union-attr]
    return known


def _roles(user: Any) -> frozenset[Role]:
    if not user.is_authenticated:
        return frozenset()
    if user.is_superuser:
        return frozenset({Role.ADMIN})
    return _named(user.groups.values_list("name", flat=True))


def _named(groups: Iterable[str]) -> frozenset[Role]:
    return frozenset(Role(name) for name in groups if name in Role.values)


def know(user: Any, groups: Iterable[str]) -> None:
    """Note the groups of a user that were read along with the user."""
    user._who = Who(frozenset({Role.ADMIN}) if user.is_superuser else _named(groups))


def allow(*roles: Role) -> Callable[[View], View]:
    """Let only these roles in: anybody else meets the sign-in page, or the 403 page that names the role."""

    def gate(view: View) -> View:
        @wraps(view)
        def gated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _sign_in(request)
            if not who(request.user).any_of(roles):
                raise MissingRole(roles)
            return view(request, *args, **kwargs)

        gated.roles = roles  # type: ignore[attr-defined]
        return cast("View", gated)

    return gate


def only(request: HttpRequest, *roles: Role) -> None:
    """Refuse those who may read a page but not act on it, in a view that `allow` let more people into."""
    if not who(request.user).any_of(roles):
        raise MissingRole(roles)


def _sign_in(request: HttpRequest) -> HttpResponse:
    # A fragment that is polled would otherwise swap the sign-in page into the middle of the page
    if getattr(request, "htmx", False):
        return HttpResponseClientRefresh()
    return redirect_to_login(request.get_full_path())


def roles_of(view: Callable[..., Any]) -> tuple[Role, ...]:
    """Return the roles that a view lets in; none if nobody has put it behind `allow`."""
    return getattr(view, "roles", ())
