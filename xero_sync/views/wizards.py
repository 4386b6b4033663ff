"""The pages of every wizard: load, select, options, check. What follows is the job's own page."""

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
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from bmsxero.listing import Grid
from bmsxero.roles import WRITERS, Role, allow
from xero_sync import choosers, drafts, finder, jobs, loading, pasting
from xero_sync.drafts import Rule
from xero_sync.errors import NotConnected
from xero_sync.models import Draft, Job, SyncOptions, XeroConnection
from xero_sync.standing import of as standing_of
from xero_sync.wizard_forms import OptionsForm
from xero_sync.wizards import WIZARDS, Bar, Wizard, bar, chips, is_other
from xero_sync.wizards.base import Records

#: Parts of the address that belong to the page, not to the selection.
NOT_CARRIED = ("find", "page", "view")
#: What the list shows instead of what can be chosen: what is chosen, or what can't be.
SELECTION, EXCLUDED = "selection", "excluded"


def connected(view: Any) -> Any:
    """Give a view the current connection, or say that somebody has to connect first."""

    @wraps(view)
    def gated(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            connection = jobs.usable(standing_of(request).connection)
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


def with_wizard(view: Any) -> Any:
    """Give a view the wizard that its address names."""

    @wraps(view)
    def named(request: HttpRequest, connection: XeroConnection, kind: str) -> HttpResponse:
        if kind not in WIZARDS:
            raise Http404
        answer: HttpResponse = view(request, connection, WIZARDS[kind])
        return answer

    return named


# --- choosers


@allow(*WRITERS)
@require_safe
@connected
def choose_export(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    context = {"title": "Export to Xero", "connection": connection, "rows": choosers.exports(connection)}
    return render(request, "xero_sync/wizard/chooser.html", context)


@allow(*WRITERS)
@require_safe
@connected
def choose_import(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    context = {"title": "Import from Xero", "connection": connection, "rows": choosers.imports(connection)}
    return render(request, "xero_sync/wizard/chooser.html", context)


# --- load and select


@allow(*WRITERS)
@require_http_methods(["GET", "HEAD", "POST"])
@connected
@with_wizard
def wizard(request: HttpRequest, connection: XeroConnection, wizard: Wizard) -> HttpResponse:
    """Show the first step of a wizard, then the list to choose from. Ids, posted or in the address, are ticked."""
    if request.method == "POST" or "ids" in request.GET:
        return _preselected(request, wizard, connection)
    context = {"connection": connection, "wizard": wizard, "steps": wizard.numbered_steps}
    first = _reading(request, wizard, context) if wizard.reads else _starting(request, wizard, context)
    if first is not None:
        return first
    if _draft_of(request.GET) is None:
        asked = request.GET.copy()
        asked["draft"] = str(uuid4())
        return redirect(f"{wizard.url}?{asked.urlencode()}")
    return _select_page(request, wizard, context)


def _preselected(request: HttpRequest, wizard: Wizard, connection: XeroConnection) -> HttpResponse:
    """Begin a draft with what was ticked in a list elsewhere. Nothing but the draft comes of it."""
    asked = request.POST if request.method == "POST" else request.GET
    ids = wizard.keys([each for text in asked.getlist("ids") for each in text.split(",")], connection.tenant_id)
    if not ids:
        messages.warning(request, f"Nothing is selected. Tick at least one {wizard.noun[0]}.")
        return redirect(wizard.url)
    token = uuid4()
    drafts.change(token, wizard.name, connection.tenant_id, _user(request), drafts.choose(ids))
    address = wizard.address({}, draft=str(token))
    return redirect(f"{address}&view={SELECTION}")


def _starting(request: HttpRequest, wizard: Wizard, context: dict[str, Any]) -> HttpResponse | None:
    """Ask what a wizard asks before it has a list, unless the address answers it."""
    if wizard.start is None:
        return None
    is_answered = any(name in request.GET for name in wizard.start.answers)
    form = wizard.start(request.GET) if is_answered else wizard.start()
    if form.is_bound and form.is_valid():
        return None
    connection = context["connection"]
    context |= {"form": form, "ready": wizard.matching({}, connection.tenant_id).count()}
    if wizard.has_finder:
        context["answer"] = _find(request, {}, connection)
    return render(request, f"xero_sync/wizard/start_{wizard.page}.html", context, status=400 if form.errors else 200)


def _reading(request: HttpRequest, wizard: Wizard, context: dict[str, Any]) -> HttpResponse | None:
    """Ask what to read from Xero and show how that goes, unless the address has a draft and all is read."""
    standing = loading.standing(context["connection"], wizard.reads)
    form = wizard.filter(request.GET)
    context |= {"standing": standing, "form": form}
    if _draft_of(request.GET) and form.is_valid() and standing.is_loaded and not standing.is_loading:
        return None
    return render(request, "xero_sync/wizard/load.html", context, status=400 if form.errors else 200)


def _select_page(request: HttpRequest, wizard: Wizard, context: dict[str, Any]) -> HttpResponse:
    connection = context["connection"]
    draft = drafts.find(_draft_of(request.GET), wizard.name, connection.tenant_id)
    filters = wizard.filters(request.GET, connection)
    context |= _selecting(request, wizard, draft, filters or {}, connection)
    if wizard.has_finder:
        context["answer"] = _find(request, filters or {}, connection)
    if wizard.options and wizard.options_beside_list:
        context["options"] = wizard.options.of(draft.options)
    if wizard.compares:
        context["standing"] = loading.standing(connection, wizard.compares)
    return render(request, "xero_sync/wizard/select.html", context)


def _selecting(
    request: HttpRequest, wizard: Wizard, draft: Draft, filters: dict[str, Any], connection: XeroConnection
) -> dict[str, Any]:
    """Return the grid with the boxes as the draft has them, the chips, and the bar."""
    rule, viewing = draft.rule, request.GET.get("view") == SELECTION
    if wizard.excluded and request.GET.get("view") == EXCLUDED:
        return _excluding(request, wizard, wizard.excluded(filters, connection.tenant_id), draft, filters, connection)
    told = [] if viewing else chips(wizard, filters, connection.tenant_id)
    rows = (wizard.chosen if viewing else wizard.matching)(rule if viewing else filters, connection.tenant_id)
    grid = wizard.grid_listing.grid(
        request,
        rows,
        decorate=wizard.decorate(connection) if wizard.decorate else None,
        selection=None if is_other(rule, filters) and not viewing else wizard.selection(rule),
        # The chip of what is listed has counted it
        total=next((chip.number for chip in told if chip.is_current), None),
    )
    shown = bar(wizard, rule, filters, connection, matching=None if viewing else grid.total)
    if viewing:
        grid = replace(grid, filter=None)
    return {
        "grid": replace(grid, posts=True),
        "chips": told,
        "number_excluded": _number_excluded(wizard, filters, grid, shown),
        "number_offered": shown.matching,
        **_bar_context(wizard, shown, request.GET),
    }


def _number_excluded(wizard: Wizard, filters: dict[str, Any], grid: Grid, shown: Bar) -> int:
    """Return how many match the filters and can't be chosen."""
    if wizard.whole is None or grid.filter is None or grid.filter.errors:
        return 0
    return wizard.whole(filters).count() - shown.matching


def _excluding(
    request: HttpRequest,
    wizard: Wizard,
    excluded: Records,
    draft: Draft,
    filters: dict[str, Any],
    connection: XeroConnection,
) -> dict[str, Any]:
    """Return the grid of what can't be chosen, each with its reason."""
    shown = bar(wizard, draft.rule, filters, connection)
    # Unlike what can be chosen, the first of what can't are found at once, so only these are looked for
    grid = replace(wizard.grid_listing, at_first=1_000).grid(
        request,
        excluded,
        selection=replace(wizard.selection({}), refusal=wizard.why_excluded),
        total=wizard.whole(filters).count() - shown.matching if wizard.whole else None,
    )
    return {
        "grid": replace(grid, posts=True),
        "number_excluded": grid.total,
        "number_offered": shown.matching,
        "excluding": True,
        **_bar_context(wizard, shown, request.GET),
    }


def _bar_context(wizard: Wizard, shown: Bar, here: QueryDict) -> dict[str, Any]:
    viewing = here.get("view") == SELECTION
    return {"wizard": wizard, "bar": shown, "here": here.urlencode(), "viewing": viewing, "token": uuid4()}


def _find(request: HttpRequest, filters: dict[str, Any], connection: XeroConnection) -> finder.Answer | None:
    number = request.GET.get("find", "").strip()[:255]
    return finder.why(number, filters, connection.tenant_id) if number else None


@allow(*WRITERS)
@require_POST
@connected
@with_wizard
def load(request: HttpRequest, connection: XeroConnection, wizard: Wizard) -> HttpResponse:
    """Ask for a fresh copy of what Xero holds, and go to where it will be shown."""
    asked = QueryDict(request.POST.get("here", ""), mutable=True)
    for name in wizard.filter.base_fields:
        if values := [value for value in request.POST.getlist(name) if value]:
            asked.setlist(name, values)
    form = wizard.filter(asked)
    if not form.is_valid():
        context = {
            "connection": connection,
            "wizard": wizard,
            "steps": wizard.numbered_steps,
            "form": form,
            "standing": loading.standing(connection, wizard.reads),
        }
        return render(request, "xero_sync/wizard/load.html", context, status=400)
    loading.start(connection, wizard.reads)
    return redirect(f"{wizard.url}?{_with(asked, draft=_draft_of(asked) or uuid4())}")


@allow(*WRITERS)
@require_safe
def load_progress(request: HttpRequest, kind: str) -> HttpResponse:
    """Tell how far the loading is; when it is over, the page comes anew."""
    wizard = WIZARDS[kind]  # the address is the wizard's own
    standing = loading.standing_now(wizard.reads)
    if standing.is_loading:
        return render(request, "xero_sync/wizard/_loading.html", {"standing": standing, "wizard": wizard})
    answer = HttpResponseStopPolling()
    answer["HX-Refresh"] = "true"
    return answer


# --- ticking


@allow(*WRITERS)
@require_POST
@connected
@with_wizard
def select(request: HttpRequest, connection: XeroConnection, wizard: Wizard) -> HttpResponse:
    """Take over the ticks of a page and what was pressed with them. The grid's own links come here, too."""
    here = QueryDict(request.POST.get("here", ""), mutable=True)
    filters, token = wizard.filters(here, connection), _draft_of(here)
    if filters is None or token is None:
        return redirect(f"{wizard.url}?{here.urlencode()}")
    do = request.POST.get("do", "")
    step = _step(request, wizard, do, filters, connection)
    options = _options_beside_list(request, wizard)
    draft = drafts.change(token, wizard.name, connection.tenant_id, _user(request), step, options)
    if request.htmx:  # type: ignore[attr-defined]
        context = _bar_context(wizard, bar(wizard, draft.rule, filters, connection), here)
        return render(request, "xero_sync/wizard/_bar.html", context)
    return redirect(_after(request, wizard, do, here, draft.rule))


def _step(
    request: HttpRequest, wizard: Wizard, do: str, filters: dict[str, Any], connection: XeroConnection
) -> drafts.Step:
    match do:
        case "all":
            return drafts.choose_all(filters)
        case "clear":
            return drafts.clear
        case "paste":
            return _pasted(request, wizard, filters, connection)
    return _ticks(request, do)


def _ticks(request: HttpRequest, do: str = "") -> drafts.Step:
    shown = request.POST.getlist("shown")
    return drafts.tick(shown, shown if do == "page" else request.POST.getlist("ids"))


def _pasted(request: HttpRequest, wizard: Wizard, filters: dict[str, Any], connection: XeroConnection) -> drafts.Step:
    """Choose what a pasted list names, besides the ticks of the page, and say what of it isn't there."""
    # Only what was asked before there was a list counts: the list's own filters would hide what the person means
    started = {name: value for name, value in filters.items() if wizard.start and name in wizard.start.words}
    found = pasting.find(wizard, request.POST.get("paste", ""), started, connection.tenant_id)
    if found.keys:
        messages.success(request, f"{wizard.words(len(found.keys))} of your list selected.")
    if found.missing:
        messages.warning(request, found.missing_words(wizard))
    ticks, chosen = _ticks(request), drafts.choose(found.keys)
    return lambda rule: chosen(ticks(rule)) if found.keys else ticks(rule)


def _options_beside_list(request: HttpRequest, wizard: Wizard) -> dict[str, Any]:
    if wizard.options is None or not wizard.options_beside_list:
        return {}
    form = wizard.options(request.POST)
    return form.overrides() if form.is_valid() else {}


def _after(request: HttpRequest, wizard: Wizard, do: str, here: QueryDict, rule: Rule) -> str:
    """Return where a press leads: another page of the grid, other filters, the next step, or back."""
    if "go" in request.POST:
        return f"{wizard.url}?{QueryDict(request.POST['go'].lstrip('?')).urlencode()}"
    names = wizard.filter.base_fields
    match do:
        case "filter":
            return f"{wizard.url}?{_with(here, **{name: request.POST.getlist(name) for name in names})}"
        case "unfilter":
            return f"{wizard.url}?{_with(here, state=None, **dict.fromkeys(names))}"
        case "keep" if rule.get("all"):
            return wizard.address(rule.get("filters") or {}, draft=here.get("draft", ""))
        case "view" | "paste":
            return f"{wizard.url}?{_with(here)}&view={SELECTION}"
        case "list" | "clear":
            return f"{wizard.url}?{_with(here)}"
        case "next" if _is_any(rule):
            return f"{wizard.options_url}?{_with(here)}"
        case "next":
            messages.warning(request, f"Nothing is selected. Tick at least one {wizard.noun[0]}.")
    return f"{wizard.url}?{here.urlencode()}"


# --- options and check


@allow(*WRITERS)
@require_http_methods(["GET", "HEAD", "POST"])
@connected
@with_wizard
def options(request: HttpRequest, connection: XeroConnection, wizard: Wizard) -> HttpResponse:
    """Ask for the options of this run: of a selection that was just made, or of a job that was checked."""
    if request.method == "POST":
        return _keep_answers(request, wizard, connection)
    draft, job = _chosen_by(request.GET, wizard, connection)
    if not _is_any(draft.rule) or wizard.options is None:
        return redirect(f"{wizard.url}?{request.GET.urlencode()}")
    known = SyncOptions.of(connection).snapshot() | (job.options if job else {}) | draft.options
    return _show_options(request, wizard, wizard.options.of(known), draft, job, connection)


def _keep_answers(request: HttpRequest, wizard: Wizard, connection: XeroConnection) -> HttpResponse:
    """Keep what was answered so far, and show another page of the rows."""
    draft, job = _chosen_by(request.POST, wizard, connection)
    form = wizard.options(request.POST, known=_known(draft, job)) if wizard.options else None
    asked = QueryDict(request.POST.get("back_to", ""), mutable=True)
    if form and form.is_valid():
        if draft.pk is None:
            # A job that was checked: its selection goes on as a draft
            asked = QueryDict(f"draft={uuid4()}", mutable=True)
            rule = draft.rule
            draft = drafts.change(
                UUID(asked["draft"]),
                wizard.name,
                connection.tenant_id,
                _user(request),
                lambda _: rule,
                _known(draft, job),
            )
        _keep_options(request, wizard, draft, form.overrides())
    go = QueryDict(request.POST.get("go", "").lstrip("?"))
    for name in ("page", "rows", "sort"):
        if name in go:
            asked[name] = go[name]
    return redirect(f"{wizard.options_url}?{asked.urlencode()}")


def _known(draft: Draft, job: Job | None) -> dict[str, Any]:
    """Return the answers of this run so far."""
    known: dict[str, Any] = dict(draft.options)
    if job:
        known = {name: job.options[name] for name in jobs.CHOSEN_FOR_A_RUN if name in job.options} | known
    return known


def _show_options(
    request: HttpRequest, wizard: Wizard, form: OptionsForm, draft: Draft, job: Job | None, connection: XeroConnection
) -> HttpResponse:
    context = {
        "connection": connection,
        "wizard": wizard,
        "steps": wizard.numbered_steps,
        "step": wizard.select_step + 1,
        "form": form,
        "bar": bar(wizard, draft.rule, draft.rule.get("filters") or {}, connection),
        "job": job,
        "draft": draft.pk or "",
        "back": job.get_absolute_url() if job else f"{wizard.url}?{request.GET.urlencode()}",
        "here": request.GET.urlencode(),
        "token": uuid4(),
    }
    if wizard.options_grid:
        chosen = wizard.chosen(draft.rule, connection.tenant_id)
        context["grid"] = replace(wizard.options_grid(request, chosen, form.known), posts=True)
    return render(request, "xero_sync/wizard/options.html", context, status=400 if form.errors else 200)


@allow(*WRITERS)
@require_POST
@connected
@with_wizard
def start_check(request: HttpRequest, connection: XeroConnection, wizard: Wizard) -> HttpResponse:
    """Start a job that works out what would happen, and go to its page. A double click gives the same job."""
    draft, job = _rule_posted(request, wizard, connection)
    form = wizard.options(request.POST, known=_known(draft, job)) if wizard.options else None
    if not _is_any(draft.rule):
        messages.warning(request, f"Nothing is selected. Tick at least one {wizard.noun[0]}.")
        return redirect(f"{wizard.url}?{request.POST.get('here', '')}")
    if form and not form.is_valid():
        return _show_options(request, wizard, form, draft, job, connection)
    answered = form.overrides() if form else {}
    if draft.pk and answered:
        _keep_options(request, wizard, draft, answered)
    overrides = draft.options | answered
    rule = {**draft.rule, "draft": str(draft.pk)} if draft.pk else draft.rule
    made = jobs.start_check(
        wizard.kind,
        wizard.direction,
        rule,
        user=_user(request),
        overrides=overrides,
        token=_token(request, {"rule": rule, "overrides": overrides}),
    )
    return redirect(made)


def _keep_options(request: HttpRequest, wizard: Wizard, draft: Draft, answered: dict[str, Any]) -> None:
    """Going back finds the answers as they were."""
    drafts.change(draft.pk, wizard.name, draft.tenant_id, _user(request), lambda rule: rule, answered)


def _rule_posted(request: HttpRequest, wizard: Wizard, connection: XeroConnection) -> tuple[Draft, Job | None]:
    """Return what was chosen: on the page with these ticks, in a draft, by an earlier job, or as plain ids."""
    here = QueryDict(request.POST.get("here", ""))
    if token := _draft_of(here):
        return drafts.change(token, wizard.name, connection.tenant_id, _user(request), _ticks(request)), None
    if "draft" in request.POST or "job" in request.POST:
        return _chosen_by(request.POST, wizard, connection)
    ids = wizard.keys(request.POST.getlist("ids"), connection.tenant_id)
    return Draft(pk=None, kind=wizard.name, tenant_id=connection.tenant_id, rule={"ids": ids}), None


def _chosen_by(asked: QueryDict, wizard: Wizard, connection: XeroConnection) -> tuple[Draft, Job | None]:
    """Return the draft that an address names, or what an earlier job was made of."""
    number = asked.get("job", "")
    if number.isdecimal():
        jobs_here = Job.objects.filter(kind=wizard.kind, direction=wizard.direction, tenant_id=connection.tenant_id)
        job = get_object_or_404(jobs_here, pk=number)
        return Draft(pk=None, kind=wizard.name, tenant_id=connection.tenant_id, rule=job.selection), job
    return drafts.find(_draft_of(asked), wizard.name, connection.tenant_id), None


def _is_any(rule: Rule) -> bool:
    return bool(rule.get("all") or rule.get("ids"))


def _token(request: HttpRequest, chosen: dict[str, Any]) -> UUID:
    """Return the job's token: the page's own, so that a second click gives the same job, and of what was chosen,
    so that going back and choosing otherwise gives another."""
    page = _uuid(request.POST.get("token", "")) or uuid4()
    return uuid5(NAMESPACE_URL, f"{page}{json.dumps(chosen, sort_keys=True)}")


# --- pieces


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
    parts = {name: values for name, values in asked.lists() if name not in NOT_CARRIED} | changes
    lists = {name: value if isinstance(value, list) else [value] for name, value in parts.items()}
    return urlencode({name: kept for name, values in lists.items() if (kept := [v for v in values if v])}, doseq=True)
