"""What jobs are called and what pages say of them: words from counts, no queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal

from bmsxero.listing import Badge, Tone
from bmsxero.templatetags.bms import count, money
from xero_sync.jobs import ACTIONABLE, results
from xero_sync.kinds import EXPORTS
from xero_sync.models import Job, JobRow, SyncOptions

State, Outcome, RowState = Job.State, JobRow.Outcome, JobRow.State

#: One, several; in the order in which records depend on each other.
NOUNS: dict[str, tuple[str, str]] = {kind.name: (kind.label.lower(), kind.plural.lower()) for kind in EXPORTS} | {
    "contacts": ("contact", "contacts"),
    "payments": ("payment", "payments"),
    "credits": ("credit", "credits"),
    "voids": ("voided invoice", "voided invoices"),
}
TONES: dict[str, Tone] = {
    State.CHECKING: "progress",
    State.CHECKED: "info",
    State.QUEUED: "progress",
    State.RUNNING: "progress",
    State.WAITING: "info",
    State.STOPPING: "progress",
    State.COMPLETED: "success",
    State.COMPLETED_WITH_FAILURES: "danger",
    State.STOPPED: "warning",
    State.NEEDS_ATTENTION: "warning",
    State.EXPIRED: "neutral",
}
OUTCOME_TONES: dict[str, Tone] = {
    Outcome.CREATE: "info",
    Outcome.UPDATE: "info",
    Outcome.LINK: "info",
    Outcome.ARCHIVE: "info",
    Outcome.SKIP: "neutral",
    Outcome.DECIDE: "warning",
    Outcome.FAIL: "danger",
}
ROW_TONES: dict[str, Tone] = {
    RowState.PLANNED: "neutral",
    RowState.PENDING: "progress",
    RowState.CLAIMED: "progress",
    RowState.SENT: "progress",
    RowState.UNKNOWN: "warning",
    RowState.SUCCEEDED: "success",
    RowState.FAILED: "danger",
    RowState.SKIPPED: "neutral",
    RowState.NEEDS_REVIEW: "warning",
}
_RESULT_TONES: dict[str, Tone] = {
    "created": "success",
    "updated": "success",
    "linked": "success",
    "skipped": "neutral",
    "warnings": "warning",
    "failed": "danger",
    "unknown": "warning",
}

#: What an import did, and what it has not done.
_IMPORTED = {"linked": "Linked here", "updated": "Updated here"}
_NOT_SENT: dict[str, str] = {RowState.PLANNED: "Not imported", RowState.SENT: "Importing"}

_VERBS = (
    ("create", Outcome.CREATE),
    ("update", Outcome.UPDATE),
    ("link", Outcome.LINK),
    ("archive", Outcome.ARCHIVE),
)

Sums = Mapping[str, Decimal]  # by currency


def title(job: Job) -> str:
    """Return what the job does: "Export invoices"."""
    return f"{job.get_direction_display()} {NOUNS[job.kind][1]}"


def noun(kind: str, number: int) -> str:
    """Return a number of records in words: "2 tax rates"."""
    return f"{count(number)} {NOUNS[kind][number != 1]}"


def amounts(sums: Sums) -> str:
    """Return sums of money in words: "18,402.50 GBP and 20.00 USD"."""
    return listed(f"{money(amount)} {currency}".strip() for currency, amount in sums.items())


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence does: "a, b and c"."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def job_badge(job: Job) -> Badge:
    """Return the state of a job; a wait says for what."""
    label = Job.State(job.state).label
    if waits_for_xero(job):
        label = "Waiting for reconnect" if job.wait_why == Job.WaitWhy.RECONNECT else "Waiting for Xero"
    if job.state == State.CHECKED and is_import(job):
        label = "Checked, not imported"
    if job.state == State.CHECKED and not sendable(job):
        label = "Checked, nothing to import" if is_import(job) else "Checked, nothing to send"
    if job.state == State.COMPLETED and (job.counts or {}).get("warnings"):
        return Badge("Completed with warnings", "warning")
    return Badge(label, TONES[State.WAITING if waits_for_xero(job) else job.state])


def waits_for_xero(job: Job) -> bool:
    """Say whether a job, or its check, goes on only at some time, or after somebody has signed in again."""
    return job.state == State.WAITING or (job.state == State.CHECKING and job.wait_until is not None)


def outcome_badge(row: JobRow) -> Badge:
    """Return what Check expects of a row."""
    return Badge(Outcome(row.outcome).label if row.outcome else "Unknown", OUTCOME_TONES.get(row.outcome, "neutral"))


def row_badge(row: JobRow) -> Badge:
    """Return what became of a row. A warning is a state of its own, never green."""
    if row.state == RowState.SUCCEEDED:
        there = _IMPORTED.get(row.how, "Imported") if is_import(row.job) else "In Xero"
        return Badge(f"{there}, with warning", "warning") if row.warning else Badge(there, "success")
    if is_import(row.job) and row.state in _NOT_SENT:
        return Badge(_NOT_SENT[row.state], ROW_TONES[row.state])
    return Badge(RowState(row.state).label, ROW_TONES[row.state])


def is_import(job: Job) -> bool:
    """Say whether a job brings records here, so that "in Xero" would be no news."""
    return job.direction == Job.Direction.IMPORT


def counts(job: Job, shelf: str) -> dict[str, int]:
    """Return one group of the job's counts."""
    found: dict[str, int] = (job.counts or {}).get(shelf) or {}
    return found


