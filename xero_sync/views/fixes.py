"""Mending on the page of a check: decide, choose accounts, take over codes, change this run's options."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from bmsxero.roles import WRITERS, allow
from xero_sync import fixes, jobs
from xero_sync.models import Job
from xero_sync.views.jobs import numbered

SENT = "Job {} was sent already, so nothing of it can be changed."


def _user(request: HttpRequest) -> User:
    user: User = request.user  # type: ignore[assignment]  # behind `allow`
    return user


def _plural(number: int, one: str) -> str:
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


@allow(*WRITERS)
@require_POST
@numbered
def decide(request: HttpRequest, job: Job) -> HttpResponse:
    """Take over decisions, or take them all back, and check anew."""
    forget = "forget" in request.POST
    choices = dict.fromkeys(job.choices, "") if forget else fixes.choices_of(job, request.POST)
    if not choices:
        messages.warning(request, "Nothing is decided. Choose an answer for at least one record.")
    elif jobs.decide(job, choices):
        words = "Decisions were taken back." if forget else f"{_plural(len(choices), 'decision')} made."
        fixes.note(job, _user(request), words)
        messages.success(request, words)
    else:
        messages.info(request, SENT.format(job.number))
    return redirect(job)


@allow(*WRITERS)
@require_POST
@numbered
def fix(request: HttpRequest, job: Job) -> HttpResponse:
    """Mend what many rows have in common, and check anew. What is to be mended is worked out here, not posted."""
    if job.state != Job.State.CHECKED:
        messages.info(request, SENT.format(job.number))
        return redirect(job)
    words = _mend(request, job)
    if words:
        fixes.note(job, _user(request), words)
        messages.success(request, words)
    else:
        messages.warning(request, "Nothing was changed. Choose one of what is offered.")
    return redirect(job)


def _mend(request: HttpRequest, job: Job) -> str:
    match request.POST.get("what", ""):
        case "account":
            number = fixes.set_account(job, request.POST.get("field", ""), request.POST.get("account", ""))
            words = f"The account of {_plural(number, 'item')} was set." if number else ""
        case "codes":
            number = jobs.use_suggestions(job)
            words = f"{_plural(number, 'item')} got the suggested code." if number else ""
        case "option":
            return (
                "The options of this run were changed." if fixes.set_option(job, request.POST.get("option", "")) else ""
            )
        case _:
            return ""
    if words:
        jobs.recheck(job)
    return words
