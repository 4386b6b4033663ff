"""What support needs to know of a job: a few lines to copy, and a file with all of it."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import IO, Any

from django.conf import settings

from bmsxero import __version__, csv_files
from bmsxero.logs import without_secrets
from xero_sync import credentials, job_words, redaction
from xero_sync.models import Job, JobRow, LogLine, XeroRequest

#: So many of Xero's request ids are told in the lines to copy, the newest first.
MOST_IDS = 10
#: A file stays in memory up to this size.
IN_MEMORY = 5_000_000
CHUNK = 1000

Row = JobRow.State


def facts(job: Job) -> str:
    """Return what to copy into a mail: no secrets, no customers."""
    return "\n".join(f"{name}: {value}" for name, value in _facts(job) if value) + "\n"


def _facts(job: Job) -> Iterator[tuple[str, str]]:
    counts = job.counts or {}
    yield "Job", f"{job.number} ({job_words.title(job)})"
    yield "State", f"{job_words.job_badge(job)}{f', {job.wait_why}' if job.wait_why else ''}"
    yield "Address", f"{settings.SITE_URL.rstrip('/')}/j/{job.number}"
    yield "Organisation", f"{job.connection.name}{', simulated' if credentials.is_simulated() else ''}"
    yield "Xero tenant", job.tenant_id
    yield "Application", f"BMS Finance {__version__}"
    for name, time in (
        ("Created", job.created),
        ("Checked", job.checked_at),
        ("Sent", job.sent_at),
        ("Started", job.started_at),
        ("Last activity", job.last_activity),
        ("Ended", job.finished_at),
        ("Waits until", job.wait_until),
    ):
        yield name, _utc(time)
    yield "Retry of", f"Job {job.retry_of_id}" if job.retry_of_id else ""
    yield "Records", f"{counts.get('total', 0)}"
    yield "By check", _numbers(job_words.counts(job, "outcome"))
    yield "By state", _numbers(job_words.counts(job, "state"))
    for kind, numbers in sorted((counts.get("also") or {}).items()):
        yield f"Along with it, {kind}", _numbers(numbers)
    yield "Calls to Xero", f"{job.calls}"
    yield "Problem", redaction.words(job.problem)
    yield "Error id", job.error_id
    yield "First error", _first_error(job)
    yield "Xero request ids", ", ".join(without_secrets(each) for each in _request_ids(job))


def _utc(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time else ""


def _numbers(numbers: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in sorted(numbers.items()))


def _first_error(job: Job) -> str:
    row = job.rows.filter(state__in=(Row.FAILED, Row.UNKNOWN, Row.NEEDS_REVIEW)).order_by("stage", "id").first()
    if row is None:
        return ""
    theirs = f" Xero says: {redaction.words(row.xero_message, [row])}" if row.xero_message else ""
    return f"{redaction.record(row)} [{row.reason or 'no reason'}] {redaction.words(row.message, [row])}{theirs}"


def _request_ids(job: Job) -> list[str]:
    known = job.requests.exclude(correlation_id="").order_by("-created")
    return list(known.values_list("correlation_id", flat=True)[:MOST_IDS])


# --- the file


def bundle(job: Job) -> IO[bytes]:
    """Return a zip of the job's facts, rows, log and calls to Xero. The caller closes it."""
    made = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 -- the answer that sends it closes it
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, lines in (
            ("facts.txt", [facts(job)]),
            ("rows.csv", csv_files.lines(_rows(job))),
            ("log.csv", csv_files.lines(_log(job))),
            ("requests.txt", _requests(job)),
        ):
            with pack.open(f"job-{job.number}/{name}", "w") as file:
                for line in lines:
                    file.write(line.encode())
    made.seek(0)
    return made


def _rows(job: Job) -> Iterator[Iterable[Any]]:
    names = ("id", "kind", "requested", "stage", "record_key", "outcome", "state", "reason", "how", "currency",
             "amount", "our_total", "xero_total", "xero_id", "attempts", "deaths")  # fmt: skip
    yield [*names, "record", "message", "warning", "xero_message", "changes", "request"]
    for row in job.rows.order_by("stage", "id").iterator(chunk_size=CHUNK):
        told = [redaction.words(text, [row]) for text in (row.message, row.warning, row.xero_message)]
        changes = ", ".join(str(change[0]) for change in row.diff)  # which fields; what is in them may be personal
        plain = [getattr(row, name) for name in names]
        yield [*plain, redaction.record(row), *told, changes, row.request_id or ""]


def _log(job: Job) -> Iterator[Iterable[Any]]:
    yield ["line", "time_utc", "step", "record", "action", "outcome", "message", "xero_request_id"]
    for line in job.log.select_related("row").order_by("id").iterator(chunk_size=CHUNK):
        yield _log_cells(line)


def _log_cells(line: LogLine) -> list[Any]:
    record = redaction.record(line.row) if line.row else redaction.words(line.record)
    message, theirs = redaction.words(line.message, [line.row]), without_secrets(line.correlation_id)
    return [line.pk, line.time, line.step, record, line.action, line.outcome, message, theirs]


def _requests(job: Job) -> Iterator[str]:
    for request in job.requests.order_by("created").prefetch_related("rows").iterator(chunk_size=20):
        yield from chain(_call(request), ["\n"])


def _call(request: XeroRequest) -> Iterator[str]:
    yield f"{request.method} {without_secrets(request.path)}\n"
    yield f"id {request.pk}, {request.state}, sha256 {request.sha256}\n"
    yield f"sent {_utc(request.sent_at)}, answered {_utc(request.answered_at)}, status {request.http_status}\n"
    yield f"Xero request id {without_secrets(request.correlation_id)}\n"
    rows = list(request.rows.all())
    yield f"{redaction.for_support(bytes(request.body).decode(errors='replace'), rows)}\n"
    if request.answer:
        yield f"answer: {redaction.for_support(request.answer, rows)}\n"
