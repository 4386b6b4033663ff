"""The first run: what to do, in which order, and how far it is. It follows what is there, not what was pressed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from bmsxero.roles import Who
from crm.models import Account
from finance import sample_data, sample_problems
from finance.models import Invoice, Payment
from xero_sync import credentials
from xero_sync.management.commands.seed_demo import create_users
from xero_sync.models import HealthCheck, Job, JobRow, SyncOptions, XeroConnection, XeroLink
from xero_sync.navigating import opens
from xero_sync.standing import Standing

SIZE = sample_data.Size(accounts=120, items=140, invoices=7)
PAST_INVOICES = 300


class State(Enum):
    """How far a step is, in the words of the list."""

    DONE = "Completed"
    NEXT = "Do this next"
    OPEN = "Not yet started"
    LATER = "Cannot start yet"
    PROBLEM = "There is a problem"

    @property
    def is_done(self) -> bool:
        return self is State.DONE


@dataclass(frozen=True)
class Step:
    """One line of the list. Without `url` it is done elsewhere, or by somebody else, as `text` says."""

    title: str
    text: str
    url: str
    state: State
    posts: bool = False


@dataclass(frozen=True)
class FirstRun:
    """One way to go: with the simulated Xero, or with one's own."""

    steps: list[Step]

    @property
    def done(self) -> int:
        return sum(step.state.is_done for step in self.steps)

    @property
    def is_over(self) -> bool:
        return self.done == len(self.steps)

    @property
    def next(self) -> Step | None:
        return next((step for step in self.steps if not step.state.is_done), None)


@dataclass(frozen=True)
class Facts:
    """What is there already."""

    connection: XeroConnection | None
    connected: bool
    in_xero: bool
    options: SyncOptions | None

    @classmethod
    def read(cls, now: Standing) -> Facts:
        connection = None if now.is_other_app else now.connection
        links = XeroLink.objects.filter(tenant_id=connection.tenant_id, kind="invoices") if connection else None
        return cls(
            connection,
            connection is not None and now.is_connected,
            links is not None and links.exists(),
            getattr(connection, "options", None),
        )

    def went_through(self, kind: str, direction: str) -> QuerySet[JobRow]:
        """Return what jobs of a kind have brought to its end."""
        return JobRow.objects.filter(
            tenant_id=self.connection.tenant_id if self.connection else "",
            kind=kind,
            job__kind=kind,
            job__direction=direction,
            requested=True,
            state=JobRow.State.SUCCEEDED,
        )


def add_sample_data() -> str:
    """Add the sample users and a sample business: a year of invoices, some that are ready, some with a problem."""
    create_users()
    today = timezone.localdate()
    sample_data.create(SIZE, today=today)
    sample_data.create_past(PAST_INVOICES, today=today)
    sample_problems.plant(today=today)
    return f"Added {SIZE.accounts} accounts, {SIZE.items} items and {Invoice.objects.count()} invoices."


def current(who: Who, now: Standing) -> FirstRun:
    """Return the way that this installation goes now."""
    return simulated(who, now) if credentials.is_simulated() else real(who, now)


def simulated(who: Who, now: Standing) -> FirstRun:
    """From nothing to a paid invoice, without any account at Xero."""
    facts = Facts.read(now)
    imported = facts.went_through("payments", Job.Direction.IMPORT).exists()
    paid = _paid_by_xero()
    there = facts.connected
    return _in_order(
        [
            _sample(who),
            _connect(facts, who, there=Account.objects.exists()),
            Step(
                "Import the chart of accounts",
                "Load it, select all, check, import.",
                opens("xero_sync:import_chart_of_accounts", who),
                _state(facts.went_through("account_codes", Job.Direction.IMPORT).exists(), may_start=there),
            ),
            Step(
                "Export invoices",
                "Choose Authorised, so that customers can pay. Check shows which can't go, and why.",
                opens("xero_sync:export_invoices", who),
                _state(facts.in_xero, may_start=there),
            ),
            Step(
                "Mend one and retry",
                "Each problem has its fix beside it. Retry sends what failed, and nothing twice.",
                _mend_url(facts, who),
                _state(facts.in_xero and _is_mended(facts), may_start=facts.in_xero),
            ),
            Step(
                "Let customers pay",
                "In the simulated Xero: press “Customers pay 5 invoices”.",
                facts.connection.app_url("") if facts.connection and facts.in_xero else "",
                _state(imported, may_start=facts.in_xero),
            ),
            Step(
                "Import payments",
                "Load them, select all, check, import.",
                opens("xero_sync:import_payments", who),
                _state(imported, may_start=facts.in_xero),
            ),
            Step(
                "See a paid invoice",
                "Its status and balance came from Xero.",
                paid.get_absolute_url() if paid else "",
                _state(paid is not None, may_start=imported),
            ),
        ]
    )


