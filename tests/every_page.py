"""Every page of the URLconf, with records to open it on: for what must hold everywhere.

An address is visited, or `NO_PAGES` says why not; `tests/test_every_page.py` holds that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver

from crm.models import Account
from finance.models import AccountCode, Invoice, InvoiceLine, Item
from tests import records
from tests.test_pages_roles import ITEMS, routes
from tests.xero_sync.driving import bring, check, export, import_payments
from tests.xero_sync.pages import make_job, make_rows
from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, drafts, mirror
from xero_sync.models import Job, JobRow, LogLine, TaxMapping, XeroConnection, XeroLink
from xero_sync.wizards import WIZARDS

#: Addresses that are no pages of ours, by their route, and why.
NO_PAGES = {
    r"\.(csv|txt|zip)$": "a file",
    r"progress/$": "a part of a page that polls",
    r"^finance/invoices/pick/": "a part of the editor",
    r"^(healthz|readyz|metrics|\^hooks/accounting/\?\$)$": "for programs",
    r"^(j/|i/)": "leads on to a page that is here",
    r"^django-admin/": "Django's own pages, for whoever runs the installation",
    r"^sim/xero/(connect/|connections|control/|api\.xro/)": "the simulated Xero's interface for programs",
    r"^login/$": "for strangers: it leads home who is signed in",
    r"^finance/xero/simulator/$": "leads on to the console",
    r"^finance/xero/setup/choose/$": "open for ten minutes, between two steps of connecting",
    r"^(logout|login/as)/|^finance/jobs/seen/$": "only posted to",
    r"/(active|main|void|reverse|mark|look-up|health|load|select/.*|check/.*)/$": "only posted to",
    r"^crm/sites/.*/delete/$|^finance/invoices/.*/delete/$|^finance/xero/connect/$": "only posted to",
    r"^finance/jobs/.*/(send|stop|look-again|retry|recheck|decide|fix)/$": "only posted to",
    r"^sim/xero/(console/[a-z-]+|.*/(lock-dates|customers-pay|disconnect)/)$": "only posted to",
    r"^sim/xero/app/.*>/(approve|edit|pay|remove-payment|credit|void|archive|restore|merge|delete)$": "only posted to",
}
#: Pages that need more said than their route does.
ASKING = (
    "finance/invoices/dont-send/",
    "finance/payments/new/",
    "finance/xero/export/accounts/",
    "finance/xero/export/chart-of-accounts/",
    "finance/xero/export-invoices/options/",
    "finance/xero/import/items/options/",
)

Keys = dict[str, Any]


@dataclass
class World:
    """What there is to open pages on: a key, or several, for each part of an address."""

    keys: dict[str, list[Any]] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)

    def paths(self) -> dict[str, list[str]]:
        """Return the addresses to visit for each route; none where nothing fits."""
        found = {route: [] if route in ASKING else list(self._filled(route)) for route in all_routes()}
        for path in self.extra:
            found[path.partition("?")[0].removeprefix("/")].append(path)
        return found

    def _filled(self, route: str) -> Iterator[str]:
        route = route.replace("<int:number>/log/<int:line>", "<int:call>")  # a line of that very job
        places = re.findall(r"<\w+:(\w+)>", route)
        choices = [self.keys.get(_name(route, place), []) for place in places]
        for chosen in product(*choices):
            path = "/" + route
            for key in chosen:
                path = re.sub(r"<[^>]+>", str(key), path, count=1)
            yield path


def pages(world: World) -> list[tuple[str, str]]:
    """Return every address of ours to visit, with its route; those of the simulated Xero are another site."""
    return [(route, path) for route, paths in world.paths().items() for path in paths if not route.startswith("sim/")]


def all_routes() -> list[str]:
    """Return every route that may be a page."""
    found = [route for route, _ in routes(get_resolver().url_patterns)]
    return [route for route in found if not any(re.search(pattern, route) for pattern in NO_PAGES)]


#: Which record a place in an address is for, by what stands before it.
PLACES = (
    ("links/to/", "account"),
    ("follow/", "merged"),
    ("links/", "link"),
    ("crm/accounts/", "account"),
    ("sites/", "site"),
    ("payments/", "payment"),
    ("invoices/", "invoice"),
    ("account-codes/", "code"),
    ("taxes/", "tax"),
)


def _name(route: str, place: str) -> str:
    if place == "kind":
        return "linked by hand" if "links/" in route else place
    if place != "pk":
        return place
    for part, name in PLACES:
        if part in route:
            return name
    return route.split("/")[2]  # one of the five kinds of items


# --- what to open them on


def fill(xero: SimulatedXero, number: int) -> World:
    """Add so many records of every kind, on both sides where they have two, jobs in every state, and what they did."""
    start = Account.objects.count()
    made = [_records(start + n) for n in range(number)]
    bring("contacts")
    for kind in ("items", "account_codes", "tax_rates", "payments"):
        _read(kind)
    sent = export({"ids": [str(each.uuid) for _, *rest in made for each in rest[:2]]}, status="AUTHORISED")
    xero.control("pay", invoices=[good.number for _, good, *_ in made], amount="10")
    import_payments()
    xero.control("merge-contact", contacts=[made[0][0].name], into="Saltwick Ceramics")
    merged = XeroLink.objects.get(kind="contacts", local_id=made[0][0].uuid)
    _to_mend(made[-1][0])
    checked = check()
    jobs = [sent, checked, *_other_jobs(number)]
    account, good, _, draft, next_one = made[-1]
    line = LogLine.objects.filter(job=sent, request__isnull=False).first()
    assert line
    return World(
        {
            "account": [account.pk],
            "site": [account.sites.get().pk],
            "invoice": [good.pk, draft.pk],
            "payment": [good.payments.get().pk],
            "code": [AccountCode.objects.latest("pk").pk],
            "tax": [account.sales_tax_id],
            "link": [XeroLink.objects.get(kind="contacts", local_id=account.uuid).pk],
            "merged": [merged.pk],
            "number": [job.number for job in jobs],
            "call": [f"{sent.number}/log/{line.pk}"],
            "linked by hand": ["contacts"],
            **{page: [Item.objects.filter(kind=kind).latest("pk").pk] for page, kind in ITEMS.items()},
            **_in_xero(xero, good),
        },
        [
            f"/finance/payments/new/?invoice={next_one.pk}",
            f"/finance/invoices/dont-send/?job={sent.number}",
            "/search/?q=Customer",
            *_lists(),
            *_steps(),
        ],
    )


def _records(n: int) -> tuple[Account, Invoice, Invoice, Invoice, Invoice]:
    """Make a customer, an invoice to send, one that Xero won't take, a draft, one for later, and what they need."""
    customer = records.account(f"Customer {n} of Acme Precision Engineering (Northern) Ltd", code=f"C-{n}")
    customer.sales_tax = records.tax(f"Tax {n}", f"{n + 1}.5")
    customer.save()
    records.site(customer, billing_line1="1 Mill Lane", billing_city="Leeds", billing_email="accounts@acme.test")
    code = records.account_code(f"9{n:03}", f"Managed services {n}")
    for kind in ITEMS.values():
        records.item(f"{kind} {n}", kind, income_account=code)
    ready = {"of": customer, "status": Invoice.Status.READY}
    good = records.invoice(f"GOOD-{n}", price="1234567.89", **ready)
    bad = records.invoice(f"BAD-{n}", currency="JPY", **ready)
    draft = records.invoice(f"DRAFT-{n}", of=customer)
    return customer, good, bad, draft, records.invoice(f"NEXT-{n}", **ready)


