"""The first run, and the door to the simulated Xero."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from bmsxero.roles import EVERYONE, WRITERS, allow, who
from crm.models import Account
from xero_sync import credentials, first_run, standing
from xero_sync.views.people import only_admins


@allow(*WRITERS)
@require_http_methods(["GET", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Show both ways with how far each is; POST adds the sample data."""
    if request.method == "POST":
        return _add_sample_data(request)
    me, now, simulated = who(request.user), standing.of(request), credentials.is_simulated()
    shown = "simulated" if simulated and request.GET.get("with") != "real" else "real"
    context = {
        "shown": shown,
        "simulated": simulated,
        "run": (first_run.simulated if shown == "simulated" else first_run.real)(me, now),
        "is_simulated_way": shown == "simulated",
    }
    return render(request, "xero_sync/welcome.html", context)


def _add_sample_data(request: HttpRequest) -> HttpResponse:
    only_admins(request)
    if not credentials.is_simulated():
        raise Http404
    if Account.objects.exists():
        messages.info(request, "There are accounts here already, so nothing was added.")
    else:
        messages.success(request, first_run.add_sample_data())
    return redirect("xero_sync:welcome")


@allow(*EVERYONE)
@require_safe
def simulator(request: HttpRequest) -> HttpResponse:
    """Lead to the console of the simulated Xero, while it is in use."""
    if not credentials.is_simulated():
        raise Http404
    return redirect("xero_simulator:console")
