"""Jobs: the list, the page of one (Check, run and Result by its state), its log, and short links."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag, url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseStopPolling

from bmsxero.roles import EVERYONE, READERS, WRITERS, allow
from finance.models import Invoice
from xero_sync import clock, engine, job_pages, job_progress, job_words, jobs, notices, support
from xero_sync.job_lists import FILE_ROWS, JOBS
from xero_sync.models import DeepLink, Job, JobRow

MOVING = (*Job.OPEN, Job.State.CHECKING)


def numbered(view: Any) -> Any:
    """Give a view the job of the number in its address, or say that there is none."""

    def found(request: HttpRequest, number: int) -> HttpResponseBase:
        known = job_progress.with_queue(Job.objects.select_related("connection", "retry_of"))
        job = known.filter(pk=number).first()
        if job is None:
            return render(request, "xero_sync/jobs/unknown.html", {"number": number}, status=404)
        answer: HttpResponseBase = view(request, job)
        return answer

    return found


# --- reading


@allow(*EVERYONE)
@require_safe
def job_list(request: HttpRequest) -> HttpResponse:
    number = request.GET.get("job", "").strip().removeprefix("#")
    if number.isdecimal():
        return redirect("xero_sync:job", number=int(number[:18]))
    grid = JOBS.grid(request, Job.objects.select_related("connection"))
    return render(request, "xero_sync/jobs/list.html", {"grid": grid})


@allow(*EVERYONE)
@require_safe
@numbered
def job(request: HttpRequest, job: Job) -> HttpResponse:
    context: dict[str, Any] = {
        "job": job,
        "title": job_words.title(job),
        "badge": job_words.job_badge(job),
        "duration": job_pages.duration(job),
        **job_pages.wizard_urls(job),
        "retries": list(job.retries.order_by("pk")),
        "token": uuid4(),
        **job_pages.steps(job),
    }
    if job.is_ended and job.seen_at is None and job.created_by_id == request.user.pk:
        notices.see(request.user, job)
    if job.state in MOVING:
        engine.nudge()
        context |= {"progress": job_progress.progress(job), "reads": request.path}
        return render(request, "xero_sync/jobs/running.html", context)
    if job.sent_at is None:
        return render(request, "xero_sync/jobs/checked.html", context | job_pages.checked(request, job))
    return render(request, "xero_sync/jobs/result.html", context | job_pages.result(request, job))


@allow(*EVERYONE)
@require_safe
@numbered
def progress(request: HttpRequest, job: Job) -> HttpResponseBase:
    """Answer the page's polling: 304 where nothing but time has passed. Once the job has ended or was checked, the
    page comes anew."""
    if job.state in MOVING:
        now = job_progress.progress(job)
        etag = quote_etag(now.etag)
        same = get_conditional_response(request, etag=etag)
        answer = same or render(request, "xero_sync/jobs/_progress.html", {"job": job, "progress": now})
        # Kept by the page itself, so that the browser hands a 304 on to it
        answer.headers["ETag"], answer.headers["Cache-Control"] = etag, "no-store"
        return answer
    over = HttpResponseStopPolling()
    over["HX-Refresh"] = "true"
    return over


@allow(*EVERYONE)
@require_safe
@numbered
def rows_csv(request: HttpRequest, job: Job) -> HttpResponseBase:
    return FILE_ROWS.csv(request, JobRow.objects.filter(job=job).select_related("job"), file_name(job, "rows"))


def file_name(job: Job, what: str, ending: str = "csv") -> str:
    """Return what a file about a job is called: by its number, and the day it was taken."""
    return f"job-{job.number}-{what}-{timezone.localdate()}.{ending}"


@allow(*EVERYONE)
@require_safe
@numbered
def support_text(request: HttpRequest, job: Job) -> HttpResponseBase:
    answer = HttpResponse(support.facts(job), content_type="text/plain; charset=utf-8")
    answer.headers["Cache-Control"] = "no-store"
    return answer


@allow(*EVERYONE)
@require_safe
@numbered
def support_zip(request: HttpRequest, job: Job) -> HttpResponseBase:
    answer = FileResponse(support.bundle(job), as_attachment=True, filename=file_name(job, "support", "zip"))
    answer.headers["Cache-Control"] = "no-store"
    return answer


@allow(*EVERYONE)
@require_safe
def short_link(request: HttpRequest, number: int) -> HttpResponse:
    return redirect("xero_sync:job", number=number)


@allow(*READERS)
@require_safe
def deep_link(request: HttpRequest, uuid: UUID) -> HttpResponse:
    """Lead from Xero to our invoice. The address belongs to one export: after a reset the page says so."""
    link = get_object_or_404(DeepLink, uuid=uuid, kind="invoices")
    invoice = get_object_or_404(Invoice, uuid=link.local_id)
    if link.released_at:
        words = f"{invoice.number} was reset here: the document in Xero that you come from is no longer linked to it."
        messages.warning(request, words)
    return redirect(invoice)


# --- doing


@allow(*EVERYONE)
@require_POST
def put_away(request: HttpRequest) -> HttpResponse:
    """Take what the top of the page tells of jobs that have ended as seen."""
    notices.see(request.user)
    back = request.POST.get("next", "")
    return redirect(back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "xero_sync:jobs")


@allow(*WRITERS)
@require_POST
@numbered
def send(request: HttpRequest, job: Job) -> HttpResponse:
    """Send what was checked. What was checked long ago is checked again first, and nothing is sent."""
    first = jobs.TRIAL if "try" in request.POST else None
    if job.state != Job.State.CHECKED:
        messages.info(request, _once(job))
    elif (words := job_pages.consent(job, first)) and not request.POST.get("posts"):
        messages.error(request, f"Nothing was sent. Tick “{words}” first.")
    elif job.checked_at and job.checked_at < clock.now() - jobs.CHECK_FRESHNESS:
        _recheck_first(request, job)
    elif first and not jobs.trial(job):
        messages.error(request, "Nothing was imported. Only exports can be tried with a few records first.")
    elif not jobs.send(job, user=_user(request), first=first):
        messages.info(request, _once(job))
    return redirect(job)


def _once(job: Job) -> str:
    done = "imported" if job_words.is_import(job) else "sent"
    return f"Job {job.number} has been {done} already. Nothing was {done} twice."


def _recheck_first(request: HttpRequest, job: Job) -> None:
    age = job_words.span(clock.now() - (job.checked_at or clock.now()))
    done, act = ("imported", "import") if job_words.is_import(job) else ("sent", "send")
    if jobs.recheck(job):
        messages.warning(
            request,
            f"This was checked {age} ago, so it is being checked again. Nothing was {done} yet: "
            f"look at it once more, then {act}.",
        )


@allow(*WRITERS)
@require_POST
@numbered
def recheck(request: HttpRequest, job: Job) -> HttpResponse:
    if not jobs.recheck(job):
        messages.info(request, f"Job {job.number} can't be checked again: it is {job.get_state_display().lower()}.")
    return redirect(job)


@allow(*WRITERS)
@require_POST
@numbered
def stop(request: HttpRequest, job: Job) -> HttpResponse:
    if job.is_open:
        jobs.stop(job, user=_user(request))
    else:
        messages.info(request, f"Job {job.number} is not running.")
    return redirect(job)


@allow(*WRITERS)
@require_POST
@numbered
def look_again(request: HttpRequest, job: Job) -> HttpResponse:
    """Ask Xero again about what needs review, after a person has looked."""
    if not jobs.look_again(job, user=_user(request)):
        messages.info(request, f"Nothing of Job {job.number} can be looked up again.")
    return redirect(job)


@allow(*WRITERS)
@require_POST
@numbered
def retry(request: HttpRequest, job: Job) -> HttpResponse:
    """Check what failed once more, as a new job. Of a check that failed as a whole, check everything again."""
    token = _token(request)
    if job.sent_at is None and job.is_ended:
        overrides = {name: job.options[name] for name in jobs.CHOSEN_FOR_A_RUN if name in job.options}
        made = jobs.start_check(
            job.kind, job.direction, job.selection,
            user=_user(request), overrides=overrides, token=token, retry_of=job, choices=job.choices,
        )  # fmt: skip
        return redirect(made)
    if not job.is_ended or not jobs.retryable(job).exists():
        messages.info(request, f"Nothing of Job {job.number} is left to retry.")
        return redirect(job)
    return redirect(jobs.retry(job, user=_user(request), token=token))


def _token(request: HttpRequest) -> UUID | None:
    try:
        return UUID(request.POST.get("token", ""))
    except ValueError:
        return None


def _user(request: HttpRequest) -> User:
    user: User = request.user  # type: ignore[assignment]  # behind `allow`
    return user
