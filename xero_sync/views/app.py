"""Setup > App credentials, and the check of the connection's health. Everybody may read, admins act."""

from __future__ import annotations

import logging
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from bmsxero.roles import ADMINS, EVERYONE, allow, who
from xero_sync import credentials, health, oauth, site_address, standing
from xero_sync.app_forms import AppForm
from xero_sync.credentials import App, Source
from xero_sync.errors import Unanswered
from xero_sync.models import AppCredentials
from xero_sync.views.people import only_admins

logger = logging.getLogger(__name__)

WRONG = "Xero doesn't know this client id with this secret. Nothing was saved."
RIGHT = "Xero knows this client id and secret."
NOT_ASKED = "Xero could not be asked whether it knows them: {why}"


@allow(*EVERYONE)
@require_http_methods(["GET", "POST"])
def app(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        only_admins(request)
        return _act(request)
    kept = credentials.saved()
    return _page(request, AppForm(kept_for=_kept_for(kept), initial={"client_id": kept.client_id if kept else ""}))


@allow(*ADMINS)
@require_POST
def health_check(request: HttpRequest) -> HttpResponse:
    connection = standing.of(request).connection
    if connection is None:
        messages.info(request, "Xero is not connected, so there was nothing to check.")
    else:
        health.run(connection, cast("User", request.user))
    response = redirect("xero_sync:setup")
    response["Location"] += "#health"
    return response


def _act(request: HttpRequest) -> HttpResponse:
    user = cast("User", request.user)
    match request.POST.get("do"):
        case "save" if credentials.current().source is not Source.ENVIRONMENT:
            return _save(request)
        case "check":
            _check(request)
        case "forget":
            credentials.forget(user)
            logger.info("%s removed the saved app credentials", user.get_username())
            messages.success(request, "The saved client id and secret are gone.")
        case "scopes" if request.POST.get("set") in AppCredentials.ScopeSet.values and not settings.XERO_SCOPES_FIXED:
            credentials.choose_scopes(request.POST["set"], user)
            messages.success(request, "Changed. Connect again, so that Xero asks you for the new permissions.")
        case _:
            messages.error(request, "That can't be changed here.")
    return redirect("xero_sync:app")


def _save(request: HttpRequest) -> HttpResponse:
    kept = credentials.saved()
    form = AppForm(request.POST, kept_for=_kept_for(kept))
    if not form.is_valid():
        return _page(request, form, status=400)
    client_id = form.cleaned_data["client_id"]
    secret = form.cleaned_data["client_secret"] or (kept.client_secret if kept else "")
    asked = App(client_id, secret, Source.SAVED)
    try:
        known = oauth.recognises(asked, credentials.real_address("XERO_TOKEN_URL"))
    except Unanswered as error:
        known = None
        messages.warning(
            request, f"{NOT_ASKED.format(why=error.message)} Saved all the same: check again before you connect."
        )
    if known is False:
        form.add_error("client_secret", WRONG)
        return _page(request, form, status=400)
    user = cast("User", request.user)
    credentials.save(client_id, secret, user, known=bool(known))
    logger.info("%s saved app credentials", user.get_username())
    if known:
        messages.success(request, f"{RIGHT} Saved. Now connect your organisation.")
    return redirect("xero_sync:setup" if known else "xero_sync:app")


def _check(request: HttpRequest) -> None:
    mine = credentials.current()
    if not mine.client_id:
        messages.error(request, "There is no client id to check yet.")
        return
    try:
        known = oauth.recognises(mine, credentials.address("XERO_TOKEN_URL"))
    except Unanswered as error:
        messages.warning(request, NOT_ASKED.format(why=error.message))
        return
    if known:
        messages.success(request, RIGHT)
    else:
        messages.error(
            request, "Xero doesn't know this client id with this secret. Copy both again from developer.xero.com."
        )


def _kept_for(kept: AppCredentials | None) -> str:
    return kept.client_id if kept and kept.client_secret else ""


def _page(request: HttpRequest, form: AppForm, status: int = 200) -> HttpResponse:
    mine = credentials.current()
    now = standing.of(request)
    context = {
        "tab": "app",
        "standing": now,
        "connection": now.connection,
        "form": form,
        "app": mine,
        "by_environment": mine.source is Source.ENVIRONMENT,
        "is_saved": mine.source is Source.SAVED,
        "simulated": mine.source is Source.SIMULATED,
        "may_enter": mine.source is not Source.ENVIRONMENT,
        "redirect_uri": oauth.redirect_uri(),
        "try_url": site_address.trial_url(oauth.redirect_uri()),
        "warnings": site_address.warnings(request),
        "scope_set": credentials.scope_set(),
        "scope_sets": AppCredentials.ScopeSet.choices,
        "scopes_fixed": settings.XERO_SCOPES_FIXED,
        "scopes_to_ask": [standing.scope(name) for name in credentials.scopes().split()],
        "admins": [] if who(request.user).administers else standing.admins(),
    }
    return render(request, "xero_sync/setup/app.html", context, status=status)
