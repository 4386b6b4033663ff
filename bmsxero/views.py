"""Pages that belong to no app: sign in, home, search, health, errors."""

from __future__ import annotations

import logging
import secrets
import sys
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.views import LoginView
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from bmsxero.finding import find
from bmsxero.roles import EVERYONE, MissingRole, Role, allow, who
from bmsxero.xero_state import MEANINGS
from finance.tiles import tiles
from xero_sync.credentials import is_simulated

logger = logging.getLogger(__name__)

#: Seconds after which it makes sense to ask again for a page that the database could not be asked for.
AWAY = 30

#: Sample users, whose password is their name, and what the buttons call them.
SAMPLE_USERS = {"finance": "Finance user", "admin": "Admin", "support": "Support", "viewer": "Viewer"}


class SignIn(LoginView):
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"samples": _sample_users()}


def _sample_users() -> dict[str, str]:
    """Return the sample users there are; their passwords are no secret, so this is for trying out only."""
    if not is_simulated():
        return {}
    names = set(get_user_model().objects.filter(username__in=SAMPLE_USERS).values_list("username", flat=True))
    return {name: label for name, label in SAMPLE_USERS.items() if name in names}


@require_POST
def sign_in_as(request: HttpRequest, name: str) -> HttpResponse:
    """Sign a sample user in by a button, while trying out; one whose password was changed has to type it."""
    if name not in _sample_users():
        raise Http404
    user = authenticate(request, username=name, password=name)
    if user is None:
        messages.error(request, f"{name} has a password of its own by now. Type it.")
        return redirect("login")
    login(request, user)
    return redirect("home")


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@allow(*EVERYONE)
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html", {"tiles": tiles() if who(request.user).reads else []})


@allow(*EVERYONE)
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:200]
    hits = find(text, who(request.user))
    if len(hits) == 1:
        return redirect(hits[0].url)
    return render(request, "search.html", {"text": text, "hits": hits})


ROLES = (
    (
        Role.ADMIN,
        "Connects Xero, sets the options, keeps account codes, billing and taxes; and all that a finance user does.",
    ),
    (Role.FINANCE, "Exports invoices, imports payments, edits records, items among them."),
    (Role.VIEWER, "Reads everything but settings, and takes CSV files."),
    (Role.SUPPORT, "Reads jobs and their logs."),
)


@allow(*EVERYONE)
def help_(request: HttpRequest) -> HttpResponse:
    return render(request, "help.html", {"roles": ROLES, "states": MEANINGS, "granters": _granters()})


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    roles = exception.roles if isinstance(exception, MissingRole) else ()
    context = {"needed": [role.label for role in Role if role in roles], "granters": _granters()}
    return render(request, "403.html", context, status=403)


def _granters() -> list[str]:
    """Return who can give roles away: those who may use Django's admin for everything."""
    users = get_user_model().objects.filter(is_superuser=True, is_active=True).order_by("username")[:3]
    return [user.get_full_name() or user.get_username() for user in users]


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Say sorry with an id that the log has, too; or that the database is away, which no id helps to mend.

    Asks neither the database nor the session, as one of them may be what is broken.
    """
    if _database_is_away(sys.exception()):
        page = (settings.BASE_DIR / "templates" / "503.html").read_text()
        return HttpResponse(page, status=503, headers={"Retry-After": str(AWAY)})
    error_id = secrets.token_hex(4)
    logger.error("Error %s at %s", error_id, request.path)
    page = (settings.BASE_DIR / "templates" / "500.html").read_text()
    return HttpResponse(page.replace("ERROR-ID", error_id), status=500)


def _database_is_away(error: BaseException | None) -> bool:
    """Say whether the database could not be asked: away, coming up, full of connections, locked for too long."""
    if connection.vendor == "sqlite":  # says the same of a table that is not there
        return isinstance(error, OperationalError) and "locked" in str(error)
    return isinstance(error, (OperationalError, InterfaceError))
