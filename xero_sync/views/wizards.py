"""Export invoices and import payments: load, select, options, check. What follows is the job's own page."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from bmsxero.roles import WRITERS, Role, allow
from xero_sync import drafts, finder, jobs, loading
from xero_sync.drafts import Rule
from xero_sync.errors import NotConnected
from xero_sync.job_pages import WIZARD_STEPS
from xero_sync.models import Job, SyncOptions, XeroConnection
from xero_sync.wizard_forms import InvoiceFilter, LoadForm, PaymentFilter, RunOptionsForm
from xero_sync.wizards import INVOICES, PAYMENTS, WIZARDS, Bar, Wizard, bar, payment_lines

EXPORT_STEPS, IMPORT_STEPS = (list(enumerate(labels, 1)) for labels in WIZARD_STEPS.values())
#: Parts of the address that belong to the page, not to the selection.
NOT_CARRIED = ("find", "page")


def connected(view: Any) -> Any:
    """Give a view the current connection, or say that somebody has to connect first."""

    @wraps(view)
    def gated(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            connection = jobs.current_connection()
        except NotConnected:
            return _not_connected(request)
        answer: HttpResponse = view(request, connection, **kwargs)
        return answer

    return gated


def _not_connected(request: HttpRequest) -> HttpResponse:
    can = Q(is_superuser=True) | Q(groups__name=Role.ADMIN)
    admins = get_user_model().objects.filter(can, is_active=True).distinct().order_by("username")[:5]
    names = [admin.get_full_name() or admin.get_username() for admin in admins]
    return render(request, "xero_sync/wizard/not_connected.html", {"admins": names})


# --- export invoices


@allow(*WRITERS)
@require_safe
@connected
def export_invoices(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    """Show what can be exported: the choice of what to load first, then the list to choose from."""
    load = LoadForm(request.GET) if "load" in request.GET else LoadForm()
    context: dict[str, Any] = {"connection": connection, "steps": EXPORT_STEPS, "load": load, "wizard": INVOICES}
    if not load.is_bound or not load.is_valid():
        context["ready"] = INVOICES.candidates({}, connection.tenant_id).count()
        context["answer"] = _find(request, {}, connection)
        return render(request, "xero_sync/wizard/load_invoices.html", context, status=400 if load.errors else 200)
    if _draft_of(request.GET) is None:
        return redirect(f"{request.path}?{urlencode({**request.GET.dict(), 'draft': uuid4()})}")
    narrow = InvoiceFilter(request.GET)
    filters = load.filters | (narrow.filters if narrow.is_valid() else {})
    context |= _selecting(request, INVOICES, filters, connection)
    context["answer"] = _find(request, filters, connection)
    return render(request, "xero_sync/wizard/select_invoices.html", context)


def _find(request: HttpRequest, filters: dict[str, str], connection: XeroConnection) -> finder.Answer | None:
    number = request.GET.get("find", "").strip()[:255]
    return finder.why(number, filters, connection.tenant_id) if number else None


@allow(*WRITERS)
@require_safe
@connected
def export_options(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    """Ask for the options of this run: of a selection that was just made, or of a job that was checked."""
    rule, job = _rule_asked_for(request.GET, INVOICES, connection)
    if not rule.get("all") and not rule.get("ids"):
        return redirect(f"{INVOICES.url}?{request.GET.urlencode()}")
    options, _ = SyncOptions.objects.get_or_create(connection=connection)
    form = RunOptionsForm.of(options.snapshot() | (job.options if job else {}))
    return _show_options(request, form, rule, job, connection)


def _show_options(
    request: HttpRequest, form: RunOptionsForm, rule: Rule, job: Job | None, connection: XeroConnection
) -> HttpResponse:
    context = {
        "connection": connection,
        "steps": EXPORT_STEPS,
        "form": form,
        "bar": bar(INVOICES, rule, rule.get("filters") or {}, connection),
        "job": job,
        "draft": request.GET.get("draft") or request.POST.get("draft", ""),
        "back": job.get_absolute_url() if job else f"{INVOICES.url}?{request.GET.urlencode()}",
        "token": uuid4(),
    }
    return render(request, "xero_sync/wizard/options.html", context, status=400 if form.errors else 200)


# --- import payments


@allow(*WRITERS)
@require_safe
@connected
def import_payments(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    """Show Xero's payments, as far as they have been loaded."""
    form = PaymentFilter(request.GET)
    standing = loading.standing(connection)
    context: dict[str, Any] = {
        "connection": connection,
        "steps": IMPORT_STEPS,
        "wizard": PAYMENTS,
        "standing": standing,
        "form": form,
    }
    if form.errors or not standing.is_loaded or standing.is_loading:
        return render(request, "xero_sync/wizard/load_payments.html", context, status=400 if form.errors else 200)
    if _draft_of(request.GET) is None:
        return redirect(f"{request.path}?{urlencode({**request.GET.dict(), 'draft': uuid4()})}")
    context |= _selecting(request, PAYMENTS, form.filters, connection) | {"token": uuid4()}
    return render(request, "xero_sync/wizard/select_payments.html", context)


