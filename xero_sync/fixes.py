"""What can be mended on the page of a check itself: decisions, accounts of items, codes, options of the run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.http import QueryDict

from xero_sync import fix_accounts, fix_rows, fix_taxes, jobs
from xero_sync.check import CREATE_NEW, LEAVE_OUT
from xero_sync.fix_rows import OwnFix
from xero_sync.fix_taxes import TaxFix
from xero_sync.mending import Mended, NotMended, many
from xero_sync.models import Job, JobRow, LogLine, SyncOptions

Outcome = JobRow.Outcome

#: More are decided after these.
MOST_DECISIONS = 50
#: Reasons for which making a second record is an answer, on the way here; there it needs another code or name.
MAY_REPEAT = ("taken", "collision")


# --- decisions


@dataclass(frozen=True)
class Option:
    """One answer to a question, and what tells it from the others."""

    value: str
    label: str
    detail: str = ""


@dataclass(frozen=True)
class Question:
    """A record that a person has to decide about. `name` is what the answer is called in a form."""

    name: str
    label: str
    detail: str
    text: str
    url: str
    options: list[Option]


PREFIX = "choice:"


def questions(job: Job) -> list[Question]:
    """Return what waits for a decision, prerequisites first: what needs them asks nothing of its own."""
    return [_question(row, job) for row in _undecided(job)[:MOST_DECISIONS]]


def _undecided(job: Job) -> Any:
    open_ones = ~Q(candidates=[])
    if job.direction == Job.Direction.IMPORT:
        open_ones |= Q(reason__in=MAY_REPEAT)
    return job.rows.filter(open_ones, outcome=Outcome.DECIDE).order_by("requested", "stage", "pk")


def _question(row: JobRow, job: Job) -> Question:
    options = [Option(value, label, apart) for value, label, apart in row.candidates]
    if row.candidates or job.direction == Job.Direction.IMPORT:
        options.append(Option(CREATE_NEW, "None of these: create a new one" if row.candidates else "Make another one"))
    options.append(Option(LEAVE_OUT, "Leave it out"))
    return Question(f"{PREFIX}{row.kind}:{row.record_key}", row.label, row.detail, row.message, row.fix_url, options)


def choices_of(job: Job, posted: QueryDict) -> dict[str, str]:
    """Return which of the posted answers belong to questions that the job asks."""
    asked = {question.name: {option.value for option in question.options} for question in questions(job)}
    answered = {name: posted.get(name, "") for name in asked}
    return {name.removeprefix(PREFIX): value for name, value in answered.items() if value in asked[name]}


def decide(job: Job, choices: dict[str, str]) -> Mended:
    """Take over decisions by kind and key, or take them back where they are blank. Raises NotMended."""
    if not choices:
        raise NotMended("Nothing is decided. Choose an answer for at least one record.")
    if not jobs.decide(job, choices):
        raise NotMended
    touched = frozenset((kind, key) for kind, _, key in (name.partition(":") for name in choices))
    return Mended(f"{many(len(choices), 'decision')} made.", touched)


def forget(job: Job) -> Mended:
    """Take back all decisions but those to leave something out."""
    mended = decide(job, {name: "" for name, choice in job.choices.items() if choice != LEAVE_OUT})
    return replace(mended, words="Decisions were taken back.")


# --- options of the run


@dataclass(frozen=True)
class OptionFix:
    """A change of this run's options that mends all rows of a reason."""

    name: str
    label: str
    change: dict[str, Any]


_DRAFT = OptionFix("draft", "Send as Draft", {"status": SyncOptions.Status.DRAFT})
_BACKORDERS = OptionFix("backorders", "Allow back orders in this run", {"allow_backorders": True})
_XERO_NUMBERS = OptionFix(
    "xero_numbers",
    "Let Xero number the invoices of this run",
    {"invoice_number": SyncOptions.InvoiceNumber.XERO_NUMBER},
)
OPTION_FIXES: dict[str, tuple[OptionFix, ...]] = {
    "locked_period": (_DRAFT,),
    "out_of_stock": (_DRAFT, _BACKORDERS),
    "number_taken": (_XERO_NUMBERS,),
}


