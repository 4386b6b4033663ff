"""After a fix at Check only what it touches is decided again: the outcome is that of checking everything again."""

from __future__ import annotations

import os
import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User

from finance.models import AccountCode, Invoice, InvoiceLine, Item, TaxRate
from tests.records import account, invoice, tax
from tests.xero_sync.driving import check, check_import, checked, send
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, fix_accounts, fix_rows, fix_taxes, fixes, job_pages, job_words, jobs, mirror, rechecks
from xero_sync.gateway import Gateway
from xero_sync.mending import Mended, NotMended
from xero_sync.models import Job, JobRow, SyncOptions, TaxMapping, XeroConnection, XeroLink, XeroRecord

pytestmark = pytest.mark.django_db
Seed = random.Random
#: So many worlds; many more were tried when this was written.
SEEDS = int(os.environ.get("RECHECK_SEEDS", "8"))

ROW_FIELDS = [field.attname for field in JobRow._meta.concrete_fields if field.attname not in {"id", "updated"}]


def told(job: Job) -> tuple[Any, ...]:
    """Return all that the page of a check tells."""
    job = Job.objects.get(pk=job.pk)
    rows = {(row.kind, row.record_key): {name: getattr(row, name) for name in ROW_FIELDS} for row in job.rows.all()}
    counts = {name: value for name, value in job.counts.items() if name != "pace"}
    headline = job_words.headline(job, job_pages.sums_by(job, "outcome"), "Acme")
    order = list(job.rows.filter(requested=True).order_by("pk").values_list("record_key", flat=True))
    return rows, counts, headline, order, job.options


def everything_again(job: Job) -> Job:
    assert jobs.recheck(job)
    return checked(job)


def agrees(job: Job, mended: Mended) -> rechecks.Rechecked:
    """Decide again what was mended, and see that the page then tells what it would after checking everything again."""
    result = rechecks.after(job, mended.touched)
    assert result
    assert not result.by_worker, result.by_worker
    at_once, in_whole = told(job), told(everything_again(job))
    assert not differences(at_once[0], in_whole[0]), mended.words
    assert at_once == in_whole, mended.words
    job.refresh_from_db()
    return result


def differences(some: dict[Any, Any], others: dict[Any, Any]) -> dict[Any, Any]:
    """Return what differs between two sets of rows, field by field."""
    found = {}
    for key in some.keys() | others.keys():
        one, other = some.get(key, {}), others.get(key, {})
        if one != other:
            names = [name for name in ROW_FIELDS if one.get(name) != other.get(name)]
            found[*key, (one or other)["label"]] = {name: (one.get(name), other.get(name)) for name in names}
    return found


# --- a world with something of every problem


def invoices_of(seed: Seed, items: list[Item], taxes: list[TaxRate], number: int) -> None:
    accounts = [account(name) for name in ("Acme", "acme", "Bolt", "Nut", "Nut", "Screw")]
    for each in accounts:
        each.taxable, each.sales_tax = seed.random() < 0.4, seed.choice(taxes)
        each.save()
    for n in range(number):
        made = Invoice.objects.create(
            number=f"INV-{n}", account=seed.choice(accounts), status="ready",
            date=date(2026, 11, 2) + timedelta(days=seed.randrange(5)), due_date=date(2026, 12, 2),
        )  # fmt: skip
        for position in range(seed.randint(1, 2)):
            InvoiceLine.objects.create(
                invoice=made, position=position, description="Work", unit_price=Decimal(seed.randint(1, 90)),
                quantity=seed.randint(1, 4), item=seed.choice([None, *items]), taxable=seed.random() < 0.7,
                tax=seed.choice([None, *taxes]),
            )  # fmt: skip
        made.recalculate()


def world(seed: Seed, connection: XeroConnection, *, invoices: int) -> None:
    codes = [AccountCode.objects.create(code=code, name=f"Code {code}") for code in ("200", "310", "951")]
    taxes = [tax("20% (VAT on Income)", "20"), tax("Odd", "17.5"), tax("Zero", "0"), tax("Old", "20")]
    items = [
        Item.objects.create(
            name=name, kind=seed.choice(["product", "service"]), code=code, unit_price=Decimal(10),
            income_account=seed.choice([None, None, codes[0], codes[2]]),
            expense_account=seed.choice([None, codes[1]]),
            taxable=seed.random() < 0.5, tax=seed.choice(taxes),
        )
        for name, code in (
            ("Support", "SUP"), ("Support", "SUP"), ("Help", "SUP"), ("Laptop", ""), ("Tracked", "TRACK"),
            ("Plain", ""),
        )
    ]  # fmt: skip
    Item.objects.filter(code="TRACK").update(kind="product", requires_procurement=True)
    twice = Seed(7)
    for name, kind in (("Bolt", "contacts"), ("Plain", "items")):
        for _ in range(2):
            in_xero(connection, kind, name, twice)
    TaxMapping.objects.create(tenant_id=connection.tenant_id, tax_rate=taxes[1], tax_type="OUTPUT2")
    TaxMapping.objects.create(tenant_id=connection.tenant_id, tax_rate=taxes[3], tax_type="INPUT2")
    SyncOptions.objects.update(
        sales_account=seed.choice(["", "200", "999"]), purchases_account=seed.choice(["", "310"])
    )
    if invoices:
        invoices_of(seed, items, taxes, invoices)


