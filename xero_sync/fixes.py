"""What can be mended on the page of a check itself: decisions, accounts of items, codes, options of the run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.http import QueryDict
from django.urls import reverse

from bmsxero.history import because
from bmsxero.listing import Action
from finance.models import AccountCode, Item
from xero_sync import accounts, jobs
from xero_sync.books import Books, RunOptions
from xero_sync.check import CREATE_NEW, LEAVE_OUT
from xero_sync.kinds.items import account_problems
from xero_sync.models import Job, JobRow, LogLine, SyncOptions

Outcome = JobRow.Outcome

#: More are decided after these.
MOST_DECISIONS = 50
MOST_ITEMS = 500
ACCOUNT_REASONS = ("account_missing", "account_not_in_xero", "account_archived", "account_wrong_type")
#: Reasons for which making a second record is an answer, on the way here.
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
    open_ones = ~Q(candidates=[]) | Q(reason__in=MAY_REPEAT)
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


# --- accounts of items


@dataclass(frozen=True)
class AccountFix:
    """Items that lack a usable account for one use, and the account codes that would do."""

    use: str
    field: str
    items: list[Item]
    codes: list[AccountCode]

    @property
    def names(self) -> str:
        """Return the first of the items by name."""
        first = ", ".join(f"“{item.name}”" for item in self.items[:5])
        return f"{first} and {len(self.items) - 5} more" if len(self.items) > 5 else first


#: Field of an item, how its account is found, and the types that Xero takes there.
_USES = {
    "income_account": ("income account", accounts.income_account, accounts.SALES),
    "expense_account": ("expense account", accounts.expense_account, accounts.PURCHASES),
}


def account_fixes(job: Job) -> list[AccountFix]:
    """Return what accounts are to be chosen, by use, in a fixed number of queries."""
    failing = job.rows.filter(outcome=Outcome.FAIL, reason__in=ACCOUNT_REASONS)
    items = _items_of(failing)
    if not items:
        return []
    books = Books(job.connection, replace(RunOptions(**job.options), **_defaults(job)))
    codes = list(AccountCode.objects.filter(active=True))
    return [fix for field in _USES if (fix := _account_fix(field, items, codes, books))]


def _items_of(failing: Any) -> list[Item]:
    """Return the items behind failing rows: they themselves, and those on the lines of failing invoices."""
    invoices = failing.filter(kind="invoices").values("record_id")
    named = failing.filter(kind="items").values("record_id")
    wanted = Q(pk__in=named) | Q(lines__invoice_id__in=invoices)
    items = Item.objects.filter(wanted).select_related("income_account", "expense_account")
    return list(items.order_by("name", "pk").distinct()[:MOST_ITEMS])


def _defaults(job: Job) -> dict[str, Any]:
    """Return the default accounts as Setup has them now; a job keeps those of its start."""
    options = SyncOptions.objects.filter(connection=job.connection).first()
    names = ("sales_account", "purchases_account", "inventory_account")
    return {name: getattr(options, name) for name in names} if options else {}


def _account_fix(field: str, items: list[Item], codes: list[AccountCode], books: Books) -> AccountFix | None:
    use, choice_of, types = _USES[field]
    bad = [
        item
        for item in items
        if not (field == "expense_account" and item.kind == Item.Kind.DISCOUNT_TYPE)
        if account_problems(use, choice_of(item, books), item.name, books)
    ]
    usable = {account.key for account in accounts.pickable(books.accounts.values(), types)}
    fitting = [code for code in codes if code.code in usable]
    return AccountFix(use, field, bad, fitting) if bad else None


def set_account(job: Job, field: str, account_id: str) -> int:
    """Give the items of an account fix an account, and return how many; 0 if the account is none that would do."""
    fix = next((each for each in account_fixes(job) if each.field == field), None)
    code = next((each for each in fix.codes if str(each.pk) == account_id), None) if fix else None
    if fix is None or code is None:
        return 0
    with transaction.atomic(), because(f"Check of Job {job.number}"):
        for item in Item.objects.select_for_update().filter(pk__in=[each.pk for each in fix.items]):
            setattr(item, field, code)
            item.save(update_fields=[field, "updated"])
    return len(fix.items)


def missing_codes(job: Job) -> Action | None:
    """Return the way to export account codes that items use and Xero lacks."""
    failing = job.rows.filter(outcome=Outcome.FAIL, reason="account_not_in_xero")
    codes: dict[int, str] = {}
    items = _items_of(failing)
    books = Books(job.connection, RunOptions(**job.options)) if items else None
    for item in items:
        for code in (item.income_account, item.expense_account):
            if books and code and code.code not in books.accounts:
                codes[code.pk] = code.code
    if not codes:
        return None
    label = f"Export account {'code' if len(codes) == 1 else 'codes'} {', '.join(list(codes.values())[:5])}"
    query = urlencode({"ids": ",".join(map(str, codes))})
    return Action(label, f"{reverse('xero_sync:export_chart_of_accounts')}?{query}")


# --- options of the run


@dataclass(frozen=True)
class OptionFix:
    """A change of this run's options that mends all rows of a reason."""

    name: str
    label: str
    change: dict[str, Any]


_DRAFT = OptionFix("draft", "Send as Draft", {"status": SyncOptions.Status.DRAFT})
_BACKORDERS = OptionFix("backorders", "Allow back orders in this run", {"allow_backorders": True})
OPTION_FIXES: dict[str, tuple[OptionFix, ...]] = {
    "locked_period": (_DRAFT,),
    "out_of_stock": (_DRAFT, _BACKORDERS),
}


def set_option(job: Job, name: str) -> bool:
    """Change this run's options as a fix says, and check anew. Return False if the job was sent, or has no such fix."""
    known = {fix.name: fix for fixes in OPTION_FIXES.values() for fix in fixes}
    if name not in known:
        return False
    with transaction.atomic():
        mine = Job.objects.select_for_update().filter(pk=job.pk, state=Job.State.CHECKED).first()
        if mine is None:
            return False
        mine.options |= known[name].change
        mine.save(update_fields=["options"])
        return jobs.recheck(mine)


# --- all of it


@dataclass(frozen=True)
class Fixes:
    """What the page of a check offers to mend."""

    questions: list[Question]
    more_questions: int
    decided: int
    accounts: list[AccountFix]
    missing: Action | None
    suggestions: int
    options: dict[str, list[OptionFix]]

    @property
    def is_any(self) -> bool:
        return bool(self.questions or self.decided or self.accounts or self.missing or self.suggestions)


NONE = Fixes([], 0, 0, [], None, 0, {})


def of(job: Job) -> Fixes:
    """Return what can be mended, in a fixed number of queries; a job that was sent has nothing left to mend."""
    if job.state != Job.State.CHECKED:
        return NONE
    reasons = set(
        job.rows.filter(outcome__in=(Outcome.FAIL, Outcome.DECIDE))
        .order_by()
        .values_list("reason", flat=True)
        .distinct()
    )
    asked = questions(job) if reasons else []
    has_accounts = bool(reasons.intersection(ACCOUNT_REASONS))
    return Fixes(
        questions=asked,
        more_questions=_undecided(job).count() - len(asked) if len(asked) == MOST_DECISIONS else 0,
        decided=len(job.choices),
        accounts=account_fixes(job) if has_accounts else [],
        missing=missing_codes(job) if "account_not_in_xero" in reasons else None,
        suggestions=job.rows.exclude(suggestion="").count() if reasons else 0,
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
