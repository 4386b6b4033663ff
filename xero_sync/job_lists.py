"""The lists of jobs, of a job's rows and of its log: columns, filters, and where their links lead."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import NoReverseMatch, reverse

from bmsxero.listing import Badge, Column, Empty, Filter, Listing, Tone
from finance.lists import DateInput
from finance.models import Payment
from xero_sync import job_words
from xero_sync.job_words import NOUNS, RowState
from xero_sync.kinds import EXPORTS
from xero_sync.models import Job, JobRow, LogLine, XeroLink

State = Job.State

# --- jobs

#: States that a person asks for, and the job states behind them.
STATE_CHOICES: dict[str, tuple[str, tuple[str, ...]]] = {
    "open": ("Running or waiting", tuple(Job.OPEN)),
    "completed": ("Completed", (State.COMPLETED,)),
    "failures": ("Completed with failures", (State.COMPLETED_WITH_FAILURES,)),
    "attention": ("Needs attention", (State.NEEDS_ATTENTION,)),
    "stopped": ("Stopped", (State.STOPPED,)),
    "unsent": ("Checks not sent", (State.CHECKING, State.CHECKED, State.EXPIRED)),
}
TYPES = [(f"{way}-{kind}", f"{label} {words[1]}") for way, label in Job.Direction.choices
         for kind, words in NOUNS.items()
         if kind in ({"payments", "contacts", "account_codes", "items"} if way == Job.Direction.IMPORT
                     else {each.name for each in EXPORTS})]  # fmt: skip


def _date(label: str) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=DateInput())


class JobFilter(Filter):
    touches = forms.CharField(
        label="Touches record", required=False, max_length=200, widget=forms.SearchInput,
    )  # fmt: skip
    type = forms.ChoiceField(label="Type", required=False, choices=[("", "All"), *TYPES])
    state = forms.ChoiceField(
        label="State",
        required=False,
        choices=[("", "All that were sent"), *((name, label) for name, (label, _) in STATE_CHOICES.items())],
    )
    who = forms.ModelChoiceField(User.objects.none(), label="Who", required=False, empty_label="Anybody")
    started_from = _date("Started from")
    started_to = _date("Started to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        starters = Job.objects.filter(created_by=OuterRef("pk"))
        users: Any = self.fields["who"]
        users.queryset = User.objects.filter(Exists(starters)).order_by("username")

    def narrow(self, rows: QuerySet[Job]) -> QuerySet[Job]:
        asked = self.cleaned_data
        if text := asked["touches"].strip():
            touched = JobRow.objects.filter(job=OuterRef("pk")).filter(
                Q(label__icontains=text) | Q(detail__icontains=text) | Q(xero_number__iexact=text)
            )
            rows = rows.filter(Exists(touched))
        if asked["type"]:
            direction, kind = asked["type"].split("-")
            rows = rows.filter(direction=direction, kind=kind)
        rows = rows.filter(state__in=STATE_CHOICES[asked["state"]][1]) if asked["state"] else rows.filter(SENT)
        exact = {
            "created_by": asked["who"],
            "created__date__gte": asked["started_from"],
            "created__date__lte": asked["started_to"],
        }
        return rows.filter(**{name: value for name, value in exact.items() if value})


#: Checks that nobody sent are left out unless asked for; one that failed to check is shown, since it needs somebody.
SENT = Q(sent_at__isnull=False) | Q(state=State.NEEDS_ATTENTION)


def duration(job: Job) -> str:
    """Return how long sending took, in words; blank while nothing was sent or it still goes on."""
    if job.finished_at is None or job.sent_at is None:
        return ""
    return job_words.span(job.finished_at - job.sent_at)


JOBS = Listing(
    caption="Jobs",
    columns=(
        Column("number", "Job#", value=lambda job: job.number, cell="link", sort=("pk",)),
        Column("what", "What", value=job_words.title),
        Column("organisation", "Organisation", value=lambda job: job.connection.name),
        Column("who", "Who", value=lambda job: job.created_as, sort=("created_as",)),
        Column("created", "Started", cell="moment", sort=("created",)),
        Column("duration", "Duration", value=duration, cell="xero_sync/jobs/cells/short.html"),
        Column("state", "State", value=job_words.job_badge, cell="badge"),
        Column("result", "Result", value=job_words.result, cell="xero_sync/jobs/cells/result.html"),
        Column("retry_of", "Retry of", value=lambda job: job.retry_of_id, cell="xero_sync/jobs/cells/job.html"),
    ),
    empty=Empty(
        "No jobs yet",
        "Each export and each import is a job with a number of its own. What it did stays here.",
        icon="list-check",
    ),
    sort="-number",
    filter=JobFilter,
)  # fmt: skip


# --- rows

#: Where the page of a row's record is; a payment's row leads to its invoice.
_PAGES = {
    "invoices": "finance:invoice",
    "contacts": "crm:account",
    "payments": "finance:invoice",
    "credits": "finance:invoice",
    "voids": "finance:invoice",
}
#: Where Xero shows a record of a kind to a person.
APP_PATHS = {kind.name: kind.app_path for kind in EXPORTS if kind.app_path}
#: What a fix link leads to, where it is no path but a word.
FIXES = {"options": ("xero_sync:options", "Open Options"), "tax_mapping": ("xero_sync:tax_mapping", "Match tax rates")}


_PLACES = (
    ("/crm/accounts/", "Open the account"),
    ("/finance/invoices/", "Open the invoice"),
    ("/finance/xero/links/", "Open the link"),
)


def record_url(row: JobRow) -> str:
    """Return where the row's record is here; blank for kinds without pages of their own."""
    page = _PAGES.get(row.kind)
    if page is None or row.record_id is None:
        return ""
    try:
        return reverse(page, args=[row.record_id])
    except NoReverseMatch:
        return ""


