"""What pages show rather than tell: sync health, what waits unexported, the way between the two sides, the quota."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import ceil
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Case, Count, F, Max, Sum, Value, When
from django.db.models.fields import CharField
from django.urls import reverse
from django.utils import timezone

from bmsxero.plots import Bar, Day, Gauge, Plot, Sides, Way, bars, columns, flow, gauges, spark
from bmsxero.roles import Who
from bmsxero.templatetags.bms import count, money
from finance import ages
from finance.money import ZERO, round_half_up
from xero_sync import clock, limiter, loading
from xero_sync.kinds.invoices import InvoiceExport
from xero_sync.models import Job, JobRow, XeroConnection
from xero_sync.navigating import opens
from xero_sync.standing import Standing
from xero_sync.wizards import WIZARDS, Wizard

DAYS = 90
#: What Xero allows a day, but for its smallest tier.
DAY_LIMIT = 5_000
PER_BATCH = 50
#: Reads before the first batch: organisation, contacts, items, accounts, taxes.
READS = 5
BAD = (JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW)


def sync_health(today: date | None = None) -> Plot:
    """Draw what became of the rows of each of the last ninety days' jobs. One query."""
    last = today or timezone.localdate()
    first = last - timedelta(days=DAYS - 1)
    ok, warn, bad = defaultdict(int), defaultdict(int), defaultdict(int)  # type: ignore[var-annotated]
    start = timezone.make_aware(datetime.combine(first, datetime.min.time()))
    found = Job.objects.filter(created__gte=start, sent_at__isnull=False)
    for created, counts in found.values_list("created", "counts"):
        day, states = timezone.localtime(created).date(), counts.get("state") or {}
        well = states.get(JobRow.State.SUCCEEDED, 0)
        warned = min(well, counts.get("warnings") or 0)
        ok[day] += well - warned
        warn[day] += warned
        bad[day] += sum(states.get(state, 0) for state in BAD)
    days = [_day(first + timedelta(days=n), ok, warn, bad) for n in range(DAYS)]
    good, all_ = sum(day.ok for day in days), sum(day.total for day in days)
    return columns(
        "health",
        "Sync health",
        f"{count(all_)} records in 90 days: {count(good)} went well, {count(sum(day.warn for day in days))} with a "
        f"warning, {count(sum(day.bad for day in days))} failed.",
        days,
        head=("Day", "Went well", "With a warning", "Failed"),
        empty="Needs one export or import.",
    )


def _day(day: date, ok: dict[date, int], warn: dict[date, int], bad: dict[date, int]) -> Day:
    asked = urlencode({"started_from": day.isoformat(), "started_to": day.isoformat()})
    return Day(f"{day.day} {day:%b %Y}", f"{reverse('xero_sync:jobs')}?{asked}", ok[day], warn[day], bad[day])


@dataclass(frozen=True)
class Waiting:
    """The invoices that are ready and not in Xero, by how long they have been: numbers, and values by currency."""

    numbers: dict[str, int]
    values: dict[str, dict[str, Decimal]]

    @property
    def total(self) -> int:
        return sum(self.numbers.values())


def waiting(connection: XeroConnection | None) -> Waiting:
    """Count and add up what waits for Xero. One query."""
    now = timezone.now()
    found = InvoiceExport().candidates({}, connection.tenant_id if connection else "")
    steps = [When(age.q(now), then=Value(age.name)) for age in ages.AGES]
    rows = (
        found.order_by()
        .select_related(None)
        .values(step=Case(*steps, default=Value(""), output_field=CharField()), money=F("currency"))
        .annotate(number=Count("pk"), value=Sum("total"))
    )
    numbers: dict[str, int] = defaultdict(int)
    values: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    base = connection.base_currency if connection else ""
    for row in rows:
        numbers[row["step"]] += row["number"]
        values[row["step"]][row["money"] or base] += round_half_up(row["value"])
    return Waiting(numbers, values)


def unexported(found: Waiting) -> Plot:
    """Draw how long invoices have been ready without being in Xero, with number and value. No query."""
    all_, old = found.total, sum(found.numbers[age.name] for age in ages.AGES if age.least > 30)
    return bars(
        "unexported",
        "Ready, and not in Xero yet",
        f"{count(all_)} {'invoice waits' if all_ == 1 else 'invoices wait'}, {count(old)} of them over 30 days.",
        [_bar(age, found.numbers[age.name], found.values[age.name]) for age in ages.AGES],
        head=("Ready for", "Invoices", "Value"),
        empty="Nothing waits: every invoice that is ready is in Xero.",
    )


def _bar(age: ages.Age, number: int, values: dict[str, Decimal]) -> Bar:
    told = ", ".join(money(value, currency) for currency, value in sorted(values.items()))
    url = f"{reverse('finance:invoices')}?{urlencode({'unsent': age.name})}"
    return Bar(age.label, url, number, f"{count(number)}: {told}" if number else "0", (count(number), told))