def _to_mend(customer: Account) -> None:
    """Add what can be mended at Check: an account that Xero lacks, a tax of another per cent there, one code twice."""
    ready = {"of": customer, "status": Invoice.Status.READY}
    n = Invoice.objects.count()
    low = records.tax(f"Low {n}", "5")
    tenant_id = XeroConnection.objects.get(is_current=True).tenant_id
    TaxMapping.objects.create(tenant_id=tenant_id, tax_rate=low, tax_type="OUTPUT2")
    records.invoice(f"TAXED-{n}", tax=low, **ready)
    sales, _ = AccountCode.objects.get_or_create(code="200", defaults={"name": "Sales", "type": "Sale"})
    others = [records.item(f"Hour {n}.{each}", "service", code=f"HOUR-{n}", income_account=sales) for each in (1, 2)]
    for item in (Item.objects.filter(kind="service", income_account__code__startswith="9").latest("pk"), *others):
        line = InvoiceLine.objects.filter(invoice=records.invoice(f"MEND-{n}-{item.pk}", **ready))
        line.update(item=item)


def _read(kind: str) -> None:
    for connection in XeroConnection.objects.filter(is_current=True):
        mirror.want(connection.tenant_id, kind)
        mirror.read_wanted(connection.pk, kind)


def _other_jobs(number: int) -> list[Job]:
    """Make jobs in the states that ours have passed."""
    states: tuple[tuple[str, Keys], ...] = (
        ("completed", {}),
        ("running", {}),
        ("waiting", {"wait_why": "reconnect"}),
        ("stopped", {"problem": "Somebody stopped it.", "checked_at": None, "sent_at": None}),
    )
    made = [make_job(state, last_activity=clock.now(), **fields) for state, fields in states]
    for job in made[:3]:
        make_rows(job, number, requested=False, state="succeeded" if job.state == "completed" else "planned")
    doubt = make_job("needs_attention")
    make_rows(doubt, number, requested=False, state=JobRow.State.NEEDS_REVIEW, message="Nobody knows.")
    return [*made, doubt]


def _lists() -> list[str]:
    """Return lists that nothing matches."""
    lists = ("crm/accounts", "finance/invoices", "finance/payments", "finance/xero/links")
    return [*(f"/{path}/?q=zzz" for path in lists), "/finance/jobs/?touches=zzz"]


def _steps() -> Iterator[str]:
    """Yield the steps of every wizard: the list, what is chosen of it, and the options of the run."""
    connection, user = XeroConnection.objects.get(is_current=True), User.objects.latest("pk")
    for wizard in WIZARDS.values():
        token = uuid4()
        drafts.change(token, wizard.name, connection.tenant_id, user, lambda _: {"all": True, "filters": {}})
        address = wizard.address({}, draft=str(token))
        yield from (address, f"{address}&view=selection")
        if wizard.options_page:
            yield wizard.options_url + "?" + address.partition("?")[2]


def _in_xero(xero: SimulatedXero, sent: Invoice) -> Keys:
    books = xero.books()
    link = XeroLink.objects.get(kind="invoices", local_id=sent.uuid)
    return {
        "short_code": [XeroConnection.objects.get(is_current=True).short_code],
        "invoice_id": [link.xero_id],
        "contact_id": [books["contacts"][0]["contact_id"]],
        "item_id": [books["items"][0]["item_id"]],
    }


def look_up_merged(client: Client, world: World) -> None:
    """Let the merged contact be noticed, as by a press of Look up."""
    for pk in world.keys["merged"]:
        client.post(f"/finance/xero/links/{pk}/look-up/")