def real(who: Who, now: Standing) -> FirstRun:
    """From an app at Xero to the first invoice that was tried there."""
    simulated_now = credentials.is_simulated()
    # While the simulated Xero is in use, nothing of its connection counts for the real one
    facts = Facts(None, connected=False, in_xero=False, options=None) if simulated_now else Facts.read(now)
    app = not simulated_now and bool(credentials.current().client_id)
    healthy = HealthCheck.objects.filter(connection=facts.connection).first() if facts.connection else None
    sound = healthy is not None and not any(tone == "danger" for _, tone, *_ in healthy.results)
    chosen = facts.options is not None and not facts.options.suggested
    return _in_order(
        [
            Step(
                "Make an app at Xero, and enter its client id and secret",
                "Ten minutes at developer.xero.com; the page says what to type.",
                opens("xero_sync:app", who),
                _state(app, may_start=True),
            ),
            _connect(facts, who, there=app),
            Step(
                "Check the connection",
                "Eight questions, each with what mends it.",
                f"{reverse('xero_sync:setup')}#health",
                State.PROBLEM if healthy and not sound else _state(sound, may_start=facts.connected),
            ),
            Step(
                "Look at the options",
                "Default accounts, numbers, due dates. They begin with the safe choices.",
                opens("xero_sync:options", who),
                _state(chosen, may_start=facts.connected),
            ),
            Step(
                "Try one invoice",
                "Send one as Draft and look at it in Xero. A draft can be deleted there.",
                opens("xero_sync:export_invoices", who),
                _state(facts.in_xero, may_start=facts.connected),
            ),
        ]
    )


def _in_order(steps: list[Step]) -> FirstRun:
    """Of the steps that could be done now, only the first is next."""
    first = next((step for step in steps if step.state is State.NEXT), None)
    return FirstRun(
        [replace(step, state=State.OPEN) if step.state is State.NEXT and step is not first else step for step in steps]
    )


def _sample(who: Who) -> Step:
    here = Account.objects.exists()
    return Step(
        "Get sample data",
        f"{SIZE.accounts} accounts, {SIZE.items} items, a year of invoices: some with a problem to find.",
        reverse("xero_sync:welcome") if who.administers and not here else "",
        State.DONE if here else State.NEXT,
        posts=True,
    )


def _connect(facts: Facts, who: Who, *, there: bool) -> Step:
    state = _state(facts.connected, may_start=there)
    if facts.connection and not facts.connected:
        state = State.PROBLEM
    text = "Xero asks you to allow access, and you choose the organisation."
    if not who.administers:
        text = "A finance admin does this."
    return Step("Connect to Xero", text, reverse("xero_sync:setup"), state)


def _state(done: bool, *, may_start: bool) -> State:
    if done:
        return State.DONE
    return State.NEXT if may_start else State.LATER


def _exports(facts: Facts) -> QuerySet[Job]:
    return Job.objects.filter(
        tenant_id=facts.connection.tenant_id if facts.connection else "",
        kind="invoices",
        direction=Job.Direction.EXPORT,
        sent_at__isnull=False,
    )


def _is_mended(facts: Facts) -> bool:
    """Say whether a retry brought something to Xero, or nothing is left that would need one."""
    retried = facts.went_through("invoices", Job.Direction.EXPORT).filter(job__retry_of__isnull=False)
    return retried.exists() or not _troubled(facts).exists()


def _troubled(facts: Facts) -> QuerySet[JobRow]:
    stopped = Q(outcome__in=(JobRow.Outcome.FAIL, JobRow.Outcome.DECIDE)) | Q(state=JobRow.State.FAILED)
    return JobRow.objects.filter(stopped, job__in=_exports(facts), requested=True)


def _mend_url(facts: Facts, who: Who) -> str:
    """Lead to the newest job that something is left of."""
    if not (facts.in_xero and who.writes):
        return ""
    row = _troubled(facts).select_related("job").order_by("-job_id").first()
    return row.job.get_absolute_url() if row else ""


def _paid_by_xero() -> Invoice | None:
    payments = Payment.objects.filter(source=Payment.Source.XERO, reversed=False, invoice__status=Invoice.Status.PAID)
    payment = payments.select_related("invoice").order_by("-pk").first()
    return payment.invoice if payment else None