def xero_url(row: JobRow, job: Job) -> str:
    """Return where the row's record is in Xero; blank where it isn't, or has no page."""
    path = APP_PATHS.get(row.kind)
    return job.connection.app_url(f"{path}/{row.xero_id}") if path and row.xero_id else ""


def fix(fix_url: str, in_place: Collection[str] = ()) -> tuple[str, str] | None:
    """Return address and label of where a cause can be mended; `in_place` are words whose place is this very page."""
    if fix_url in in_place:
        return "#mend", "Mend it above"
    if fix_url in FIXES:
        name, label = FIXES[fix_url]
        return reverse(name), label
    if not fix_url.startswith("/"):
        return None
    return fix_url, next((label for start, label in _PLACES if fix_url.startswith(start)), "Open it")


def row_links(job: Job, in_place: Collection[str] = ()) -> Callable[[QuerySet[JobRow]], list[JobRow]]:
    """Return what gives rows their links: no query but for imported payments, whose ids are in their links."""

    def rows(found: QuerySet[JobRow]) -> list[JobRow]:
        shown: list[Any] = list(found)
        payments = _payment_urls(job, shown) if job.kind == "payments" else {}
        for row in shown:
            row.job = job
            row.url, row.in_xero = record_url(row), xero_url(row, job)
            row.payment_url = payments.get(row.xero_id, "")
            row.fix = fix(row.fix_url, in_place)
        return shown

    return rows


def _payment_urls(job: Job, rows: list[JobRow]) -> dict[str, str]:
    links = dict(
        XeroLink.objects.filter(
            tenant_id=job.tenant_id, kind="payments", xero_id__in=[row.xero_id for row in rows]
        ).values_list("local_id", "xero_id")
    )
    found = Payment.objects.filter(uuid__in=list(links)).values_list("uuid", "pk")
    return {links[uuid]: reverse("finance:payment", args=[pk]) for uuid, pk in found}


_RECORD = Column("record", "Record", value=lambda row: row.label, cell="xero_sync/jobs/cells/record.html")
_WHAT = Column("message", "What happens", cell="xero_sync/jobs/cells/message.html")
_OURS = Column("our_total", "BMS total", value=lambda row: row.our_total if row.our_total is not None else row.amount,
               cell="money", align="end")  # fmt: skip
_THEIRS = Column("xero_total", "Xero total", cell="xero_sync/jobs/cells/xero_total.html", align="end")
_AMOUNT = Column("amount", "Amount", cell="money", align="end")
#: On the page of a check, for those who may send it.
LEAVE = Column("leave", "Leave out", value=lambda row: row.pk, cell="xero_sync/jobs/cells/leave.html", csv=False)
NOTHING = Empty("Nothing here", "No record of this job is in this group.")
CHECK_ROWS = Listing(
    caption="What would happen",
    columns=(
        _RECORD,
        Column("outcome", "Outcome", value=job_words.outcome_badge, cell="badge"),
        _WHAT,
        _OURS,
        _THEIRS,
    ),
    empty=NOTHING,
    page_size=100,
)
RESULT_ROWS = Listing(
    caption="What became of each record",
    columns=(
        _RECORD,
        Column("state", "State", value=job_words.row_badge, cell="badge"),
        Column("message", "What happened", cell="xero_sync/jobs/cells/message.html"),
        _OURS,
        _THEIRS,
        Column("xero_number", "In Xero", cell="xero_sync/jobs/cells/in_xero.html"),
    ),
    empty=NOTHING,
    page_size=100,
)
#: Imports have one amount, and no page in Xero to lead to.
IMPORT_CHECK_ROWS = replace(CHECK_ROWS, columns=(*CHECK_ROWS.columns[:3], _AMOUNT))
IMPORT_RESULT_ROWS = replace(
    RESULT_ROWS,
    columns=(*RESULT_ROWS.columns[:3], _AMOUNT, Column("payment", "Payment", cell="xero_sync/jobs/cells/in_xero.html")),
)
FILE_ROWS = Listing(
    caption="Rows",
    columns=(
        Column("job_id", "Job#"),
        Column("kind", "Kind", value=lambda row: NOUNS[row.kind][0].capitalize()),
        Column("requested", "Chosen"),
        Column("label", "Record"),
        Column("detail", "Account"),
        Column("outcome", "Check", value=lambda row: str(job_words.outcome_badge(row))),
        Column("state", "State", value=lambda row: str(job_words.row_badge(row))),
        Column("attempt", "Attempt", value=lambda row: row.attempt or ""),
        Column("how", "How"),
        Column("message", "Message"),
        Column("warning", "Warning"),
        Column("xero_message", "Xero's words"),
        Column("currency", "Currency"),
        Column("amount", "Amount"),
        Column("our_total", "BMS total"),
        Column("xero_total", "Xero total"),
        Column("xero_number", "Xero number"),
        Column("xero_id", "Xero id"),
        Column("record_key", "Key"),
    ),
    empty=NOTHING,
)


