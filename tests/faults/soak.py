"""Kill, freeze and lie to real workers while they export and import, then check what became of it.

    make soak ARGS="--invoices 10000 --kills 1000 --seed 1"

PostgreSQL (TEST_DATABASE_URL) and Redis (TEST_REDIS_URL) must answer; a database of its own is made and dropped.
Exit 0 if the checker finds nothing, else 1. The same seed gives the same orders; where they strike is chance.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from tests import services
from tests.xero_sync.simulated import ROOT, SimulatedXero

if TYPE_CHECKING:
    from xero_sync.models import Job, XeroConnection

LEASE, SETTLE = 8, 8
#: What the simulated Xero does to so many percent of all calls; all of it mends itself.
LIES = [
    "error_500_before", "error_500_after", "error_500_half", "error_500_gate", "gateway_502", "gateway_504_after",
    "unavailable", "timeout_after", "late_commit", "reset_after", "reset_mid_answer", "malformed_json", "html_body",
    "empty_body", "missing_element", "reordered", "slow", "gzip_unasked", "unauthorized", "rate_limit_minute",
    "rate_limit_concurrent", "no_refresh_token",
]  # fmt: skip
#: A late commit comes after the call's deadline and before the end of the settle time.
LIE_SETTINGS = {"seconds": LEASE, "commit_after": LEASE * 2 // 3 + 1, "retry_after": 2}
#: Give up when nothing has moved for so long.
PATIENCE = 15 * 60  # the longest wait between two look-ups that fail is 103 settle times


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--organisations", type=int, default=6)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--parallel", type=int, default=3, help="XERO_PARALLEL")
    parser.add_argument("--numbers", choices=["bms_number", "bms_id", "xero_number", "mixed"], default="mixed")
    parser.add_argument("--lies", type=int, default=5, metavar="PERCENT", help="calls that Xero fails to answer well")
    parser.add_argument("--pace", default="0.2,1.2", help="seconds between two kills, from,to")
    parser.add_argument("--break", dest="broken", default="", help="one guard: fence, settle, index, lease")
    return parser.parse_args()


@contextmanager
def database(name: str) -> Iterator[str]:
    """Make an empty database beside the tests' own, and drop it in the end."""
    with psycopg.connect(services.POSTGRES, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"{services.POSTGRES.rpartition('/')[0]}/{name}"
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


class Nursery:
    """The workers, and what is done to them."""

    def __init__(self, log: Path, broken: str, chance: random.Random) -> None:
        self.chance = chance
        self.names = iter(range(1, 1_000_000))
        self.kills = self.busy_kills = self.freezes = 0
        self.frozen: dict[int, float] = {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery", *([broken] if broken else [])],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("w"),
            text=True,
        )
        self.beat = self._born("beat")
        self.workers: list[int] = []
        # By itself: what a frozen worker has locked would hold up who is to thaw it
        self.lock = threading.Lock()
        threading.Thread(target=self._keep_thawing, daemon=True).start()

    def _keep_thawing(self) -> None:
        while True:
            self.thaw()
            time.sleep(0.1)

    def _born(self, order: str) -> int:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def grow(self, number: int) -> None:
        while len(self.workers) < number:
            self.workers.append(self._born(f"worker w{next(self.names)}"))

    def kill(self, busy: set[int]) -> None:
        """Kill one, four times in five one that has an organisation in hand; another takes its place."""
        mine = [pid for pid in self.workers if pid in busy]
        victim = self.chance.choice(mine if mine and self.chance.random() < 0.8 else self.workers)
        self.workers.remove(victim)
        with self.lock:
            self.frozen.pop(victim, None)
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        self.kills += 1
        self.busy_kills += victim in busy
        if self.chance.random() < 0.05:
            os.kill(self.beat, signal.SIGKILL)
            self.beat = self._born("beat")
        self.grow(len(self.workers) + 1)

    def freeze(self) -> None:
        victim = self.chance.choice(self.workers)
        with self.lock:
            if victim not in self.frozen:
                self.frozen[victim] = time.monotonic() + self.chance.uniform(0.5, 2.5 * LEASE)
                os.kill(victim, signal.SIGSTOP)
                self.freezes += 1

    def thaw(self, *, everybody: bool = False) -> None:
        with self.lock:
            for pid, until in list(self.frozen.items()):
                if everybody or time.monotonic() > until:
                    del self.frozen[pid]
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

    def close(self) -> None:
        for pid in [*self.workers, self.beat]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait(10)


class Every:
    """Something to do now and then, at irregular intervals."""

    def __init__(self, seconds: tuple[Any, Any], act: Callable[[], None] | None) -> None:
        self.seconds, self.act, self.next = seconds, act, time.monotonic()

    def perhaps(self, chance: random.Random) -> None:
        if self.act and time.monotonic() >= self.next:
            self.act()
            self.next = time.monotonic() + chance.uniform(*self.seconds)


class Soak:
    """The work, and how it goes."""

    def __init__(
        self, xero: SimulatedXero, options: argparse.Namespace, nursery: Nursery, chance: random.Random
    ) -> None:
        self.xero, self.options, self.nursery, self.chance = xero, options, nursery, chance
        self.lies: dict[str, int] = {}
        self.left_to_a_person = 0
        self.moved, self.seen = time.monotonic(), (-1, -1)
        self.left: dict[int, list[str]] = {}
        self.connections: list[XeroConnection] = []

    # --- before

    def connect(self) -> None:
        from xero_sync import oauth, organisation
        from xero_sync.models import SyncOptions

        names = [f"Books {n + 1}" for n in range(self.options.organisations)]
        self.xero.reset(organisations=[{"name": name, "country": "GB"} for name in names])
        for n, name in enumerate(names):
            told = self.xero.control("token", organisation=name)
            tokens = oauth.Tokens.from_answer(told)
            made = oauth.save_connection(oauth.Organisation("", told["tenant_id"], name), tokens, None)  # type: ignore[arg-type]
            organisation.set_up(made)
            made.refresh_from_db()
            self.connections.append(made)
            modes = ("bms_number", "xero_number", "bms_id")
            mode = modes[n % 3] if self.options.numbers == "mixed" else self.options.numbers
            # Authorised, so that they can be paid
            SyncOptions.objects.filter(connection=made).update(
                invoice_number=mode, status="AUTHORISED", suggested=False
            )

    def seed(self) -> None:
        from crm.models import Account, Site
        from finance.models import Invoice, InvoiceLine, Item, TaxRate

        tax = TaxRate.objects.create(name="VAT 20%", rate=Decimal(20))
        items = Item.objects.bulk_create(
            Item(
                name=f"Service {n}",
                code=f"S{n}",
                unit_price=Decimal(10 + n),
                kind=Item.Kind.SERVICE,
                taxable=True,
                tax=tax,
            )
            for n in range(10)
        )
        number = self.options.invoices
        accounts = Account.objects.bulk_create(Account(name=f"Customer {n}") for n in range(max(2, number // 25)))
        Site.objects.bulk_create(Site(account=account, name="Office", is_main=True) for account in accounts)
        day = date.today()  # noqa: DTZ011
        invoices = Invoice.objects.bulk_create(
            Invoice(
                number=f"INV-{n:06}", account=accounts[n % len(accounts)], date=day, due_date=day,
                status=Invoice.Status.READY,
            )
            for n in range(number)
        )  # fmt: skip
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                invoice=invoice, position=p, description="Work", unit_price=Decimal(n % 97 + p), tax=tax,
                item=self.chance.choice(items),
            )
            for n, invoice in enumerate(invoices)
            for p in (1, 2)
        )  # fmt: skip
        self.total(invoices)
        for n, connection in enumerate(self.connections):
            self.left[connection.pk] = [str(invoice.uuid) for invoice in invoices[n :: len(self.connections)]]

    def total(self, invoices: list[Any]) -> None:
        """Reckon one of each kind, and give the others of the kind the same totals."""
        from finance.models import Invoice

        done: dict[int, Any] = {}
        for n, invoice in enumerate(invoices):
            if n < 97:
                invoice.recalculate()
                done[n] = invoice
            else:
                like = done[n % 97]
                for name in ("subtotal", "total_tax", "total", "balance_due"):
                    setattr(invoice, name, getattr(like, name))
        Invoice.objects.bulk_update(invoices[97:], ["subtotal", "total_tax", "total", "balance_due"], batch_size=500)

    # --- while it runs

    def start_jobs(self) -> None:
        """Keep two jobs going per organisation; they overlap a little, so that they want the same invoices."""
        from xero_sync import jobs
        from xero_sync.models import Job

        for job in Job.objects.filter(state=Job.State.CHECKED):
            jobs.send(job)
        going = Counter(Job.objects.exclude(state__in=Job.ENDED).values_list("connection_id", flat=True))
        for connection in self.connections:
            if going[connection.pk] < 2 and (left := self.left[connection.pk]):
                size = self.chance.randint(20, 150)
                chosen = left[:size]
                self.left[connection.pk] = left[max(1, int(size * 0.9)) :] if len(left) > size else []
                self.start(connection, "invoices", {"ids": chosen})

    def start(self, connection: XeroConnection, kind: str, selection: dict[str, Any], direction: str = "export") -> Job:
        from xero_sync import jobs
        from xero_sync.models import XeroConnection

        XeroConnection.objects.filter(is_current=True).update(is_current=False)
        XeroConnection.objects.filter(pk=connection.pk).update(is_current=True)
        return jobs.start_check(kind, direction, selection, user=None, started_as="soak")

    def linked(self) -> int:
        from xero_sync.models import XeroLink

        return XeroLink.objects.filter(kind="invoices").count()

    def busy(self) -> set[int]:
        """Return the processes that have an organisation or a job in hand."""
        from xero_sync.models import Job, XeroConnection

        owners = [
            *XeroConnection.objects.exclude(lease_owner="").values_list("lease_owner", flat=True),
            *Job.objects.exclude(lease_owner="").values_list("lease_owner", flat=True),
        ]
        return {int(owner.split(":")[1]) for owner in owners}

    def open_jobs(self) -> int:
        from xero_sync.models import Job

        return Job.objects.exclude(state__in=Job.ENDED).count()

    def storm(self) -> None:
        """Until all invoices were tried and all kills are done: work, kills spread over it, lies, freezes."""
        self.moved, self.seen = time.monotonic(), (-1, -1)
        if self.options.lies:
            self.xero.control(
                "random-faults", percent=self.options.lies, seed=self.options.seed, kinds=LIES, settings=LIE_SETTINGS
            )
        acts = [
            Every(self.pace(), self.kill),
            Every((2, 12), self.nursery.freeze if self.options.kills else None),
            Every((20, 20), self.pay),
            Every((15, 15), self.tell),
        ]
        while self.goes_on():
            self.start_jobs()
            for act in acts:
                act.perhaps(self.chance)
            time.sleep(0.05)

    def pace(self) -> tuple[Any, Any]:
        slow, fast = map(Decimal, self.options.pace.split(","))
        return slow.__float__(), fast.__float__()

    def kill(self) -> None:
        """No faster than the work goes: kills are to strike it, not an empty hall."""
        done, total, kills = self.linked(), self.options.invoices, self.options.kills
        if self.nursery.kills < kills and self.nursery.kills * total <= kills * (done + total // 20):
            self.nursery.kill(self.busy())

    def goes_on(self) -> bool:
        """Say whether anything is left to do, and asks once more for what was stopped or lost to another job."""
        linked = self.linked()
        if (linked, self.nursery.kills) != self.seen:
            self.moved, self.seen = time.monotonic(), (linked, self.nursery.kills)
        if time.monotonic() - self.moved > PATIENCE:
            self.tell()
            return False
        if any(self.left.values()) or self.open_jobs():
            return True
        for connection in self.connections:
            self.left[connection.pk] = self.unlinked(connection)
        return any(self.left.values())

    def tell(self) -> None:
        from xero_sync.models import Job

        jobs = Job.objects.exclude(state__in=Job.ENDED).values_list("pk", "kind", "state", "wait_why", "wait_until")
        print(
            f"{self.linked()} of {self.options.invoices} in Xero, {self.nursery.kills} kills;",
            *map(str, jobs),
            flush=True,
        )

    def unlinked(self, connection: XeroConnection) -> list[str]:
        from finance.models import Invoice
        from xero_sync.models import JobRow, XeroLink

        linked = set(map(str, XeroLink.objects.filter(kind="invoices").values_list("local_id", flat=True)))
        refused = JobRow.objects.filter(state__in=(JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW), requested=True)
        ended = set(refused.values_list("record_key", flat=True))
        n = self.connections.index(connection)
        mine = list(Invoice.objects.order_by("id").values_list("uuid", flat=True))[n :: len(self.connections)]
        return [str(uuid) for uuid in mine if str(uuid) not in linked and str(uuid) not in ended]

    def pay(self) -> None:
        """Let customers pay, take one payment back, and import: two imports at once now and then."""
        from xero_sync.models import Job

        if Job.objects.filter(direction="import").exclude(state__in=Job.ENDED).count() > 2:
            return
        connection = self.chance.choice(self.connections)
        with suppress(AssertionError):  # nobody owes anything yet
            self.xero.control("pay", organisation=connection.tenant_id, count=self.chance.randint(1, 8))
        for _ in range(self.chance.choice([1, 1, 2])):
            self.start(connection, "payments", {"all": True, "fresh": True}, "import")

    def calm(self) -> None:
        """No more harm. Whatever is open must end by itself."""
        self.nursery.thaw(everybody=True)
        self.lies = self.xero.calls()["random_faults"]["fired"]
        self.xero.control("random-faults", percent=0)
        self.settle_down()
        self.look_again()
        for connection in self.connections:
            self.start(connection, "payments", {"all": True, "fresh": True}, "import")
        self.settle_down()

    def settle_down(self) -> None:
        end = time.monotonic() + PATIENCE
        while self.open_jobs() and time.monotonic() < end:
            self.start_jobs()
            time.sleep(0.2)

    def look_again(self) -> None:
        """Do once what a person is asked to do: have Xero asked again about the rows that were left to one."""
        from xero_sync import jobs
        from xero_sync.models import Job, JobRow

        self.left_to_a_person = JobRow.objects.filter(state=JobRow.State.NEEDS_REVIEW).count()
        for job in Job.objects.filter(
            state=Job.State.NEEDS_ATTENTION, rows__state=JobRow.State.NEEDS_REVIEW
        ).distinct():
            jobs.look_again(job, user=None)
        self.settle_down()

    # --- after

    def report(self, seconds: int) -> int:
        from tests.faults import checker
        from xero_sync.models import Job, JobRow, LogLine, XeroRequest

        found = checker.findings(self.xero)
        rows = JobRow.objects.filter(requested=True, kind="invoices")
        recovered = sorted(
            (time_ - sent).total_seconds()
            for time_, sent in LogLine.objects.filter(
                action__in=("Adopted", "Send again"), request__answered_at=None
            ).exclude(request__sent_at=None).values_list("time", "request__sent_at")
        )  # fmt: skip
        wrong = [word for word in found if "twice in Xero" in word]
        figures = {
            "seed": self.options.seed,
            "broken": self.options.broken or None,
            "seconds": seconds,
            "invoices": self.options.invoices,
            "kills": self.nursery.kills,
            "kills_at_work": self.nursery.busy_kills,
            "freezes": self.nursery.freezes,
            "lies": self.lies,
            "duplicates": len(wrong),
            "missing": self.options.invoices - self.linked(),
            "failed": rows.filter(state=JobRow.State.FAILED).count(),
            "left_to_a_person_once": self.left_to_a_person,
            "needs_review": rows.filter(state=JobRow.State.NEEDS_REVIEW).count(),
            "adopted": rows.filter(how="adopted").count(),
            "jobs": dict(Counter(Job.objects.values_list("state", flat=True))),
            "writes": len(self.xero.ledger()),
            "in_doubt": LogLine.objects.filter(action="In doubt").count(),
            "requests_unanswered": XeroRequest.objects.exclude(sent_at=None).filter(answered_at=None).count(),
            "doubt_seconds_median": recovered[len(recovered) // 2] if recovered else None,
            "doubt_seconds_longest": recovered[-1] if recovered else None,
            "limits": {
                name: max((each[name] for each in self.xero.calls()["tenants"].values()), default=0)
                for name in ("max_in_flight", "max_per_rolling_minute")
            },
        }
        failed = rows.filter(state__in=(JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW))
        for row in failed[:10]:
            print(f"  {row}: {row.state} {row.reason} {row.message}")
        for job in Job.objects.exclude(problem="")[:5]:
            print(f"  {job}: {job.problem}")
        for each in found:
            print(f"FOUND {each}")
        print(json.dumps(figures))
        return 1 if found or failed.exists() else 0


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was made is taken away
    chance = random.Random(options.seed)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    services.choose()
    name = f"soak_{os.getpid()}"
    with database(name) as url:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "bmsxero.settings",
            "DATABASE_URL": url,
            "CELERY_BROKER_URL": services.REDIS,
            "CELERY_QUEUE": name,
            "SWEEP_SECONDS": "1",
            "XERO_LEASE_SECONDS": str(LEASE),
            "XERO_SETTLE_SECONDS": str(SETTLE),
            "XERO_PARALLEL": str(options.parallel),
            "LOG_LEVEL": "WARNING",
        }
        xero = SimulatedXero(folder)
        os.environ |= xero.settings()
        import django
        from django.core.management import call_command

        django.setup()
        from django.conf import settings
        from django.db import connections

        settings.DEBUG = False  # else Django keeps every query in memory
        call_command("migrate", verbosity=0)
        nursery = Nursery(folder / "workers.log", options.broken, chance)
        soak = Soak(xero, options, nursery, chance)
        started = time.monotonic_ns()
        try:
            soak.connect()
            soak.seed()
            nursery.grow(options.workers)
            soak.storm()
            soak.calm()
            return soak.report((time.monotonic_ns() - started) // 10**9)
        finally:
            nursery.close()
            xero.close()
            connections.close_all()
            print(f"The workers' log: {folder / 'workers.log'}")


if __name__ == "__main__":
    sys.exit(main())
