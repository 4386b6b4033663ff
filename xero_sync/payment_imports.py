"""Import of payments: plan what comes, then apply it: payments, links and outcomes in one transaction.

Credits, deletions and voided documents come along whatever was chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from bmsxero.bulk import insert_each, update_each
from bmsxero.history import because, begin, write
from finance import money
from finance.models import Invoice, Payment
from xero_sync import clock, jobs, mirror, selection
from xero_sync.batches import chunks, save_rows
from xero_sync.check import LEAVE_OUT
from xero_sync.failpoints import reach
from xero_sync.kinds.base import Decision
from xero_sync.kinds.payments import Known, Ledger, PaymentImport, credited, ledger_of
from xero_sync.models import Job, JobRow, LogLine, XeroRecord

Outcome, State = JobRow.Outcome, JobRow.State

#: Kinds of the rows of a payment job: payments, and what comes along with them.
CREDITS, VOIDS = "credits", "voids"

payments = PaymentImport()


def plan(job: Job, keep_alive: Callable[[], None]) -> None:
    """Make a job's rows from our copy of Xero's payments and invoices."""
    _Planner(job, keep_alive).plan()


class _Planner:
    """Plans in the order in which rows are applied, so that a balance counts what comes before."""

    def __init__(self, job: Job, keep_alive: Callable[[], None]) -> None:
        self.job, self.keep_alive = job, keep_alive
        self.currency = job.connection.base_currency
        self.ledgers: dict[str, Ledger] = {}

    def plan(self) -> None:
        self._plan(payments.reversals(self.job.tenant_id), self._payment_row, requested=False)
        self._plan(payments.documents(self.job.tenant_id), self._credit_row, requested=False)
        self._plan(self._chosen(), self._payment_row, requested=True)
        self._plan(payments.documents(self.job.tenant_id), self._void_row, requested=False)

    def _chosen(self) -> Any:
        rule = self.job.selection
        if rule.get("all"):
            chosen = selection.matching_remote(payments, rule.get("filters") or {}, self.job.tenant_id)
            return chosen.exclude(xero_id__in=rule.get("except") or [])
        mine = XeroRecord.objects.filter(tenant_id=self.job.tenant_id, kind="payments")
        return mine.filter(xero_id__in=rule.get("ids") or []).order_by("date", "id")

    def _plan(
        self, records: Any, row_for: Callable[[XeroRecord, dict[str, Known], bool], JobRow | None], *, requested: bool
    ) -> None:
        for chunk in chunks(records):
            self.keep_alive()
            documents = {_document_id(record) for record in chunk}
            missing = documents - self.ledgers.keys()
            self.ledgers |= payments.ledgers(missing, self.job.tenant_id, self.currency)
            known = payments.known([record.xero_id for record in chunk], self.job.tenant_id)
            rows = [row for record in chunk if (row := row_for(record, known, requested))]
            insert_each(rows, unless_there=True)
            reach("planning", "payments")

    def _payment_row(self, record: XeroRecord, known: dict[str, Known], requested: bool) -> JobRow | None:
        ledger = self.ledgers.get(record.key)
        named = requested and not self.job.selection.get("all")
        if self.job.choices.get(f"payments:{record.xero_id}") == LEAVE_OUT:
            decision = Decision(Outcome.SKIP, "left_out", "Left out.")
        else:
            decision = payments.decide(record.payload, ledger, known.get(record.xero_id), named=named)
        value = mirror.amount(record.payload.get("Amount"))
        if ledger and decision.outcome in {Outcome.CREATE, Outcome.UPDATE}:
            self.ledgers[record.key] = ledger.after(value if decision.outcome == Outcome.CREATE else -value)
        return self._row(record, "payments", record.xero_id, decision, value, requested=requested)

    def _credit_row(self, record: XeroRecord, _: dict[str, Known], requested: bool) -> JobRow | None:
        ledger = self.ledgers.get(record.xero_id)
        if ledger is None or (decision := payments.decide_credit(record.payload, ledger)).outcome == Outcome.SKIP:
            return None
        value = credited(record.payload)
        if decision.outcome != Outcome.FAIL:
            self.ledgers[record.xero_id] = ledger.after(value - ledger.credited)
        return self._row(record, CREDITS, f"credit:{record.xero_id}", decision, value, requested=requested)

    def _void_row(self, record: XeroRecord, _: dict[str, Known], requested: bool) -> JobRow | None:
        ledger = self.ledgers.get(record.xero_id)
        if ledger is None or (decision := payments.decide_void(record.payload, ledger)).outcome == Outcome.SKIP:
            return None
        return self._row(record, VOIDS, f"void:{record.xero_id}", decision, ledger.total, requested=requested)

    def _row(
        self, record: XeroRecord, kind: str, key: str, decision: Decision, value: Any, *, requested: bool
    ) -> JobRow:
        payload = record.payload
        invoice = payload.get("Invoice") or payload
        ledger = self.ledgers.get(_document_id(record))
        return JobRow(
            job=self.job,
            tenant_id=self.job.tenant_id,
            kind=kind,
            requested=requested,
            stage={("payments", False): 0, (CREDITS, False): 1, ("payments", True): 2}.get((kind, requested), 3),
            record_key=key,
            record_id=ledger.invoice_id if ledger else None,
            label=(ledger.number if ledger else str(invoice.get("InvoiceNumber") or "No number"))[:300],
            detail=str((invoice.get("Contact") or {}).get("Name") or "")[:300],
            amount=value,
            currency=str(invoice.get("CurrencyCode") or self.currency)[:3],
            xero_id=record.xero_id,
            xero_number=str(invoice.get("InvoiceNumber") or "")[:255],
            **decision.columns(),
        )


def apply(job: Job, rows: Sequence[JobRow]) -> None:
    """Decide once more, on locked invoices, and do it: invoices, payments, links, rows and log in one transaction.

    Rows are of one kind. Where another import records the same payment at this very moment, they go one by one.
    """
    try:
        with transaction.atomic(), because(f"Job {job.number}"):
            _Batch(job, rows).apply()
            reach("applying", rows[0].kind)
        reach("applied", rows[0].kind)
    except IntegrityError:
        if len(rows) > 1:
            for row in rows:
                apply(job, [row])
        elif payments.known([rows[0].xero_id], job.tenant_id):
            _lost(job, rows[0])
        else:
            raise


def _lost(job: Job, row: JobRow) -> None:
    """Note that another import has recorded the same payment this very moment."""
    with transaction.atomic():
        row.state, row.reason, row.message, row.how = State.SKIPPED, "already_imported", "Already imported.", ""
        save_rows([row])
        jobs.log(job, "import", State.SKIPPED.label, row=row, message=row.message)


class _Batch:
    """Some rows of one kind, applied together inside the caller's transaction.

    `settled` counts on in the order of the rows, so that each is decided as those before it left its invoice.
    """

    def __init__(self, job: Job, rows: Sequence[JobRow]) -> None:
        self.job, self.rows = job, rows
        kind = "payments" if rows[0].kind == "payments" else "invoices"
        mine = XeroRecord.objects.filter(tenant_id=job.tenant_id, kind=kind)
        self.records = {each.xero_id: each for each in mine.filter(xero_id__in=[row.xero_id for row in rows])}
        self.invoices = self._locked_invoices()
        ids = [invoice.pk for invoice in self.invoices.values()]
        # Read under the lock: another import may just have changed them
        self.settled = defaultdict(lambda: money.ZERO, Invoice.all_settled(ids))
        self.credits = payments.credited(ids)
        self.known = payments.known(list(self.records), job.tenant_id)
        self.new: list[tuple[XeroRecord, Payment]] = []
        self.changed: dict[int, Invoice] = {}
        self.lines: list[LogLine] = []

    def _locked_invoices(self) -> dict[str, Invoice]:
        """Return our invoices by the ids of their documents. Always locked in the same order, so that two imports
        never wait for each other."""
        documents = {_document_id(record) for record in self.records.values()}
        local = payments.invoices_of(documents, self.job.tenant_id)
        locked = Invoice.objects.select_for_update(of=("self",)).select_related("account").filter(uuid__in=list(local))
        return {local[invoice.uuid]: invoice for invoice in locked.order_by("pk")}

    def apply(self) -> None:
        begin(self.invoices.values())
        for row in self.rows:
            record = self.records[row.xero_id]
            invoice = self.invoices.get(_document_id(record))
            decision = self._decide(row, record, invoice)
            if decision.outcome in {Outcome.CREATE, Outcome.UPDATE} and invoice:
                self._do(row, record, invoice)
                self.changed[invoice.pk] = invoice
                self._succeeded(row, decision, invoice)
            else:
                state, row.how = State.SKIPPED if decision.outcome == Outcome.SKIP else State.FAILED, ""
                self._end(row, state, decision.reason, decision.message)
        payments.save([(record.payload, payment) for record, payment in self.new], self.job)
        self._save_invoices()
        save_rows(self.rows)
        insert_each(self.lines)

    def _decide(self, row: JobRow, record: XeroRecord, invoice: Invoice | None) -> Decision:
        currency = self.job.connection.base_currency
        ledger = ledger_of(invoice, self.credits.get(invoice.pk, money.ZERO), currency) if invoice else None
        if row.kind == "payments":
            named = not self.job.selection.get("all")
            return payments.decide(record.payload, ledger, self.known.get(record.xero_id), named=named)
        if ledger is None:
            return Decision(Outcome.SKIP, "no_change", "The invoice is no longer linked.")
        decide = payments.decide_credit if row.kind == CREDITS else payments.decide_void
        return decide(record.payload, ledger)

    def _do(self, row: JobRow, record: XeroRecord, invoice: Invoice) -> None:
        if row.kind == VOIDS:
            invoice.status = Invoice.Status.VOID
            return
        if row.kind == CREDITS:
            payments.credit(record.payload, invoice)
            change = credited(record.payload) - self.credits.get(invoice.pk, money.ZERO)
        elif record.status == "DELETED":
            change = -payments.reverse(record.xero_id, self.job)
        else:
            payment = payments.make(record.payload, invoice)
            self.new.append((record, payment))
            change = payment.amount
        self.settled[invoice.pk] += change
        invoice.stand(self.settled[invoice.pk])

    def _save_invoices(self) -> None:
        """Write the invoices as their payments leave them: added up anew, so that repeating it is harmless."""
        settled = Invoice.all_settled(self.changed)
        now = clock.stamp()
        for invoice in self.changed.values():
            if self.rows[0].kind != VOIDS:
                invoice.stand(settled.get(invoice.pk, money.ZERO))
            invoice.updated = now
        update_each(list(self.changed.values()), ["balance_due", "status", "updated"])
        write(self.changed.values())

    def _succeeded(self, row: JobRow, decision: Decision, invoice: Invoice) -> None:
        row.how = "created" if decision.outcome == Outcome.CREATE else "updated"
        row.diff = [list(change) for change in decision.diff]
        words = f"{row.label} is now {invoice.get_status_display()}, {invoice.balance_due:.2f} due."
        self._end(row, State.SUCCEEDED, decision.reason, words)

    def _end(self, row: JobRow, state: JobRow.State, reason: str, message: str) -> None:
        row.state, row.reason, row.message = state, reason, message
        outcome = {State.SUCCEEDED: LogLine.Outcome.OK, State.FAILED: LogLine.Outcome.FAILED}
        action = row.how.capitalize() or state.label
        fields = jobs.line_fields(
            "import", action, row=row, outcome=outcome.get(state, LogLine.Outcome.INFO), message=message
        )
        self.lines.append(LogLine(job=self.job, **fields))


def _document_id(record: XeroRecord) -> str:
    return record.key if record.kind == "payments" else record.xero_id