def in_xero(connection: XeroConnection, kind: str, name: str, seed: Seed) -> XeroRecord:
    number = f"{name.upper()}-{seed.randrange(10**6)}"
    return XeroRecord.objects.create(
        tenant_id=connection.tenant_id, kind=kind, xero_id=number, key=number.lower(), folded_name=mirror.fold(name),
        status="ACTIVE", payload={"Name": name, "Code": number}, seen_at=clock.now(),
    )  # fmt: skip


# --- fixes, each chosen at random among what the page offers


def leave_one_out(job: Job, seed: Seed) -> Mended:
    rows = job.rows.filter(requested=True).exclude(outcome="skip")
    return fix_rows.leave_out(job, rows.filter(pk=seed.choice(list(rows.values_list("pk", flat=True)))))


def leave_a_group_out(job: Job, seed: Seed) -> Mended:
    held_up = job.rows.filter(outcome__in=rechecks.HELD_UP, requested=True)
    return fix_rows.leave_out(job, held_up.filter(reason=seed.choice(list(held_up.values_list("reason", flat=True)))))


def put_one_back(job: Job, seed: Seed) -> Mended:
    rows = job.rows.filter(reason="left_out", requested=True)
    return fix_rows.put_back(job, rows.filter(pk=seed.choice(list(rows.values_list("pk", flat=True)))))


def decide(job: Job, seed: Seed) -> Mended:
    question = seed.choice(fixes.questions(job))
    return fixes.decide(job, {question.name.removeprefix(fixes.PREFIX): seed.choice(question.options).value})


def choose_an_account(job: Job, seed: Seed) -> Mended:
    fix = seed.choice([fix for fix in fix_accounts.offered(job).items if fix.codes])
    return fix_accounts.set_account(job, fix.field, str(seed.choice(fix.codes).pk))


def choose_a_default(job: Job, seed: Seed) -> Mended:
    fix = seed.choice(fix_accounts.offered(job).defaults)
    return fix_accounts.set_default(job, fix.name, seed.choice(fix.codes).key, User.objects.get())


def match_a_tax(job: Job, seed: Seed) -> Mended:
    fix = seed.choice(fix_taxes.offered(job))
    wanted = [each.xero_id for each in (*fix.same, *fix.same, *fix.others)] + ["match"] * bool(fix.saved)
    return fix_taxes.set_tax(job, str(fix.rate.pk), seed.choice(wanted))


def take_codes(job: Job, seed: Seed) -> Mended:
    return fix_rows.set_codes(
        job, {each.key: seed.choice([each.suggestion, "SUP-9"]) for each in fix_rows.codes(job)[0]}
    )


def change_an_option(job: Job, seed: Seed) -> Mended:
    return fixes.set_option(job, seed.choice(["draft", "backorders", "xero_numbers"]))


FIXES = [
    leave_one_out, leave_a_group_out, put_one_back, decide, choose_an_account, choose_a_default, match_a_tax,
    take_codes, change_an_option, lambda job, seed: fixes.forget(job), lambda job, seed: fix_rows.put_all_back(job),
]  # fmt: skip


def any_fix(job: Job, seed: Seed) -> Mended | None:
    """Do one of the fixes that the page offers."""
    for fix in seed.sample(FIXES, len(FIXES)):
        try:
            return fix(job, seed)
        except (IndexError, NotMended):
            continue  # there is nothing of this kind to mend
    return None


@pytest.mark.parametrize("number", range(SEEDS))
def test_any_fixes_come_to_what_a_whole_check_says(connection: XeroConnection, number: int) -> None:
    seed = Seed(number)
    mirror_all(connection)
    kind = seed.choice(["invoices", "invoices", "items", "contacts"])
    world(seed, connection, invoices=14)
    job = check({"all": True}, kind, status=seed.choice(["DRAFT", "AUTHORISED"]))
    for _ in range(7):
        if not (mended := any_fix(job, seed)):
            break
        agrees(job, mended)