#: The arrows, in the vendor's order, and what moves along each.
ARROWS = (
    ("import_accounts", "Accounts"),
    ("import_chart_of_accounts", "Chart of accounts"),
    ("import_items", "Items"),
    ("export_accounts", "Accounts"),
    ("export_chart_of_accounts", "Chart of accounts"),
    ("export_items", "Items"),
    ("export_invoices", "Invoices"),
    ("import_payments", "Payments"),
)


def both_sides(standing: Standing, who: Who, ready: int) -> Plot:
    """Draw what moves between here and Xero, each arrow with its last run and what waits. A query for each arrow but
    that of invoices, of which so many are `ready`."""
    connection = standing.connection
    wizards = {wizard.page: wizard for wizard in WIZARDS.values()}
    last = _last_runs(connection) if connection else {}
    read = loading.kinds_read(connection) if connection else set()
    waits = {page: _waits(wizards[page], connection, read, ready) if connection else "" for page, _ in ARROWS}
    ways = [_way(wizards[page], title, who, last, waits[page]) for page, title in ARROWS]
    return flow(
        "flow",
        "Between BMS Finance and Xero",
        "Accounts, account codes and items go both ways; invoices go out, payments come back.",
        ways,
        Sides("BMS Finance", "Xero", is_open=standing.is_connected),
    )


def _way(wizard: Wizard, title: str, who: Who, last: dict[tuple[str, str], str], waits: str) -> Way:
    return Way(
        title,
        opens(f"xero_sync:{wizard.page}", who),
        wizard.is_export,
        waits,
        last.get((wizard.kind, wizard.direction), "Never run"),
    )


def _waits(wizard: Wizard, connection: XeroConnection, read: set[str], ready: int) -> str:
    if not wizard.is_export and wizard.kind not in read:
        return "not read yet"
    if wizard.kind == "invoices":
        return f"{count(ready)} ready" if ready else "none waiting"
    number = wizard.matching({"state": "new"}, connection.tenant_id).count()
    return f"{count(number)} new" if number else "none waiting"


def _last_runs(connection: XeroConnection) -> dict[tuple[str, str], str]:
    ended = (Job.State.COMPLETED, Job.State.COMPLETED_WITH_FAILURES)
    jobs = Job.objects.filter(tenant_id=connection.tenant_id, state__in=ended).order_by()
    rows = jobs.values_list("kind", "direction").annotate(at=Max("finished_at"), newest=Max("pk"))
    return {(kind, direction): f"{_short(at)}, Job {newest}" for kind, direction, at, newest in rows}


def _short(at: datetime | None) -> str:
    local = timezone.localtime(at) if at else None
    return f"{local.day} {local:%b %Y %H:%M}" if local else "Running"


def quota(connection: XeroConnection, ready: int) -> Plot:
    """Draw how much of Xero's limits is used, and what sending all that is ready would take. No query."""
    spent = limiter.calls_within_a_minute(connection, clock.now())
    allowed, left = settings.XERO_MINUTE_LIMIT, connection.day_remaining
    needed = _calls_for(ready)
    jobs = reverse("xero_sync:jobs")
    rows = [Gauge("This minute", jobs, spent, allowed, f"{spent} of {allowed} calls used")]
    if left is not None:
        wants = f"sending what is ready takes about {count(needed)}" if ready else ""
        limit = max(DAY_LIMIT, left)
        rows.append(Gauge("Today", jobs, left, limit, f"{count(left)} calls left", needed if ready else None, wants))
    return gauges(
        "quota",
        "Calls to Xero",
        "Xero counts calls by the minute and by the day. A job that meets a limit waits and goes on by itself.",
        rows,
        head=("Limit", "Used", "Wanted"),
    )


def calls_by_hour(connection: XeroConnection) -> Plot:
    """Draw how many calls each of the last 24 hours had; a column leads to the day's jobs. No query."""
    hours = limiter.calls_by_hour(connection, clock.now())
    total, busiest = sum(number for _, number in hours), max(number for _, number in hours)
    return spark(
        "calls",
        "Calls in the last 24 hours",
        f"{count(total)} calls, at most {count(busiest)} in one hour.",
        [_hour(hour, number) for hour, number in hours],
        head=("Hour", "Calls"),
        empty="No call in the last 24 hours.",
    )


def _hour(hour: datetime, number: int) -> Bar:
    local = timezone.localtime(hour)
    day = local.date().isoformat()
    url = f"{reverse('xero_sync:jobs')}?{urlencode({'started_from': day, 'started_to': day})}"
    return Bar(f"{local.day} {local:%b %H:%M}", url, number, f"{count(number)} calls", (count(number),))


def _calls_for(ready: int) -> int:
    """Return about how many calls an export takes: reads, then batches of customers, items and invoices."""
    return READS + 3 * ceil(ready / PER_BATCH) if ready else 0
