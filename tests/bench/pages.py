"""Pages at one size and at a hundred times that: queries, and how long the server takes."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any
from uuid import uuid4

from tests.bench.world import Stopwatch, installation, tell

ROUNDS = 15
LINK_STATES = ("fine", "changed_here", "changed_there", "archived", "missing")
#: Invoices, log lines of one job, rows of one job.
SMALL, LARGE = (1_000, 10_000, 1_000), (100_000, 1_000_000, 10_000)


def pages(large: bool) -> None:
    invoices, lines, rows = LARGE if large else SMALL
    with installation():
        job = _fill(invoices, lines, rows)
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.db import connection
        from django.test import Client
        from django.test.utils import CaptureQueriesContext

        settings.ALLOWED_HOSTS = ["*"]
        client = Client()
        client.force_login(User.objects.get(username="admin"))
        for name, path in _addresses(job):
            client.get(path)
            with CaptureQueriesContext(
                connection,
            ) as queries:
                answer = client.get(path)
            number = len(queries)
            # 286 tells a page that polls to stop
            assert answer.status_code in {200, 286}, (path, answer.status_code)
            times = []
            for _ in range(ROUNDS):
                start = time.perf_counter()
                client.get(path)
                times.append((time.perf_counter() - start) * 1000)
            times.sort()
            tell(
                page=name,
                queries=number,
                p50_ms=round(statistics.median(times)),
                p95_ms=round(times[int(len(times) * 0.95)]),
            )


def _addresses(job: Any) -> list[tuple[str, str]]:
    from crm.models import Account

    largest = Account.objects.order_by("pk").values_list("pk", flat=True)[0]
    return [
        ("Home", "/"),
        ("Invoices", "/finance/invoices/"),
        ("Invoices, last page", "/finance/invoices/?page=999999"),
        ("Invoices, search", "/finance/invoices/?q=BENCH-00099"),
        ("Invoices, not in Xero", "/finance/invoices/?xero=not_sent"),
        ("Accounts", "/crm/accounts/"),
        ("Account of 5 % of the invoices", f"/crm/accounts/{largest}/"),
        ("Payments", "/finance/payments/"),
        ("Payments, search", "/finance/payments/?q=BENCH-00099"),
        ("Finance", "/finance/"),
        ("Xero", "/finance/xero/"),
        ("Jobs", "/finance/jobs/"),
        ("Job", f"/finance/jobs/{job.number}/"),
        ("Job, poll", f"/finance/jobs/{job.number}/progress/"),
        ("Log", f"/finance/jobs/{job.number}/log/"),
        ("Log, search", f"/finance/jobs/{job.number}/log/?q=needle"),
        ("Export wizard", f"/finance/xero/export-invoices/?load=all&draft={uuid4()}"),
        ("Export wizard, number", f"/finance/xero/export-invoices/?load=all&number=00099&draft={uuid4()}"),
        ("Export wizard, excluded", f"/finance/xero/export-invoices/?load=all&view=excluded&draft={uuid4()}"),
        ("Export accounts", f"/finance/xero/export/accounts/?draft={uuid4()}"),
        ("Export accounts, new", f"/finance/xero/export/accounts/?state=new&draft={uuid4()}"),
        ("Import accounts, new", f"/finance/xero/import/accounts/?state=new&draft={uuid4()}"),
        ("Links", "/finance/xero/links/"),
        ("Links, search", "/finance/xero/links/?q=BENCH-00099"),
        *((f"Links, {state}", f"/finance/xero/links/?state={state}") for state in LINK_STATES),
    ]


def _fill(invoices: int, lines: int, rows: int) -> Any:
    """Fill the database with rows made in bulk, as years of work leave it."""
    from datetime import date

    from django.utils import timezone

    from crm.models import Account
    from finance.models import Invoice, Payment
    from tests.xero_sync.pages import make_job
    from xero_sync import jobs
    from xero_sync.models import JobRow, LogLine

    accounts = Account.objects.bulk_create(
        (Account(name=f"Customer {n}", code=f"C{n}") for n in range(invoices)), batch_size=2000
    )
    day = date(2026, 11, 2)
    made = Invoice.objects.bulk_create(
        (
            Invoice(number=f"BENCH-{n:06}", account=accounts[n % (len(accounts) // 20) if n % 20 else 0],
                    date=day, due_date=day,
                    subtotal=100, total=100, balance_due=100, status=Invoice.Status.READY)
            for n in range(invoices)
        ),
        batch_size=2000,
    )  # fmt: skip
    Payment.objects.bulk_create(
        (Payment(invoice=each, account=each.account, date=day, amount=1, source="xero") for each in made[::2]),
        batch_size=2000,
    )
    for _ in range(invoices // 25):
        make_job("completed")
    job = make_job("completed")
    # Half of either are in Xero, so that each list has both sorts
    _link("invoices", made[::2], job, lambda each: ({"number": each.number, "total": "100.00", "date": f"{day}"}, day))
    _link("contacts", accounts[::2], job, lambda each: ({"name": each.name}, None))
    JobRow.objects.bulk_create(
        (
            JobRow(job=job, tenant_id=job.tenant_id, kind="invoices", record_key=str(uuid4()), label=f"BENCH-{n:06}",
                   detail="Customer", outcome="create", state="succeeded", how="created", currency="GBP")
            for n in range(rows)
        ),
        batch_size=2000,
    )  # fmt: skip
    now = timezone.now()
    LogLine.objects.bulk_create(
        (
            LogLine(job=job, time=now, step="send", record=f"BENCH-{n % invoices:06}", action="Created", outcome="ok",
                    message="needle" if n % 9973 == 0 else "Created in Xero.")
            for n in range(lines)
        ),
        batch_size=5000,
    )  # fmt: skip
    jobs.recount(job)
    return job


def _link(kind: str, records: list[Any], job: Any, describe: Any) -> None:
    """Link these records, and let our copy of Xero hold them."""
    from django.utils import timezone

    from xero_sync.models import XeroLink, XeroRecord

    now = timezone.now()
    links, remotes = [], []
    for n, record in enumerate(records):
        sent, day = describe(record)
        xero_id, label = str(uuid4()), str(record)
        links.append(
            XeroLink(tenant_id=job.tenant_id, kind=kind, local_id=record.uuid, xero_id=xero_id, xero_number=label,
                     matched_by="created", job=job, sent=sent, last_seen=now)
        )  # fmt: skip
        payload = {
            "Name": label,
            "Total": "100.00",
            "Contact": {"Name": f"Customer {n}"},
            "EmailAddress": "a@b.example",
        }
        remotes.append(
            XeroRecord(tenant_id=job.tenant_id, kind=kind, xero_id=xero_id, key=label, folded_name=label.casefold(),
                       status="ARCHIVED" if n % 1000 == 7 else "ACTIVE", date=day, updated_utc=now, seen_at=now,
                       payload=payload)
        )  # fmt: skip
    XeroLink.objects.bulk_create(links, batch_size=2000)
    XeroRecord.objects.bulk_create(remotes, batch_size=2000)


def _fill_elsewhere(invoices: int, lines: int, rows: int) -> None:
    """Fill the database in a process of its own, so that what that takes of memory is not counted here."""
    from django.db import connections

    connections.close_all()
    pid = os.fork()
    if not pid:
        _fill(invoices, lines, rows)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def csv(number: int) -> None:
    """Take all invoices away as CSV, and choose them all in the wizard."""
    with installation():
        _fill_elsewhere(number, 1000, 1000)
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client

        settings.ALLOWED_HOSTS = ["*"]
        client = Client()
        client.force_login(User.objects.get(username="admin"))
        with Stopwatch() as watch:
            start = time.perf_counter()
            body = iter(client.get("/finance/invoices.csv"))
            next(body)
            first = (time.perf_counter() - start) * 1000
            size = sum(len(part) for part in body)
        tell(what="CSV of all invoices", **watch.figures(records=number, first_byte_ms=round(first), mb=size // 10**6))
        token = uuid4()
        with Stopwatch() as watch:
            answer = client.post(
                "/finance/xero/select/invoices/", {"here": f"load=all&draft={token}", "do": "all"}, follow=True
            )
        assert answer.status_code == 200, answer.status_code
        tell(what="Select all invoices", **watch.figures(records=number))


def check(number: int) -> None:
    """Check many invoices: our own work, the few calls to Xero included."""
    with installation():
        from django.utils import timezone

        from finance import sample_data
        from tests.xero_sync import driving

        sample_data.create(sample_data.Size(number // 5, 50, number), today=timezone.localdate())
        with Stopwatch() as watch:
            driving.check()
        tell(what="Check of invoices", **watch.figures(records=number))


def recheck(number: int, touched: int) -> None:
    """Choose an account for one item on the page of a check: all that the person waits for."""
    with installation():
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client
        from django.utils import timezone

        from finance import sample_data
        from finance.models import AccountCode, Invoice, InvoiceLine, Item
        from tests.xero_sync import driving
        from xero_sync.models import XeroRecord

        settings.ALLOWED_HOSTS = ["*"]
        client = Client()
        client.force_login(User.objects.get(username="admin"))
        sample_data.create(sample_data.Size(number // 5, 50, number), today=timezone.localdate())
        bare = Item.objects.create(
            name="Backup", kind="service", income_account=AccountCode.objects.create(code="9999", name="Not in Xero")
        )
        some = Invoice.objects.order_by("pk").values("pk")[:touched]
        InvoiceLine.objects.filter(invoice__in=list(some.values_list("pk", flat=True))).update(item=bare)
        job = driving.check()
        assert job.counts["outcome"].get("fail") == touched, job.counts
        sales = XeroRecord.objects.get(kind="account_codes", key="200")
        code, _ = AccountCode.objects.get_or_create(code="200", defaults={"name": sales.payload["Name"]})
        assert client.get(job.get_absolute_url()).status_code == 200  # a server has loaded its pages long ago
        posted = {"what": "account", "field": "income_account", "account": code.pk, "here": "show=fail"}
        with Stopwatch() as watch:
            client.post(f"/finance/jobs/{job.number}/fix/", posted)
        job.refresh_from_db()
        assert job.counts["outcome"] == {"create": number}, job.counts
        tell(what=f"Mend {touched} of them at Check", **watch.figures(records=number))
