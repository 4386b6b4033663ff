"""Import of payments: plan what comes, then apply each payment, its link and its outcome in one transaction.

Credits, deletions and voided documents come along whatever was chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import IntegrityError, transaction

from bmsxero.history import because, begin
from finance.models import Invoice
from xero_sync import jobs, mirror, selection
from xero_sync.batches import chunks
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
            JobRow.objects.bulk_create(rows, ignore_conflicts=True, batch_size=200)

    def _payment_row(self, record: XeroRecord, known: dict[str, Known], requested: bool) -> JobRow | None:
        ledger = self.ledgers.get(record.key)
        named = requested and not self.job.selection.get("all")
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
            outcome=decision.outcome,
            reason=decision.reason,
            message=decision.message,
            diff=[list(change) for change in decision.diff],
            xero_id=record.xero_id,
            xero_number=str(invoice.get("InvoiceNumber") or "")[:255],
        )


def note_before(rows: Sequence[JobRow]) -> None:
    """Note in the history what the invoices of these rows are, where nothing is known of them yet."""
    begin(Invoice.objects.filter(pk__in={row.record_id for row in rows if row.record_id}))


def apply(job: Job, row: JobRow) -> None:
    """Decide once more, on locked rows, and do it: the invoice, the payment, the link and the row together."""
    try:
        with transaction.atomic(), because(f"Job {job.number}"):
            record = XeroRecord.objects.get(tenant_id=job.tenant_id, kind=_mirror_kind(row), xero_id=row.xero_id)
            invoice, ledger = _locked_invoice(job, record)
            decision = _decide(job, row, record, ledger)
            if decision.outcome in {Outcome.CREATE, Outcome.UPDATE} and invoice:
                _do(job, row, record, invoice)
                _end(job, row, State.SUCCEEDED, decision, invoice)
            elif decision.outcome == Outcome.SKIP:
                _end(job, row, State.SKIPPED, decision, invoice)
            else:
                _end(job, row, State.FAILED, decision, invoice)
            reach("applying", row.kind)
        reach("applied", row.kind)
    except IntegrityError:
        # Another import has recorded the same payment this very moment
        if not payments.known([row.xero_id], job.tenant_id):
            raise
        with transaction.atomic():
            _end(job, row, State.SKIPPED, Decision(Outcome.SKIP, "already_imported", "Already imported."), None)


def _locked_invoice(job: Job, record: XeroRecord) -> tuple[Invoice | None, Ledger | None]:
    local = payments.invoice_of(_document_id(record), job.tenant_id)
    locked = Invoice.objects.select_for_update(of=("self",)).select_related("account")
    invoice = locked.filter(uuid=local).first() if local else None
    if invoice is None:
        return None, None
    # Read under the lock: another import may just have changed it
    return invoice, ledger_of(invoice, payments.credited(invoice), job.connection.base_currency)


def _decide(job: Job, row: JobRow, record: XeroRecord, ledger: Ledger | None) -> Decision:
    if row.kind == "payments":
        known = payments.known([record.xero_id], job.tenant_id).get(record.xero_id)
        return payments.decide(record.payload, ledger, known, named=not job.selection.get("all"))
    if ledger is None:
        return Decision(Outcome.SKIP, "no_change", "The invoice is no longer linked.")
    decide = payments.decide_credit if row.kind == CREDITS else payments.decide_void
    return decide(record.payload, ledger)


def _do(job: Job, row: JobRow, record: XeroRecord, invoice: Invoice) -> None:
    if row.kind == VOIDS:
        invoice.status = Invoice.Status.VOID
        invoice.save(update_fields=["status", "updated"])
        return
    if row.kind == CREDITS:
        payments.credit(record.payload, invoice)
    elif record.status == "DELETED":
        payments.reverse(record.xero_id, job)
    else:
        payments.record(record.payload, invoice, job)
    invoice.settle()


def _end(job: Job, row: JobRow, state: str, decision: Decision, invoice: Invoice | None) -> None:
    row.state, row.reason, row.message = state, decision.reason, decision.message
    if state == State.SUCCEEDED:
        row.how = "created" if decision.outcome == Outcome.CREATE else "updated"
        row.diff = [list(change) for change in decision.diff]
        if invoice:
            row.message = f"{row.label} is now {invoice.get_status_display()}, {invoice.balance_due:.2f} due."
    row.save(update_fields=["state", "reason", "message", "how", "diff", "updated"])
    outcome = {State.SUCCEEDED: LogLine.Outcome.OK, State.FAILED: LogLine.Outcome.FAILED}.get(
        State(state), LogLine.Outcome.INFO
    )
    jobs.log(job, "import", State(state).label if row.how == "" else row.how.capitalize(), row=row, outcome=outcome,
             message=row.message)  # fmt: skip


def _document_id(record: XeroRecord) -> str:
    return record.key if record.kind == "payments" else record.xero_id


def _mirror_kind(row: JobRow) -> str:
    return "payments" if row.kind == "payments" else "invoices"
