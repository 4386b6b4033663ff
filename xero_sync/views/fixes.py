"""Mending on the page of a check: decide, choose accounts and taxes, take over codes, change options, leave out."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from bmsxero.roles import ADMINS, WRITERS, allow, only
from xero_sync import fix_accounts, fix_rows, fix_taxes, fixes, rechecks
from xero_sync.job_words import noun
from xero_sync.mending import Mended, NotMended
from xero_sync.models import Job
from xero_sync.rechecks import Rechecked
from xero_sync.views.jobs import numbered

SENT = "Job {} was sent already, so nothing of it can be changed."
#: What of the page's address is kept: the tab, and where in it.
KEPT = ("show", "page", "rows", "sort")
#: What becomes of rows, by their new outcome: of one, of several.
NOW = {
    "create": ("will now be created", "will now be created"),
    "update": ("will now be updated", "will now be updated"),
    "link": ("will now be linked", "will now be linked"),
    "archive": ("will now be archived", "will now be archived"),
    "skip": ("is skipped now", "are skipped now"),
    "decide": ("needs a decision now", "need a decision now"),
    "fail": ("can't go now", "can't go now"),
}


def _decide(request: HttpRequest, job: Job) -> Mended:
    return fixes.decide(job, fixes.choices_of(job, request.POST))


def _forget(_: HttpRequest, job: Job) -> Mended:
    return fixes.forget(job)


def _account(request: HttpRequest, job: Job) -> Mended:
    return fix_accounts.set_account(job, request.POST.get("field", ""), request.POST.get("account", ""))


def _default(request: HttpRequest, job: Job) -> Mended:
    only(request, *ADMINS)
    asked = request.POST
    return fix_accounts.set_default(job, asked.get("name", ""), asked.get("account", ""), _user(request))


def _tax(request: HttpRequest, job: Job) -> Mended:
    only(request, *ADMINS)
    return fix_taxes.set_tax(job, request.POST.get("rate", ""), request.POST.get("tax_type", ""))


def _codes(request: HttpRequest, job: Job) -> Mended:
    typed = {name.removeprefix("code:"): str(code) for name, code in request.POST.items() if name.startswith("code:")}
    return fix_rows.set_codes(job, typed)


def _number(request: HttpRequest, job: Job) -> Mended:
    return fix_rows.set_number(job, request.POST.get("record", ""), request.POST.get("number", ""))


def _option(request: HttpRequest, job: Job) -> Mended:
    return fixes.set_option(job, request.POST.get("fix", "").removeprefix("option:"))


def _leave_group(request: HttpRequest, job: Job) -> Mended:
    held_up = job.rows.filter(outcome__in=rechecks.HELD_UP)
    return fix_rows.leave_out(job, held_up.filter(reason=request.POST.get("reason", "")))


def _all_back(_: HttpRequest, job: Job) -> Mended:
    return fix_rows.put_all_back(job)


def _leave(request: HttpRequest, job: Job) -> Mended:
    if "back" in request.POST:
        return fix_rows.put_back(job, job.rows.filter(record_key=request.POST["back"]))
    return fix_rows.leave_out(job, job.rows.filter(record_key=request.POST.get("leave", "")))


def _nothing(_: HttpRequest, job: Job) -> Mended:
    raise NotMended


FIXES: dict[str, Callable[[HttpRequest, Job], Mended]] = {
    "account": _account,
    "default": _default,
    "tax": _tax,
    "codes": _codes,
    "number": _number,
    "option": _option,
    "leave_group": _leave_group,
    "all_back": _all_back,
}


@allow(*WRITERS)
@require_POST
@numbered
def decide(request: HttpRequest, job: Job) -> HttpResponse:
    """Take over decisions, or take them all back."""
    return _mend(request, job, _forget if "forget" in request.POST else _decide)


@allow(*WRITERS)
@require_POST
@numbered
def fix(request: HttpRequest, job: Job) -> HttpResponse:
    """Mend what many rows have in common. What is to be mended is worked out here, not posted."""
    what, _, _ = (request.POST.get("fix") or request.POST.get("what", "")).partition(":")
    return _mend(request, job, FIXES.get(what, _nothing))


@allow(*WRITERS)
@require_POST
@numbered
def leave(request: HttpRequest, job: Job) -> HttpResponse:
    """Leave rows of a list out, or take them up again."""
    return _mend(request, job, _leave, beside="rows")


def _mend(request: HttpRequest, job: Job, mend: Callable[[HttpRequest, Job], Mended], beside: str = "") -> HttpResponse:
    """Mend something, decide at once what it touches, and come back with a sentence of what changed.

    `beside`: the part of the page where it was pressed, if that is where to go on rather than at the sentence.
    """
    if job.state != Job.State.CHECKED:
        messages.info(request, SENT.format(job.number))
        return redirect(job)
    try:
        mended = mend(request, job)
    except NotMended as error:
        messages.warning(request, error.message, extra_tags="focus")
        return _back(request, job, beside)
    result = rechecks.after(job, mended.touched)
    if result is None:
        messages.info(request, SENT.format(job.number))
        return redirect(job)
    fixes.note(job, _user(request), mended.words)
    messages.success(request, f"{mended.words} {_told(job, result)}".strip(), extra_tags="" if beside else "focus")
    return _back(request, job, beside)


def _told(job: Job, result: Rechecked) -> str:
    """Say what became of the rows."""
    if result.by_worker:
        return f"{result.by_worker}, so everything is being checked again."
    words = [f"{noun(job.kind, number)} {NOW[name][number != 1]}." for name, number in sorted(result.now.items())]
    if result.other:
        words.append(f"{noun(job.kind, result.other)} still can't go, for another reason.")
    return " ".join(words)


def _back(request: HttpRequest, job: Job, beside: str) -> HttpResponse:
    """Go back to the same tab; while a worker checks everything again, to the page that shows how far it is."""
    if job.state != Job.State.CHECKED:
        url = job.get_absolute_url()
        return HttpResponseClientRedirect(url) if request.htmx else redirect(url)  # type: ignore[attr-defined]
    asked, kept = QueryDict(request.POST.get("here", "")), QueryDict(mutable=True)
    for name in KEPT:
        if name in asked:
            kept[name] = asked[name]
    query, part = f"?{kept.urlencode()}" if kept else "", f"#{beside}" if beside else ""
    return redirect(f"{job.get_absolute_url()}{query}{part}")


def _user(request: HttpRequest) -> User:
    user: User = request.user  # type: ignore[assignment]  # behind `allow`
    return user