def set_option(job: Job, name: str) -> Mended:
    """Change this run's options as a fix says. Raises NotMended if the job was sent, or has no such fix."""
    known = {fix.name: fix for fixes in OPTION_FIXES.values() for fix in fixes}
    with transaction.atomic():
        mine = Job.objects.select_for_update().filter(pk=job.pk, state=Job.State.CHECKED).first()
        if name not in known or mine is None:
            raise NotMended
        mine.options |= known[name].change
        mine.save(update_fields=["options"])
    touched = frozenset(job.rows.filter(requested=True).values_list("kind", "record_key"))
    return Mended(f"{known[name].label}: changed for this run.", touched)


# --- all of it


#: What is mended beside problems of which reasons: the name of the field, and of a template.
BESIDE: dict[str, tuple[str, ...]] = {
    "accounts": fix_accounts.REASONS,
    "taxes": (*fix_taxes.TAX_REASONS, fix_taxes.RATES_DIFFER),
    "codes": fix_rows.CODE_REASONS,
    "numbers": fix_rows.NUMBER_REASONS,
}


@dataclass(frozen=True)
class Fixes:
    """What the page of a check offers to mend."""

    questions: list[Question] = field(default_factory=list)
    more_questions: int = 0
    decided: int = 0
    left_out: int = 0
    accounts: fix_accounts.Accounts = fix_accounts.NONE
    taxes: list[TaxFix] = field(default_factory=list)
    codes: list[OwnFix] = field(default_factory=list)
    more_codes: int = 0
    numbers: list[OwnFix] = field(default_factory=list)
    options: dict[str, list[OptionFix]] = field(default_factory=dict)

    @property
    def forms(self) -> dict[str, tuple[str, ...]]:
        """Return the templates that have something to mend, each with the reasons that it belongs to."""
        return {f"xero_sync/jobs/_fix_{name}.html": reasons for name, reasons in BESIDE.items() if getattr(self, name)}

    @property
    def in_place(self) -> set[str]:
        """Return the words of `job_lists.FIXES` whose place this page is itself."""
        accounts = bool(self.accounts.items or self.accounts.defaults)
        return {word for word, is_here in (("options", accounts), ("tax_mapping", bool(self.taxes))) if is_here}


def of(job: Job) -> Fixes:
    """Return what can be mended, in a fixed number of queries; a job that was sent has nothing left to mend."""
    if job.state != Job.State.CHECKED:
        return Fixes()
    left_out = sum(choice == LEAVE_OUT for choice in job.choices.values())
    known = Fixes(decided=len(job.choices) - left_out, left_out=left_out)
    held_up = job.rows.filter(outcome__in=(Outcome.FAIL, Outcome.DECIDE)).order_by()
    reasons = set(held_up.values_list("reason", flat=True).distinct())
    if not reasons:
        return known
    asked = questions(job)
    codes, more_codes = fix_rows.codes(job)
    return replace(
        known,
        questions=asked,
        more_questions=_undecided(job).count() - len(asked) if len(asked) == MOST_DECISIONS else 0,
        accounts=fix_accounts.offered(job) if reasons.intersection(fix_accounts.REASONS) else fix_accounts.NONE,
        taxes=fix_taxes.offered(job) if reasons & {*fix_taxes.TAX_REASONS, fix_taxes.RATES_DIFFER} else [],
        codes=codes,
        more_codes=more_codes,
        numbers=fix_rows.numbers(job) if reasons.intersection(fix_rows.NUMBER_REASONS) else [],
        options=_option_fixes(reasons, job),
    )


def _option_fixes(reasons: set[str], job: Job) -> dict[str, list[OptionFix]]:
    found: dict[str, list[OptionFix]] = defaultdict(list)
    for reason in reasons & OPTION_FIXES.keys():
        found[reason] = [fix for fix in OPTION_FIXES[reason] if not fix.change.items() <= job.options.items()]
    return dict(found)


def note(job: Job, user: User, words: str) -> None:
    """Write into the job's log who mended what."""
    jobs.log(job, "check", "Fix", outcome=LogLine.Outcome.INFO, message=f"{words} By {user.get_username()}.")