# --- tabs

Tab = tuple[str, Q]
LEFT = (RowState.PLANNED, RowState.PENDING, RowState.CLAIMED, RowState.SENT)
CHOSEN = Q(requested=True)
#: What Check's tabs show.
CHECK_TABS: dict[str, Tab] = {
    "all": ("All", CHOSEN),
    **{name: (JobRow.Outcome(name).label, CHOSEN & Q(outcome=name)) for name in JobRow.Outcome.values},
    "also": ("Comes along", ~CHOSEN),
}
#: What the tabs of a sent job show.
RESULT_TABS: dict[str, Tab] = {
    "all": ("All", CHOSEN),
    "failed": ("Failed", CHOSEN & Q(state=RowState.FAILED)),
    "unknown": ("Unknown", CHOSEN & Q(state__in=(RowState.UNKNOWN, RowState.NEEDS_REVIEW))),
    "warnings": ("With warnings", CHOSEN & Q(state=RowState.SUCCEEDED) & ~Q(warning="")),
    "succeeded": ("In Xero", CHOSEN & Q(state=RowState.SUCCEEDED)),
    "skipped": ("Skipped", CHOSEN & Q(state=RowState.SKIPPED)),
    "open": (
        "Still to do",
        CHOSEN & Q(state__in=(RowState.PENDING, RowState.CLAIMED, RowState.SENT, RowState.PLANNED)),
    ),
    "also": ("Came along", ~CHOSEN),
}


# --- log


class LogFilter(Filter):
    dear = ("q", "record")

    q = forms.CharField(label="Search the log", required=False, max_length=200, widget=forms.SearchInput)
    record = forms.CharField(label="Record", required=False, max_length=200)
    step = forms.ChoiceField(
        label="Step",
        required=False,
        choices=[("", "All"), ("job", "Job"), ("check", "Check"), ("send", "Send"), ("recover", "Recover"),
                 ("import", "Import")],
    )  # fmt: skip
    outcome = forms.ChoiceField(label="Outcome", required=False, choices=[("", "All"), *LogLine.Outcome.choices])
    times = forms.ChoiceField(label="Times", required=False, choices=[("", "Local"), ("utc", "UTC")])

    def narrow(self, rows: QuerySet[LogLine]) -> QuerySet[LogLine]:
        asked = self.cleaned_data
        if text := asked["q"].strip():
            rows = rows.filter(
                Q(message__icontains=text)
                | Q(record__icontains=text)
                | Q(action__icontains=text)
                | Q(correlation_id__icontains=text)
            )
        if record := asked["record"].strip():
            rows = rows.filter(record__icontains=record)
        exact = {name: asked[name] for name in ("step", "outcome") if asked[name]}
        return rows.filter(**exact)


LOG_TONES: dict[str, Tone] = {
    LogLine.Outcome.INFO: "neutral",
    LogLine.Outcome.OK: "success",
    LogLine.Outcome.WARNING: "warning",
    LogLine.Outcome.FAILED: "danger",
}


def log_badge(line: LogLine) -> Badge:
    return Badge(line.get_outcome_display(), LOG_TONES[line.outcome])


LOG = Listing(
    caption="Transaction log",
    columns=(
        Column("time", "Time", cell="xero_sync/jobs/cells/line.html", csv=False),
        Column("time", "Time (UTC)", screen=False),
        Column("step", "Step", value=lambda line: line.step.capitalize()),
        Column("record", "Record"),
        Column("action", "Action"),
        Column("outcome", "Outcome", value=log_badge, cell="badge"),
        Column("message", "Message", cell="xero_sync/jobs/cells/log_message.html"),
        Column("correlation_id", "Xero request id", cell="xero_sync/jobs/cells/request_id.html"),
    ),
    empty=Empty("No lines yet", "Each step of the job is written down here.", icon="file-text"),
    filter=LogFilter,
    page_size=100,
    at_first=5_000,
)
