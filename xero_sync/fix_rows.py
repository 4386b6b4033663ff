"""Single records, mended on the page of a check: left out, put back, given another code or number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from bmsxero.history import because
from finance.models import Invoice, Item
from finance.statuses import why_not_editable
from xero_sync import jobs
from xero_sync.check import LEAVE_OUT
from xero_sync.job_words import noun
from xero_sync.kinds.invoices import PRINTABLE
from xero_sync.kinds.items import CODE_LENGTH
from xero_sync.mending import Mended, NotMended, many
from xero_sync.models import Job, JobRow
from xero_sync.planning import Key

Outcome = JobRow.Outcome

#: So many codes and numbers are asked for one by one.
MOST = 50
#: Of an invoice's number.
MOST_LETTERS = Invoice._meta.get_field("number").max_length or 0
#: Reasons for which another number is an answer.
CODE_REASONS = ("code_collision", "collision", "item_code_taken")
NUMBER_REASONS = ("number_taken", "reset_and_still_there", "bad_number")


# --- leaving out


def leave_out(job: Job, rows: QuerySet[JobRow]) -> Mended:
    """Leave chosen rows out of this job. Raises NotMended if there are none, or the job has been sent."""
    keys = _keys(rows.filter(requested=True).exclude(outcome=Outcome.SKIP))
    _choose(job, dict.fromkeys(keys, LEAVE_OUT))
    return Mended(f"{noun(job.kind, len(keys))} left out.", keys)


def put_back(job: Job, rows: QuerySet[JobRow]) -> Mended:
    """Take rows up again that were left out, by themselves or with something that they need."""
    out = {_key(name) for name, choice in job.choices.items() if choice == LEAVE_OUT}
    chosen = rows.filter(requested=True, reason="left_out")
    needed = {(kind, key) for needs in chosen.values_list("needs", flat=True) for kind, key in needs}
    return _taken_back(job, frozenset((_keys(chosen) | needed) & out))


def put_all_back(job: Job) -> Mended:
    """Take up again all that was left out."""
    return _taken_back(job, frozenset(_key(name) for name, choice in job.choices.items() if choice == LEAVE_OUT))


def _taken_back(job: Job, keys: frozenset[Key]) -> Mended:
    _choose(job, dict.fromkeys(keys, ""))
    return Mended(f"{many(len(keys), 'record')} put back.", keys)


def _choose(job: Job, choices: Mapping[Key, str]) -> None:
    if not choices or not jobs.decide(job, {f"{kind}:{key}": choice for (kind, key), choice in choices.items()}):
        raise NotMended


def _keys(rows: QuerySet[JobRow]) -> frozenset[Key]:
    return frozenset(rows.values_list("kind", "record_key"))


def _key(name: str) -> Key:
    kind, _, key = name.partition(":")
    return kind, key


# --- codes of items


@dataclass(frozen=True)
class OwnFix:
    """A record that needs another code or number, and one that would do, if any is known."""

    key: str
    label: str
    suggestion: str


def codes(job: Job) -> tuple[list[OwnFix], int]:
    """Return the items that need a code of their own, and how many more there are than these."""
    rows = _colliding(job)
    found = [OwnFix(row.record_key, row.label, row.suggestion) for row in rows[: MOST + 1]]
    return found[:MOST], rows.count() - MOST if len(found) > MOST else 0


def _colliding(job: Job) -> QuerySet[JobRow]:
    return job.rows.filter(kind="items", state=JobRow.State.PLANNED).exclude(suggestion="").order_by("pk")


def set_codes(job: Job, wanted: Mapping[str, str]) -> Mended:
    """Give the items whose codes collide the codes that were typed, else the suggested ones. Raises NotMended."""
    chosen = {row.record_key: wanted.get(row.record_key, row.suggestion).strip() for row in _colliding(job)}
    if bad := [code for code in chosen.values() if not 0 < len(code) <= CODE_LENGTH]:
        raise NotMended(f"Nothing was changed: “{bad[0]}” is no code of 1 to {CODE_LENGTH} characters.")
    if not chosen:
        raise NotMended
    with transaction.atomic(), because(f"Check of Job {job.number}"):
        for item in Item.objects.select_for_update().filter(uuid__in=list(chosen)):
            item.code = chosen[str(item.uuid)]
            item.save(update_fields=["code", "updated"])
    words = f"{many(len(chosen), 'item')} got {'a code of its own' if len(chosen) == 1 else 'codes of their own'}."
    return Mended(words, frozenset(("items", key) for key in chosen))


# --- numbers of invoices


def numbers(job: Job) -> list[OwnFix]:
    """Return the invoices whose number Xero won't take; Xero is asked about a new one."""
    if job.options.get("invoice_number") != "bms_number":
        return []
    rows = job.rows.filter(kind="invoices", requested=True, reason__in=NUMBER_REASONS)
    return [OwnFix(row.record_key, row.label, "") for row in rows.order_by("pk")[:MOST]]


def set_number(job: Job, key: str, number: str) -> Mended:
    """Give an invoice another number. Raises NotMended, with the reason."""
    number = number.strip()
    if key not in {each.key for each in numbers(job)}:
        raise NotMended
    if not re.fullmatch(PRINTABLE, number) or len(number) > MOST_LETTERS:
        raise NotMended(f"Nothing was changed: type a number of up to {MOST_LETTERS} plain characters.")
    with transaction.atomic(), because(f"Check of Job {job.number}"):
        invoice = Invoice.objects.select_for_update().get(uuid=key)
        if reason := why_not_editable(invoice):
            raise NotMended(f"Nothing was changed. {reason}")
        if Invoice.objects.filter(number__iexact=number).exclude(pk=invoice.pk).exists():
            raise NotMended(f"Nothing was changed: another invoice here is called {number}.")
        was, invoice.number = invoice.number, number
        invoice.save(update_fields=["number", "updated"])
    return Mended(f"{was} is called {number} now.", frozenset({("invoices", key)}))