def also(job: Job, *names: str) -> dict[str, int]:
    """Return how many records that nobody chose come along, by kind; those with one of these outcomes or states."""
    # Sorted: PostgreSQL keeps the keys of JSON in an order of its own
    kinds: dict[str, dict[str, int]] = dict(sorted(((job.counts or {}).get("also") or {}).items()))
    found = {kind: sum(numbers.get(name, 0) for name in names) for kind, numbers in kinds.items()}
    return {kind: number for kind, number in found.items() if number}


def sendable(job: Job) -> int:
    """Return how many of the chosen records Send would act upon."""
    outcomes = counts(job, "outcome")
    return sum(outcomes.get(name, 0) for name in ACTIONABLE)


def send_label(job: Job) -> str:
    """Return what the button says: it names count and act."""
    number = sendable(job)
    if job.direction == Job.Direction.EXPORT:
        return f"Send {noun(job.kind, number)} to Xero"
    return f"Import {noun(job.kind, number)}" if number or not also(job, "create", "update") else "Apply these changes"


def headline(job: Job, sums: Mapping[str, Sums], organisation: str) -> str:
    """Say what sending would do, in counts and money: the first sentence of Check. `sums` are by outcome."""
    parts = [_part(job, verb, outcome, sums) for verb, outcome in _VERBS if counts(job, "outcome").get(outcome)]
    if job.direction == Job.Direction.IMPORT:
        return _import_headline(job, sums, organisation)
    if not parts:
        return "Nothing of this can be sent as it is."
    status = f" as {SyncOptions.Status(job.options['status']).label}" if job.kind == "invoices" else ""
    return f"This will {listed(parts)}{status} in {organisation}.{_also_created(job)}"


def _part(job: Job, verb: str, outcome: str, sums: Mapping[str, Sums]) -> str:
    money_of = amounts(sums.get(outcome) or {})
    return f"{verb} {noun(job.kind, counts(job, 'outcome')[outcome])}" + (f" ({money_of})" if money_of else "")


def _also_created(job: Job) -> str:
    words = [
        f"{verb} {listed(noun(kind, number) for kind, number in found.items())}"
        for verb, name in (("creates", "create"), ("updates", "update"), ("links", "link"))
        if (found := also(job, name))
    ]
    return f" It also {listed(words)}." if words else ""


def _import_headline(job: Job, sums: Mapping[str, Sums], organisation: str) -> str:
    number = sendable(job)
    if not number and not also(job, "create", "update"):
        return "Nothing of this can be imported."
    if job.kind != "payments":
        outcomes = counts(job, "outcome")
        parts = [f"{verb} {count(outcomes[outcome])}" for verb, outcome in _VERBS if outcomes.get(outcome)]
        how = f": {listed(parts)} here" if parts else ""
        return f"This will import {noun(job.kind, number)} from {organisation}{how}.{_also_created(job)}"
    money_of = amounts(sums.get(Outcome.CREATE) or {})
    first = f"This will import {noun(job.kind, counts(job, 'outcome').get(Outcome.CREATE, 0))}"
    return f"{first}{f' ({money_of})' if money_of else ''} from {organisation}.{_also_applied(job)}"


def _also_applied(job: Job) -> str:
    back, credited, void = (also(job, "create", "update").get(kind, 0) for kind in ("payments", "credits", "voids"))
    words = []
    if back:
        words.append(f"takes back {noun('payments', back)} that {_was(back)} deleted in Xero")
    if credited:
        words.append(f"records what Xero credited to {noun('invoices', credited)}")
    if void:
        words.append(f"voids {noun('invoices', void)} that {_was(void)} voided in Xero")
    return f" It also {listed(words)}." if words else ""


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def truth(job: Job, warned: int, left: int = 0) -> str:
    """Say how a job ended: the heading of Result. Every chosen record is in exactly one of its numbers.

    `warned` are the records that went through with a warning, `left` those skipped ones that were only not reached.
    """
    states, total = counts(job, "state"), (job.counts or {}).get("total", 0)
    there, missing = ("imported", "not imported") if is_import(job) else ("in Xero", "not sent")
    numbers = [
        (states.get(RowState.SUCCEEDED, 0) - warned, there, True),
        (warned, "with a warning" if warned == 1 else "with warnings", False),
        (states.get(RowState.SKIPPED, 0) - left, "skipped", False),
        (states.get(RowState.PLANNED, 0) + left, missing, False),
        (states.get(RowState.FAILED, 0), "failed", True),
        (states.get(RowState.UNKNOWN, 0) + states.get(RowState.NEEDS_REVIEW, 0), "unknown", True),
    ]
    told = ", ".join(f"{count(number)} {words}" for number, words, always in numbers if number or always)
    return f"{noun(job.kind, total)}: {told}."


def result(job: Job) -> list[Badge]:
    """Return what came of a job, for lists: only the numbers that are not zero."""
    numbers = results(job)
    return [Badge(f"{count(numbers[name])} {name}", tone) for name, tone in _RESULT_TONES.items() if numbers[name]]


def calm(job: Job) -> bool:
    """Say whether all went well, so that nobody needs to read on."""
    states = counts(job, "state")
    return job.state == State.COMPLETED and states.get(RowState.SUCCEEDED, 0) == (job.counts or {}).get("total", 0)


def span(length: timedelta) -> str:
    """Return a length of time in words: "2 min 5 s"."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} days"
