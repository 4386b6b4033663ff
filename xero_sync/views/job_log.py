"""The transaction log of a job: search, live lines, and what was sent to Xero for one of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from bmsxero.roles import EVERYONE, allow, who
from xero_sync import job_words, redaction
from xero_sync.job_lists import LOG
from xero_sync.models import Job, JobRow, LogLine, XeroRequest
from xero_sync.views.jobs import MOVING, file_name, numbered

#: A body is shown up to this length.
LONGEST = 40_000


@allow(*EVERYONE)
@require_safe
@numbered
def log(request: HttpRequest, job: Job) -> HttpResponseBase:
    lines = LogLine.objects.filter(job=job)
    if line := request.GET.get("line", ""):
        return redirect(_place_of(job, line))
    after = request.GET.get("after", "")
    if after.isdecimal():
        return _tail(request, job, int(after[:18]))
    grid = LOG.grid(request, lines, csv_url=reverse("xero_sync:log_csv", args=[job.number]))
    is_end = not grid.page.has_next() and not grid.is_cut
    follows = job.state in MOVING and bool(grid.rows) and is_end
    context = {"job": job, "badge": job_words.job_badge(job), "title": job_words.title(job), "grid": grid}
    context |= {"is_moving": job.state in MOVING, "last_page": grid.page.paginator.num_pages}
    return render(request, "xero_sync/jobs/log.html", context | _following(request, grid, follows=follows))


def _tail(request: HttpRequest, job: Job, after: int) -> HttpResponse:
    """Answer what has been written since a line: rows for the end of the table, and where to ask for the next."""
    grid = LOG.grid(request, LogLine.objects.filter(job=job, pk__gt=after))
    follows = job.state in MOVING or grid.page.has_next()
    context = {"job": job, "grid": grid} | _following(request, grid, follows=follows, after=after)
    return render(request, "xero_sync/jobs/_log_tail.html", context)


def _following(request: HttpRequest, grid: Any, *, follows: bool, after: int = 0) -> dict[str, Any]:
    if not follows:
        return {"tail_url": ""}
    asked = request.GET.copy()
    asked.pop("page", None)
    asked["after"] = str(grid.rows[-1].record.pk if grid.rows else after)
    return {"tail_url": f"?{asked.urlencode()}", "tail": "xero_sync/jobs/_log_follow.html"}


def _place_of(job: Job, line: str) -> str:
    """Return the page of the whole log that a line stands on, so that a link to a line never goes stale."""
    number = int(line[:18]) if line.isdecimal() else 0
    before = LogLine.objects.filter(job=job, pk__lt=number).count()
    page = before // LOG.page_size + 1
    return f"{reverse('xero_sync:log', args=[job.number])}?page={page}#t{number}"


@allow(*EVERYONE)
@require_safe
@numbered
def log_csv(request: HttpRequest, job: Job) -> HttpResponseBase:
    return LOG.csv(request, LogLine.objects.filter(job=job), file_name(job, "log"))


@allow(*EVERYONE)
@require_safe
def call(request: HttpRequest, number: int, line: int) -> HttpResponse:
    """Show the call to Xero behind a line. Who may not read the records sees its structure, ids and amounts only."""
    found = LogLine.objects.select_related("job", "row", "request").filter(pk=line, job_id=number).first()
    if found is None or found.request is None:
        raise Http404
    body, answer = bytes(found.request.body).decode(errors="replace"), found.request.answer
    mine, number = _own(body, found.row)
    whole_url = f"{request.path}?whole=1" if mine and "whole" not in request.GET else ""
    reads = who(request.user).reads
    rows = [] if reads else list(found.request.rows.all())
    sent, answer = (
        redaction.readable(text) if reads else redaction.for_support(text, rows)
        for text in (mine if whole_url else body, answer)
    )
    context = {"job": found.job, "line": found, "call": found.request, "hides": not reads, "columns": len(LOG.shown)}
    context |= {"sent": sent[:LONGEST], "is_cut": len(sent) > LONGEST, "answer": answer, "took": _took(found.request)}
    theirs = redaction.words(found.row.xero_message, [] if reads else [found.row]) if found.row else ""
    context |= {"whole_url": whole_url, "sent_along": number, "theirs": theirs}
    page = "xero_sync/jobs/_call_row.html" if request.htmx else "xero_sync/jobs/call.html"  # type: ignore[attr-defined]
    return render(request, page, context)


def _own(body: str, row: JobRow | None) -> tuple[str, int]:
    """Return the part of a body that is about a row, and how many records the body has; blank if it is not plain."""
    try:
        ((name, elements),) = redaction.decode(body).items()
    except (ValueError, AttributeError):
        return "", 0
    if row is None or not isinstance(elements, list) or len(elements) < 2:
        return "", 0
    known = {row.label, row.xero_number, row.xero_id} - {""}
    mine = [each for each in elements if any(value in known for value in each.values() if isinstance(value, str))]
    return (redaction.laid_out({name: mine}), len(elements)) if len(mine) == 1 else ("", 0)


def _took(sent: XeroRequest) -> str:
    """Return how long Xero took; blank where it has not answered."""
    if sent.sent_at is None or sent.answered_at is None:
        return ""
    length = sent.answered_at - sent.sent_at
    return f"{length // timedelta(milliseconds=1):,} ms" if length < timedelta(seconds=10) else job_words.span(length)
