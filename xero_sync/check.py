"""Check: what would happen to each record, and why. Reads only; nothing is written to Xero."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import ceil

from django.db import transaction

from xero_sync import clock, jobs, mirror, organisation
from xero_sync.books import Books, Remote
from xero_sync.gateway import Gateway, encode
from xero_sync.kinds import export_kind
from xero_sync.kinds.base import Decision, ExportKind, Found, Problem, R
from xero_sync.models import Job, JobRow, LogLine

Outcome = JobRow.Outcome

#: How old the copy of what Xero holds may be for a Check, and for a Send.
CHECK_AGE = timedelta(minutes=5)
SEND_AGE = timedelta(minutes=15)

#: What a person may decide about a row, besides the id of one of the candidates.
LEAVE_OUT, CREATE_NEW = "skip", "create"
#: Why a record that others need stays where it is.
NOT_NEEDED = "not_needed"


def decide(kind: ExportKind[R], record: R, books: Books, *, requested: bool, choice: str = "") -> Decision:
    """Say what would happen to a record, from what the books know. Check and Send both ask here."""
    if choice == LEAVE_OUT:
        return Decision(Outcome.SKIP, "left_out", "Left out.")
    found = kind.find(record, books)
    if choice and not found.linked:
        found = _chosen(kind, record, found, choice, books)
    if requested and (decision := kind.decide_status(record, found, books)):
        return decision
    if found.problem:
        several = len(found.remotes) > 1
        decision = _stopped(found.problem, Outcome.DECIDE if several else Outcome.FAIL)
        return replace(decision, candidates=_candidates(kind, found, books)) if several else decision
    if len(found.remotes) > 1:
        return _ambiguous(kind, found, books)
    if found.linked:
        return _linked(kind, record, found, books, requested=requested)
    if found.remotes:
        return _link(kind, record, found.remotes[0], found.how, books, requested=requested)
    if problems := kind.problems(record, books):
        return _stopped(problems[0], Outcome.FAIL, more=problems[1:])
    return Decision(Outcome.CREATE, warning=" ".join(kind.warnings(record, books)))


def _chosen(kind: ExportKind[R], record: R, found: Found, choice: str, books: Books) -> Found:
    """Return what a person made of several candidates; a choice that is no longer among them leaves the question."""
    if choice == CREATE_NEW:
        return Found()
    chosen = next((remote for remote in found.remotes if remote.xero_id == choice), None)
    return kind.choose(record, chosen, books) if chosen else found


def _ambiguous(kind: ExportKind[R], found: Found, books: Books) -> Decision:
    candidates = _candidates(kind, found, books)
    names = ", ".join(f"{name} ({apart})" for _, name, apart in candidates[:5])
    words = f"{len(found.remotes)} records in Xero could be this one: {names}. Choose one."
    return Decision(Outcome.DECIDE, "ambiguous", words, candidates=candidates)


def _candidates(kind: ExportKind[R], found: Found, books: Books) -> list[tuple[str, str, str]]:
    found_ones = [(remote.xero_id, remote.name, kind.tell_apart(remote, books)) for remote in found.remotes]
    return sorted(found_ones, key=lambda candidate: candidate[1:])  # the order of Xero's ids says nothing


def _stopped(problem: Problem, outcome: str, more: Sequence[Problem] = ()) -> Decision:
    words = list(dict.fromkeys(each.message for each in (problem, *more)))
    return Decision(outcome, problem.reason, " ".join(words), problem.fix_url, suggestion=problem.suggestion)


def _link(kind: ExportKind[R], record: R, remote: Remote, how: str, books: Books, *, requested: bool) -> Decision:
    """A record of Xero's that is matched for the first time is linked and left alone: people edit there, too."""
    differing = [label for label, *_ in kind.changes(record, remote, books, requested=True)] if requested else []
    differs = f" What differs is not sent: {', '.join(differing)}. Export it again to send that." if differing else ""
    return Decision(
        Outcome.LINK,
        "found",
        f"Link to “{remote.name}” in Xero ({how}). It is left as it is there.{differs}",
        how=how,
        xero_id=remote.xero_id,
        xero_number=kind.number(remote.payload),
    )