@allow(*WRITERS)
@require_POST
@connected
def load_payments(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    """Ask for a fresh copy of Xero's payments, and go to where it will be shown."""
    asked = QueryDict(request.POST.get("here", ""), mutable=True)
    asked.update({name: request.POST[name] for name in PaymentFilter.base_fields if request.POST.get(name)})
    form = PaymentFilter(asked)
    if not form.is_valid():
        context = {
            "connection": connection,
            "steps": IMPORT_STEPS,
            "form": form,
            "standing": loading.standing(connection),
        }
        return render(request, "xero_sync/wizard/load_payments.html", context, status=400)
    loading.start(connection)
    return redirect(f"{PAYMENTS.url}?{_with(asked, page=None)}")


@allow(*WRITERS)
@require_safe
@connected
def load_progress(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    """Tell how far the loading is; when it is over, the page comes anew."""
    standing = loading.standing(connection)
    if standing.is_loading:
        return render(request, "xero_sync/wizard/_loading.html", {"standing": standing})
    answer = HttpResponseStopPolling()
    answer["HX-Refresh"] = "true"
    return answer


# --- selecting


def _selecting(
    request: HttpRequest, wizard: Wizard, filters: dict[str, str], connection: XeroConnection
) -> dict[str, Any]:
    """Return the grid with the boxes as the draft has them, and the bar."""
    rule = drafts.find(_draft_of(request.GET) or uuid4(), wizard.kind, connection.tenant_id)
    shown = bar(wizard, rule, filters, connection)
    grid = wizard.listing.grid(
        request,
        wizard.candidates(filters, connection.tenant_id),
        decorate=payment_lines(connection) if wizard is PAYMENTS else None,
        selection=None if shown.is_other else wizard.selection(rule),
    )
    return {"grid": replace(grid, posts=True), **_bar_context(wizard, shown, request.GET)}


def _bar_context(wizard: Wizard, shown: Bar, here: QueryDict) -> dict[str, Any]:
    return {"wizard": wizard, "bar": shown, "here": here.urlencode()}


@allow(*WRITERS)
@require_POST
@connected
def select(request: HttpRequest, connection: XeroConnection, kind: str) -> HttpResponse:
    """Take over the ticks of a page and what was pressed with them. The grid's own links come here, too."""
    wizard = _wizard(kind)
    here = QueryDict(request.POST.get("here", ""), mutable=True)
    filters, token = wizard.filters(here), _draft_of(here)
    if filters is None or token is None:
        return redirect(f"{wizard.url}?{here.urlencode()}")
    do = request.POST.get("do", "")
    rule = drafts.change(token, wizard.kind, connection.tenant_id, _user(request), _step(request, do, filters))
    if request.htmx:  # type: ignore[attr-defined]
        context = _bar_context(wizard, bar(wizard, rule, filters, connection), here)
        return render(request, "xero_sync/wizard/_bar.html", context | {"token": uuid4()})
    return redirect(_after(request, wizard, do, here, rule))


def _step(request: HttpRequest, do: str, filters: dict[str, str]) -> drafts.Step:
    match do:
        case "all":
            return drafts.choose_all(filters)
        case "clear":
            return drafts.clear
    return _ticks(request, do)


def _ticks(request: HttpRequest, do: str = "") -> drafts.Step:
    shown = request.POST.getlist("shown")
    return drafts.tick(shown, shown if do == "page" else request.POST.getlist("ids"))


def _after(request: HttpRequest, wizard: Wizard, do: str, here: QueryDict, rule: Rule) -> str:
    """Return where a press leads: another page of the grid, other filters, the next step, or back."""
    if "go" in request.POST:
        return f"{wizard.url}?{QueryDict(request.POST['go'].lstrip('?')).urlencode()}"
    names = wizard.listing.filter.base_fields if wizard.listing.filter else {}
    match do:
        case "filter":
            return f"{wizard.url}?{_with(here, **{name: request.POST.get(name) or None for name in names})}"
        case "unfilter":
            return f"{wizard.url}?{_with(here, **dict.fromkeys(names))}"
        case "next" if rule.get("all") or rule.get("ids"):
            return f"{reverse('xero_sync:export_options')}?{_with(here)}"
        case "next":
            messages.warning(request, f"Nothing is selected. Tick at least one {wizard.noun[0]}.")
    return f"{wizard.url}?{here.urlencode()}"


# --- check


@allow(*WRITERS)
@require_POST
@connected
def start_check(request: HttpRequest, connection: XeroConnection, kind: str) -> HttpResponse:
    """Start a job that works out what would happen, and go to its page. A double click gives the same job."""
    wizard = _wizard(kind)
    form = RunOptionsForm(request.POST)
    rule, job = _rule_posted(request, wizard, connection)
    if not rule.get("all") and not rule.get("ids"):
        messages.warning(request, f"Nothing is selected. Tick at least one {wizard.noun[0]}.")
        return redirect(f"{wizard.url}?{request.POST.get('here', '')}")
    if not form.is_valid():
        return _show_options(request, form, rule, job, connection)
    overrides = form.overrides() if wizard.direction == Job.Direction.EXPORT else None
    made = jobs.start_check(
        wizard.kind,
        wizard.direction,
        rule,
        user=_user(request),
        overrides=overrides,
        token=_token(request, {"rule": rule, "overrides": overrides}),
    )
    return redirect(made)


def _rule_posted(request: HttpRequest, wizard: Wizard, connection: XeroConnection) -> tuple[Rule, Job | None]:
    """Return what was chosen: on the page with these ticks, in a draft, by an earlier job, or as plain ids."""
    here = QueryDict(request.POST.get("here", ""))
    if token := _draft_of(here):
        rule = drafts.change(token, wizard.kind, connection.tenant_id, _user(request), _ticks(request))
        return {**rule, "draft": str(token)}, None
    if "draft" in request.POST or "job" in request.POST:
        return _rule_asked_for(request.POST, wizard, connection)
    return {"ids": _keys(wizard, request.POST.getlist("ids"))}, None


def _rule_asked_for(asked: QueryDict, wizard: Wizard, connection: XeroConnection) -> tuple[Rule, Job | None]:
    number = asked.get("job", "")
    if number.isdecimal():
        job = get_object_or_404(Job, pk=number, kind=wizard.kind, tenant_id=connection.tenant_id)
        return job.selection, job
    token = _draft_of(asked)
    return ({**drafts.find(token, wizard.kind, connection.tenant_id), "draft": str(token)} if token else {}), None


def _keys(wizard: Wizard, ids: list[str]) -> list[str]:
    """Return the ids that are any; a uuid that is none would make the query fail."""
    return [key for key in ids if wizard.key != "uuid" or _uuid(key)]


def _token(request: HttpRequest, chosen: dict[str, Any]) -> UUID:
    """Return the job's token: the page's own, so that a second click gives the same job, and of what was chosen,
    so that going back and choosing otherwise gives another."""
    page = _uuid(request.POST.get("token", "")) or uuid4()
    return uuid5(NAMESPACE_URL, f"{page}{json.dumps(chosen, sort_keys=True)}")


# --- pieces


def _wizard(kind: str) -> Wizard:
    if kind not in WIZARDS:
        raise Http404
    return WIZARDS[kind]


def _user(request: HttpRequest) -> User:
    user: User = request.user  # type: ignore[assignment]  # behind `allow`
    return user


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _draft_of(asked: QueryDict) -> UUID | None:
    return _uuid(asked.get("draft", ""))


def _with(asked: QueryDict, **changes: Any) -> str:
    """Return a query string with some of its parts changed; None takes a part out."""
    parts = {name: value for name, value in asked.items() if name not in NOT_CARRIED} | changes
    return urlencode({name: value for name, value in parts.items() if value})
