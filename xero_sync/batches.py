"""A batch: the rows of one request, what mapping them needs, and how each of them ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from bmsxero.bulk import insert_each, update_each
from xero_sync import causes, clock, jobs, linking, mirror
from xero_sync.books import Books, RunOptions
from xero_sync.kinds.base import Accepted, Decision, ExportKind
from xero_sync.models import Job, JobRow, LogLine, XeroLink, XeroRecord, XeroRequest

State = JobRow.State


class Batch:
    """Rows of one kind, with their records and books. Its outcomes are written in the caller's transaction."""

    def __init__(
        self, job: Job, kind: ExportKind[Any], rows: Sequence[JobRow], request: XeroRequest | None = None
    ) -> None:
        self.job, self.kind, self.rows, self.request = job, kind, list(rows), request
        self.records: dict[str, Any] = {
            str(record.uuid): record for record in kind.load([row.record_key for row in rows])
        }
        self.books = Books(job.connection, RunOptions(**job.options))
        self.books.without_url = {row.record_key for row in rows if row.without_url}
        kind.learn(list(self.records.values()), self.books)
        self._lines: list[LogLine] = []
        self._links: list[XeroLink] = []
        self._seen: dict[UUID, tuple[str, dict[str, Any]]] = {}
        self._ended: dict[int, JobRow] = {}

    def part(self, rows: Sequence[JobRow], request: XeroRequest) -> Batch:
        """Return some of the rows as a batch of their own, with the same records and books."""
        twin = object.__new__(Batch)
        twin.__dict__ |= self.__dict__ | {
            "rows": list(rows), "request": request, "_lines": [], "_links": [], "_seen": {}, "_ended": {},
        }  # fmt: skip
        return twin

    def succeed(self, row: JobRow, accepted: Accepted, *, how: str, matched_by: str, message: str) -> None:
        """The record is in Xero; unless it was already linked, the link is written now."""
        self._link(row, accepted, matched_by)
        row.how, row.xero_id, row.xero_number = how, accepted.xero_id, accepted.number
        self._end(row, State.SUCCEEDED, "", message)
        outcome = LogLine.Outcome.WARNING if row.warning else LogLine.Outcome.OK
        self.log(row, how.capitalize(), outcome, f"{message} {row.warning}".strip())

    def archived(self, row: JobRow, accepted: Accepted) -> None:
        """Xero took a record that is to be archived: done, or if it had to be created first, one call is left."""
        if row.xero_id:
            message = "Archived in Xero."
            self.succeed(row, accepted, how="archived", matched_by=row.how or "created", message=message)
            return
        self._link(row, accepted, "created")
        row.xero_id, row.xero_number, row.request = accepted.xero_id, accepted.number, None
        self._end(row, State.PENDING, "", "Created in Xero; it is archived next.")
        self.log(row, "Created", LogLine.Outcome.OK, row.message)

    def _link(self, row: JobRow, accepted: Accepted, matched_by: str) -> None:
        record = self.records[row.record_key]
        if self.books.link(self.kind.name, record.uuid):
            self._seen[record.uuid] = ("", self.kind.remember(record))
        elif link := self.kind.link(record, accepted, self.books, matched_by=matched_by, job=self.job):
            self._links.append(link)

    def fail(self, row: JobRow, reason: str, message: str, *, fix_url: str = "") -> None:
        """Xero won't have it, or it can't be sent; the message says why."""
        row.fix_url = fix_url
        self._end(row, State.FAILED, reason, message)
        self.log(row, "Fail", LogLine.Outcome.FAILED, message)

    def refuse(self, row: JobRow, words: str) -> None:
        """Xero said no: what that means and where it is mended, in plain words; Xero's own stay beside them."""
        row.xero_message = words
        cause = causes.recognise(words)
        if cause is None:
            self.fail(row, "refused", words)
            return
        if cause.outdates:
            mirror.outdate(self.job.tenant_id, cause.outdates)
        record = self.records.get(row.record_key)
        own_page = record.get_absolute_url() if record else ""
        place = own_page if cause.place == "record" else cause.place
        self.fail(row, cause.reason, f"{cause.says} {cause.fix}", fix_url=place)

    def skip(self, row: JobRow, decision: Decision) -> None:
        """It is in Xero by now: nothing to do. If it was sent before and the answer got lost, that is why."""
        if row.attempts and decision.reason == "already_linked":
            message = "Found in Xero as it was sent; only the answer had been lost."
            accepted = Accepted(decision.xero_id, decision.xero_number)
            how = "archived" if row.outcome == JobRow.Outcome.ARCHIVE else "updated"
            self.succeed(row, accepted, how=how, matched_by="saved link", message=message)
            return
        row.xero_id, row.xero_number = decision.xero_id, decision.xero_number
        self._end(row, State.SKIPPED, decision.reason, decision.message)
        self.log(row, "Skip", LogLine.Outcome.INFO, decision.message)

    def skip_changed(self, row: JobRow) -> None:
        """It would not be sent as it was shown."""
        self._end(row, State.SKIPPED, "changed", "Changed since the check, so it was not sent. Check it again.")
        self.log(row, "Skip", LogLine.Outcome.WARNING, row.message)

    def doubt(self, row: JobRow, message: str) -> None:
        """Nobody knows whether Xero has it."""
        self._end(row, State.UNKNOWN, "in_doubt", message)
        self.log(row, "In doubt", LogLine.Outcome.WARNING, message)

    def send_again(self, row: JobRow, message: str) -> None:
        """Xero does not have it: it goes into another request."""
        row.request = None
        self._end(row, State.PENDING, "", message)
        self.log(row, "Send again", LogLine.Outcome.INFO, message)

    def review(self, row: JobRow, message: str) -> None:
        """Only a person can tell what to do."""
        self._end(row, State.NEEDS_REVIEW, "needs_review", message)
        self.log(row, "Needs review", LogLine.Outcome.WARNING, message)

    def log(self, row: JobRow, action: str, outcome: str, message: str) -> None:
        """Note a line for the transaction log; `flush` writes it."""
        words = f"{message} (Attempt {row.attempt}.)" if row.attempt > 1 else message
        fields = jobs.line_fields("send", action, row=row, outcome=outcome, message=words)
        request_id = self.request.pk if self.request else None
        self._lines.append(LogLine(job_id=self.job.pk, request_id=request_id, **fields))

    def flush(self, correlation_id: str = "") -> None:
        """Write the outcomes noted so far: rows, links and log lines. The caller's transaction holds them together."""
        self._save_links()
        linking.refresh(self.job.tenant_id, self.kind.name, self._seen)
        for line in self._lines:
            line.correlation_id = correlation_id[:100]
        save_rows(list(self._ended.values()))
        insert_each(self._lines)
        self._lines, self._links, self._seen, self._ended = [], [], {}, {}

    def _save_links(self) -> None:
        """Write the links. Where a person has linked one of the two elsewhere meanwhile, a person has to look."""
        wanted = {(link.local_id, link.xero_id) for link in self._links}
        self._forget_vanished()
        insert_each(self._links, unless_there=True)
        mine = XeroLink.objects.filter(tenant_id=self.job.tenant_id, kind=self.kind.name)
        made = mine.filter(local_id__in=[local_id for local_id, _ in wanted]).values_list("local_id", "xero_id")
        lost = {str(local_id) for local_id, _ in wanted.difference(made)}
        for row in (row for row in self.rows if row.record_key in lost):
            self.review(row, f"It is in Xero ({row.xero_id}), but one of the two has been linked elsewhere meanwhile.")

    def _forget_vanished(self) -> None:
        """Take off the links to what was deleted in Xero, of records that are there anew."""
        gone = [self.books.vanished.get((self.kind.name, link.local_id)) for link in self._links]
        if any(gone):
            mine = XeroLink.objects.filter(tenant_id=self.job.tenant_id, kind=self.kind.name)
            mine.filter(xero_id__in=[each for each in gone if each]).delete()

    def _end(self, row: JobRow, state: str, reason: str, message: str) -> None:
        row.state, row.reason, row.message = state, reason, message
        self._ended[row.pk] = row


#: What an outcome may change about a row.
_OUTCOME = (
    "state", "reason", "message", "outcome", "how", "xero_id", "xero_number", "xero_message", "xero_total", "warning",
    "fix_url", "diff", "request", "alone", "without_url", "record_id", "updated",
)  # fmt: skip


def save_rows(rows: Sequence[JobRow]) -> None:
    """Save what became of rows that exist already."""
    now = clock.stamp()
    for row in rows:
        row.updated = now
    update_each(rows, _OUTCOME)


def chunks(records: QuerySet[XeroRecord], size: int = 500) -> Iterator[list[XeroRecord]]:
    """Yield records of the mirror in lists, read from a cursor, so that memory stays the same for any number."""
    found = records.iterator(chunk_size=size)
    while chunk := list(islice(found, size)):
        yield chunk