def _linked(kind: ExportKind[R], record: R, found: Found, books: Books, *, requested: bool) -> Decision:
    (remote,) = found.remotes
    known = books.linked_remote(kind.name, record.uuid)
    if diff := kind.changes(record, known, books, requested=requested):
        return Decision(
            Outcome.UPDATE, "changed", "Update in Xero.", diff=diff, xero_id=remote.xero_id, xero_number=remote.key
        )
    link = books.link(kind.name, record.uuid)
    job = f" in Job {link.job_number}" if link and link.job_number else ""
    return Decision(
        Outcome.SKIP, "already_linked", f"Already in Xero{job}.", xero_id=remote.xero_id, xero_number=remote.key
    )


def fingerprint(kind: ExportKind[R], record: R, books: Books) -> str:
    """Return a mark of what would be sent. It stays the same while the records it needs are being created."""
    return hashlib.sha256(encode(kind.to_xero(record, books.as_symbols())).encode()).hexdigest()


def refresh(gateway: Gateway, kind: ExportKind[R], max_age: timedelta) -> None:
    """Bring what Check and Send read of Xero up to date. Raises any of errors.py."""
    organisation.ensure(gateway, max_age)
    for name in kind.mirrors:
        mirror.ensure(gateway, name, max_age)


def done(job: Job, gateway: Gateway) -> None:
    """Note that all rows are planned: the job may be sent now."""
    with transaction.atomic():
        leave_unneeded(job)
        jobs.recount(job)
        jobs.bump_calls(job, gateway.calls)
        Job.objects.filter(pk=job.pk, state=Job.State.CHECKING).update(
            state=Job.State.CHECKED, checked_at=clock.now(), wait_until=None, wait_why="", failed_reads=0
        )
        jobs.log(job, "check", "Checked", outcome=LogLine.Outcome.OK, message=jobs.outcome_words(job))


def leave_unneeded(job: Job) -> None:
    """Let what would only come along stay where it is, if all that needs it is left out or can't go."""
    if job.kind == "payments":
        return  # what comes along with these was needed by nothing
    #: What something that goes needs, and what something needs that may yet go
    wanted, asked = set[tuple[str, str]](), set[tuple[str, str]]()
    for outcome, needs in job.rows.filter(requested=True).exclude(needs=[]).values_list("outcome", "needs"):
        pairs = {(kind, key) for kind, key in needs}
        wanted |= pairs if outcome in jobs.ACTIONABLE else set()
        asked |= pairs if outcome != Outcome.SKIP else set()
    unneeded = []
    chain = job.rows.filter(requested=False).exclude(outcome=Outcome.SKIP).order_by("-stage", "-pk")
    for pk, kind, key, outcome, needs in chain.values_list("pk", "kind", "record_key", "outcome", "needs"):
        pairs = {(name, other) for name, other in needs}
        wanted |= pairs if (kind, key) in wanted else set()
        asked |= pairs if (kind, key) in asked else set()
        if (kind, key) not in (wanted if outcome in jobs.ACTIONABLE else asked):
            unneeded.append(pk)
    job.rows.filter(pk__in=unneeded).update(
        outcome=Outcome.SKIP, reason=NOT_NEEDED, message="Nothing that goes to Xero needs it.", candidates=[]
    )


def expected_calls(job: Job) -> int:
    """Return how many calls sending the job will take, as Check knows it."""
    counts = job.counts or {}
    per_kind = {job.kind: counts.get("outcome") or {}, **(counts.get("also") or {})}
    return sum(
        ceil(outcomes.get(outcome, 0) / export_kind(name).batch_size)
        for name, outcomes in per_kind.items()
        for outcome in (Outcome.CREATE, Outcome.UPDATE, Outcome.ARCHIVE)
    )
