"""Connecting an organisation: off to Xero, back again, choosing, and disconnecting."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from bmsxero.roles import ADMINS, allow
from xero_sync import connecting, consent, credentials, oauth, site_address, standing
from xero_sync.errors import Misconfigured, ReconnectNeeded, Unanswered, XeroError
from xero_sync.models import Job, XeroConnection
from xero_sync.oauth import Organisation, Tokens

logger = logging.getLogger(__name__)
View = Callable[[HttpRequest], HttpResponse]

#: OAuth's error codes that a person can do something about.
REFUSALS = {
    "access_denied": "You said no in Xero. Nothing was connected.",
    "invalid_scope": "Xero does not give this installation one of the permissions it asks for. "
    "Setup > App credentials has the other set: switch below, and connect again.",
    "unauthorized_client": "Xero does not know this installation's client id. Check it at Setup > App credentials.",
    "invalid_request": "Xero did not accept the request. Its list of redirect addresses must have this one: {uri}",
    "server_error": "Xero's sign-in service has trouble of its own. Try again in a few minutes.",
    "temporarily_unavailable": "Xero's sign-in service has trouble of its own. Try again in a few minutes.",
}
#: Of these, those that the page of the app has the fix for: its permissions, its client id, its address.
MENDED_AT_THE_APP = {"invalid_scope", "unauthorized_client", "invalid_request"}
SETUP, APP = "xero_sync:setup", "xero_sync:app"
OTHER_REFUSAL = "Xero ended the sign-in with an error of its own. Nothing was connected."
USED_UP = "That sign-in was used already, or is older than five minutes. Nothing was connected."
NO_ANSWER = "Xero's sign-in service can't be reached, or gave no usable answer. Nothing was connected."
NO_ORGANISATION = "You allowed access, but Xero named no organisation that goes with it. Nothing was connected."
NOT_SET = "There is no app to connect with: enter its client id and secret at Setup > App credentials."


@allow(*ADMINS)
@require_POST
def connect(request: HttpRequest) -> HttpResponse:
    if not credentials.current().client_id:
        messages.error(request, NOT_SET)
        return redirect("xero_sync:setup")
    going = oauth.Authorisation.new()
    consent.remember(request, going)
    return redirect(going.url)


def from_xero(view: View) -> View:
    """Keep the code in the address to ourselves: no referrer, no copy in a cache or in a sign-in link."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if site_address.TRIAL in request.GET:
            response = _tried(request)
        elif request.user.is_authenticated:
            response = view(request)
        else:
            response = redirect_to_login(reverse("xero_sync:setup"))
        response.headers["Referrer-Policy"] = "no-referrer"
        add_never_cache_headers(response)
        return response

    return answer


def _tried(request: HttpRequest) -> HttpResponse:
    """Say that the address has led a browser here, and what of that won't do for Xero."""
    uri = oauth.redirect_uri()
    if wrong := site_address.arrived(request, uri):
        for each in wrong:
            messages.warning(request, each)
    else:
        messages.success(request, f"{uri} leads here. If Xero has it letter by letter, connecting will work.")
    return redirect(APP)


@from_xero
@allow(*ADMINS)
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    left_with = consent.take(request)
    if error := request.GET.get("error"):
        return _refused(request, error)
    try:
        going = consent.match(request, left_with, request.GET.get("state", ""))
    except consent.NotStartedHere as strange:
        logger.warning("callback refused for %s: %s", request.user.get_username(), strange.__cause__)
        return render(request, "xero_sync/setup/strange.html", {"why": strange.__doc__}, status=400)
    try:
        tokens = oauth.exchange(request.GET.get("code", ""), going.verifier)
        found = oauth.organisations(tokens)
    except XeroError as problem:
        return _stopped(request, _why(problem), APP if isinstance(problem, Misconfigured) else SETUP)
    if not found:
        return _stopped(request, NO_ORGANISATION)
    if len(found) > 1:
        consent.keep(request, consent.Allowed(found, tokens))
        return redirect("xero_sync:choose")
    return _finish(request, found[0], tokens)


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest) -> HttpResponse:
    try:
        allowed = consent.kept(request)
    except consent.NotStartedHere:
        return _stopped(request, "The ten minutes to choose are over. Nothing was connected.")
    chosen = [each for each in allowed.organisations if each.tenant_id == request.POST.get("organisation")]
    if not chosen:
        context = {
            "organisations": allowed.organisations,
            "standing": standing.of(request),
            "missed": request.method == "POST",
        }
        return render(request, "xero_sync/setup/choose.html", context)
    consent.forget(request)
    return _finish(request, chosen[0], allowed.tokens)


@allow(*ADMINS)
@require_http_methods(["GET", "POST"])
def disconnect(request: HttpRequest) -> HttpResponse:
    connection = standing.of(request).connection
    if connection is None:
        messages.info(request, "Xero is not connected, so there was nothing to disconnect.")
        return redirect("xero_sync:setup")
    if request.method == "GET":
        running = Job.objects.filter(tenant_id=connection.tenant_id, state__in=Job.OPEN).count()
        return render(request, "xero_sync/setup/disconnect.html", {"connection": connection, "running": running})
    try:
        oauth.disconnect(connection)
    except XeroError as problem:
        messages.error(request, f"Still connected: {problem.message}")
        return redirect("xero_sync:disconnect")
    logger.info("%s disconnected organisation %s", request.user.get_username(), connection.tenant_id)
    messages.success(request, f"Disconnected from {connection}. Its links and the history stay here.")
    return redirect("xero_sync:setup")


def _finish(request: HttpRequest, chosen: Organisation, tokens: Tokens) -> HttpResponse:
    try:
        made = connecting.connect(chosen, tokens, cast("User", request.user))
    except XeroError as problem:
        return _stopped(request, f"{chosen.name} was not connected. {problem.message}")
    messages.success(request, f"Connected to {made.connection}.")
    if made.former:
        messages.info(request, _about_the_former(made.former, made.connection.name))
    if made.unread:
        messages.warning(request, f"Its settings could not be read: {made.unread} Press “Read again” below.")
    return redirect("xero_sync:setup")


def _about_the_former(former: XeroConnection, name: str) -> str:
    left = standing.waiting(former).jobs
    waits = f" {left} {'job waits' if left == 1 else 'jobs wait'} until then." if left else ""
    return (
        f"Pages now work with {name}, where nothing is linked unless it was sent there. What was sent to {former} "
        f"stays linked to {former} and shows again when you connect it again.{waits}"
    )


def _refused(request: HttpRequest, error: str) -> HttpResponse:
    known = error if error in REFUSALS else "another error"
    # Xero says "access_denied" too where the app lacks a permission; only its description tells
    if known == "access_denied" and "scope" in request.GET.get("error_description", ""):
        known = "invalid_scope"
    logger.info("Xero sent %s back with %s", request.user.get_username(), known)
    page = APP if known in MENDED_AT_THE_APP else SETUP
    return _stopped(request, REFUSALS.get(known, OTHER_REFUSAL).format(uri=oauth.redirect_uri()), page)


def _stopped(request: HttpRequest, why: str, page: str = SETUP) -> HttpResponse:
    messages.error(request, why)
    return redirect(page)


def _why(problem: XeroError) -> str:
    """Return what the error means here, where nothing goes on by itself."""
    match problem:
        case ReconnectNeeded():
            return USED_UP
        case Unanswered():
            return NO_ANSWER
    return problem.message