def mirror_all(connection: XeroConnection) -> None:
    for kind in ("contacts", "items", "tax_rates", "account_codes"):
        mirror.read(Gateway(connection), kind)


@pytest.mark.parametrize("number", range(3))
def test_an_import_too(connection: XeroConnection, number: int) -> None:
    seed = Seed(number)
    mirror_all(connection)
    for name in ("Acme", "Bolt", "Bolt", "Nut"):
        account(name, code=name)
    for n, name in enumerate(("Acme", "acme", "Bolt", "Nut", "Nut", "Screw", "Screw")):
        record = in_xero(connection, "contacts", name, Seed(n))
        if seed.random() < 0.5:
            record.payload["AccountsReceivableTaxType"] = seed.choice(["OUTPUT2", "RROUTPUT"])
            record.save()
    job = check_import("contacts", {"all": True})
    for _ in range(7):
        if not (mended := any_fix(job, seed)):
            break
        agrees(job, mended)


class TestByAWorker:
    """What a page can't wait for, or what has to be asked of Xero."""

    def test_too_many_rows(self, connection: XeroConnection, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rechecks, "MOST_ROWS", 2)
        for n in range(3):
            invoice(f"INV-{n}", status="ready")
        job = check()
        result = rechecks.after(job, fix_rows.leave_out(job, job.rows.all()).touched)
        assert result
        assert result.by_worker == "That touches more than 2 records"
        assert job.state == Job.State.CHECKING
        assert checked(job).counts["outcome"] == {"skip": 3}

    def test_a_new_number_is_looked_up_in_xero(self, connection: XeroConnection, xero: SimulatedXero) -> None:
        made = invoice("INV-1", of=account("Bolt"), status="ready")
        xero.write("Invoices", {
            "Type": "ACCREC", "Contact": {"Name": "Somebody"}, "InvoiceNumber": "INV-1", "Date": "2026-11-01",
            "DueDate": "2026-11-30",
            "LineItems": [{"Description": "x", "Quantity": 1, "UnitAmount": 5, "AccountCode": "200"}],
        })  # fmt: skip
        job = check()
        assert job.rows.get(label="INV-1").reason == "number_taken"
        result = rechecks.after(job, fix_rows.set_number(job, str(made.uuid), "INV-1A").touched)
        assert result
        assert result.by_worker == "That needs a look into Xero"
        assert checked(job).rows.get(label="INV-1A").outcome == "create"

    def test_what_xero_said_of_a_number_is_remembered(self, connection: XeroConnection, xero: SimulatedXero) -> None:
        self.test_a_new_number_is_looked_up_in_xero(connection, xero)
        Invoice.objects.update(number="INV-1")
        job = check()
        calls = len(xero.calls())
        agrees(job, fix_rows.leave_out(job, job.rows.filter(reason="number_taken")))
        agrees(job, fix_rows.put_all_back(job))
        assert job.rows.get(label="INV-1").reason == "number_taken"
        assert calls == len(xero.calls())

    def test_a_job_that_was_sent_meanwhile_stays_as_it_is(self, connection: XeroConnection) -> None:
        invoice("INV-1", status="ready")
        job = check()
        mended = fix_rows.leave_out(job, job.rows.all())
        jobs.send(job)
        assert rechecks.after(job, mended.touched) is None
        assert job.rows.get(label="INV-1").outcome == "create"


class TestSideEffects:
    def test_what_only_a_left_out_record_needs_stays_where_it_is(self, connection: XeroConnection) -> None:
        invoice("INV-1", of=account("Bolt"), status="ready")
        invoice("INV-2", of=account("Nut"), status="ready")
        job = check()
        assert job.counts["also"]["contacts"]["create"] == 2
        agrees(job, fix_rows.leave_out(job, job.rows.filter(label="INV-1")))
        assert job.counts["also"]["contacts"] == {"create": 1, "skip": 1, "planned": 2}
        assert send(job).counts["how"] == {"created": 1}
        assert XeroLink.objects.filter(kind="contacts").count() == 1

    def test_whoever_leaves_a_customer_out_leaves_the_invoices_out(self, connection: XeroConnection) -> None:
        mirror_all(connection)
        for n in range(2):
            in_xero(connection, "contacts", "Bolt", Seed(n))
        invoice("INV-1", of=account("Bolt"), status="ready")
        job = check()
        (question,) = fixes.questions(job)
        agrees(job, fixes.decide(job, {question.name.removeprefix(fixes.PREFIX): "skip"}))
        row = job.rows.get(requested=True)
        assert (row.outcome, row.message) == ("skip", "Left out, as account “Bolt” was.")
        agrees(job, fix_rows.put_back(job, job.rows.filter(pk=row.pk)))
        assert job.rows.get(requested=True).outcome == "decide"
