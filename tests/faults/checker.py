"""What must be true once all is quiet, whatever was killed: our database against the books and the ledger of Xero.

`findings` returns what is wrong, in words; nothing means all promises were kept.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from crm.models import Account
from finance.models import Invoice, Payment
from tests.xero_sync.simulated import SimulatedXero
from xero_sync.models import DeepLink, Job, JobRow, XeroConnection, XeroLink, XeroRequest

DEEP_LINK = re.compile(r"/i/([0-9a-f-]{36})/?$")
GONE = {"VOIDED", "DELETED"}
EACH = 3  # examples of each kind of finding


def findings(xero: SimulatedXero, *, expected: Iterable[Invoice] | None = None) -> list[str]:
    """Compare both sides. `expected` are the invoices that must be in Xero by now: all, unless said."""
    report = xero.calls()
    writes = xero.ledger()
    found: list[str] = []
    for title, examples in {
        "open rows": _open_rows(),
        "jobs that did not end in a true state": _untrue_states(),
        "records held by two jobs at once": _held_twice(),
        "rows without a line in the log": _unlogged(),
        "limits": _limits(report),
        **_about_writes(writes),
        "two runners of one organisation at once": _overlapping_runners(),
    }.items():
        found += _listed(title, examples)
    for connection in XeroConnection.objects.order_by("pk"):
        books = xero.books(connection.tenant_id)
        for title, examples in _about_books(connection, books, writes).items():
            found += _listed(f"{connection.name}: {title}", examples)
    found += _listed("invoices that are nowhere in Xero", _missing(expected))
    return found


def _listed(title: str, examples: Iterable[str]) -> list[str]:
    every = list(examples)
    return [f"{len(every)} {title}: {'; '.join(every[:EACH])}"] if every else []


# --- our own rows


def _open_rows() -> Iterator[str]:
    for row in JobRow.objects.filter(state__in=JobRow.OPEN):
        yield f"{row} is {row.state}"
    for request in XeroRequest.objects.exclude(state=XeroRequest.State.DONE):
        yield f"request {request.pk} is {request.state}"


def _untrue_states() -> Iterator[str]:
    State = JobRow.State  # noqa: N806
    for job in Job.objects.exclude(state=Job.State.CHECKED):
        if job.sent_at is None and job.problem:
            continue  # Xero could not be read for the check; that is said, and nothing was sent
        states = set(job.rows.values_list("state", flat=True))
        if State.NEEDS_REVIEW in states:
            true = {Job.State.NEEDS_ATTENTION}
        elif State.FAILED in states:
            true = {Job.State.COMPLETED_WITH_FAILURES, Job.State.STOPPED, Job.State.NEEDS_ATTENTION}
        else:
            true = {Job.State.COMPLETED, Job.State.STOPPED}
        if job.state not in true:
            yield f"{job} is {job.state} with rows {sorted(states)}; {job.problem}"


def _held_twice() -> Iterator[str]:
    held = JobRow.objects.filter(requested=True, state__in=JobRow.HELD)
    for key, number in Counter(held.values_list("tenant_id", "kind", "record_key")).items():
        if number > 1:
            yield f"{key[1]} {key[2]} in {number} jobs"


def _unlogged() -> Iterator[str]:
    ended = (JobRow.State.SUCCEEDED, JobRow.State.FAILED, JobRow.State.NEEDS_REVIEW)
    for row in JobRow.objects.filter(state__in=ended, log=None):
        yield str(row)


def _overlapping_runners() -> Iterator[str]:
    """One run writes to an organisation at a time: once another has begun to, it may send nothing more."""
    sent = XeroRequest.objects.exclude(sent_at=None).order_by("sent_at")
    runs: dict[str, list[str]] = defaultdict(list)
    for tenant, owner, key in sent.values_list("tenant_id", "owner", "pk"):
        owners = runs[tenant]
        if owner in owners[:-1]:
            yield f"{owner} sent {key} after {owners[-1]} had begun"
        if owner not in owners:
            owners.append(owner)


# --- Xero's ledger of writes


def _limits(report: dict[str, Any]) -> Iterator[str]:
    for tenant, each in report["tenants"].items():
        if each["max_in_flight"] > 5:
            yield f"{each['max_in_flight']} in flight at {tenant}"
        if each["max_per_rolling_minute"] > 60:
            yield f"{each['max_per_rolling_minute']} calls in a minute at {tenant}"
        if each["refused"]:
            yield f"Xero refused calls of {tenant}: {each['refused']}"


def _about_writes(writes: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    requests = {str(request.pk): request for request in XeroRequest.objects.select_related("job").defer("body")}
    updates = [request for request in requests.values() if not request.has_key]
    seen: Counter[str] = Counter()
    for write in writes:
        received = datetime.fromisoformat(write["received_at"])
        key = write["key"].rpartition(":")[2]
        request = requests.get(key)
        if write["key"]:
            seen[key] += 1
            if seen[key] == 2:
                found["requests that arrived twice"].append(key)
        else:  # an update carries no key
            request = _update_behind(write, received, updates)
        if request is None or request.sent_at is None:
            found["writes without a committed intent"].append(f"{write['method']} {write['path']} at {received}")
            continue
        if request.created > received or request.sent_at > received:
            found["writes older than their intent"].append(f"{key}: {received} before {request.sent_at}")
        if not request.tenant_id == request.job.tenant_id == write["tenant_id"]:
            found["writes into another organisation"].append(f"{key} of {request.job} at {write['tenant_id']}")
    return found


def _update_behind(write: dict[str, Any], received: datetime, requests: list[XeroRequest]) -> XeroRequest | None:
    """Return, and take from the list, the last update that was sent there before: each is good for one arrival."""
    fitting = [
        request
        for request in requests
        if (request.tenant_id, f"/{request.path}") == (write["tenant_id"], write["path"])
        and request.sent_at
        and request.sent_at <= received
    ]
    if not fitting:
        return None
    latest = max(fitting, key=lambda request: request.sent_at)  # type: ignore[arg-type, return-value]
    requests.remove(latest)
    return latest


# --- Xero's books


def _about_books(
    connection: XeroConnection, books: dict[str, list[dict[str, Any]]], writes: list[dict[str, Any]]
) -> dict[str, Iterable[str]]:
    tenant = connection.tenant_id
    ours = {
        (kind, xero_id): local
        for kind, xero_id, local in XeroLink.objects.filter(tenant_id=tenant).values_list("kind", "xero_id", "local_id")
    }
    made = {each for write in writes if write["tenant_id"] == tenant for each in write["created_ids"]}
    live = [each for each in books["invoices"] if each["status"] not in GONE and each["invoice_id"] in made]
    return {
        "invoices twice in Xero": _twice(live, tenant),
        "contacts twice in Xero": _same(books["contacts"], "name", made, "contact_id"),
        "items twice in Xero": _same(books["items"], "code", made, "item_id"),
        "links that lead nowhere or to another record": _wrong_links(tenant, ours, live),
        "records in Xero that we made and don't know of": [
            f"{each['number'] or each['invoice_id']}" for each in live if ("invoices", each["invoice_id"]) not in ours
        ],
        "payments that differ": _payments(tenant, books),
    }


def _twice(live: list[dict[str, Any]], tenant: str) -> Iterator[str]:
    owners = {
        str(uuid): str(local)
        for uuid, local in DeepLink.objects.filter(tenant_id=tenant).values_list("uuid", "local_id")
    }
    copies: dict[str, list[str]] = defaultdict(list)
    for each in live:
        carried = DEEP_LINK.search(each["url"] or "")
        if carried:
            copies[owners.get(carried[1], carried[1])].append(each["number"] or each["invoice_id"])
    for numbers in copies.values():
        if len(numbers) > 1:
            yield " and ".join(numbers)


def _same(rows: list[dict[str, Any]], name: str, made: set[str], id_field: str) -> Iterator[str]:
    counted = Counter(row[name].strip().lower() for row in rows if row[id_field] in made)
    yield from (f"“{each}” {number} times" for each, number in counted.items() if number > 1)


def _wrong_links(tenant: str, ours: dict[tuple[str, str], Any], live: list[dict[str, Any]]) -> Iterator[str]:
    documents = {each["invoice_id"]: each for each in live}
    uuids = {
        local: str(uuid) for uuid, local in DeepLink.objects.filter(tenant_id=tenant).values_list("uuid", "local_id")
    }
    invoices = {invoice.uuid: invoice for invoice in Invoice.objects.select_related("account")}
    for (kind, xero_id), local in ours.items():
        if kind != "invoices":
            continue
        document, invoice = documents.get(xero_id), invoices.get(local)
        if document is None or invoice is None:
            yield f"{local} is linked to {xero_id}, which is not there"
            continue
        carried = DEEP_LINK.search(document["url"] or "")
        customer = ours.get(("contacts", document["contact__contact_id"]))
        if carried and carried[1] != uuids.get(local):
            yield f"{invoice.number} is linked to the document of another"
        if customer != invoice.account.uuid:
            yield f"{invoice.number} stands under another contact in Xero"
        if Decimal(document["total"]) != invoice.total:
            yield f"{invoice.number}: {invoice.total} here, {document['total']} in Xero"


def _payments(tenant: str, books: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Payments, and what was credited. Only of invoices that an import has touched: nobody has to import."""
    Kind = Payment.Kind  # noqa: N806
    here: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    links = dict(XeroLink.objects.filter(tenant_id=tenant, kind="invoices").values_list("local_id", "xero_id"))
    touched = set()
    for payment in Payment.objects.select_related("invoice").filter(invoice__uuid__in=list(links)):
        touched.add(links[payment.invoice.uuid])
        if not payment.reversed:
            here[links[payment.invoice.uuid], payment.kind] += payment.amount
    there: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for each in books["payments"]:
        if each["status"] == "AUTHORISED":
            there[each["invoice__invoice_id"], Kind.PAYMENT] += Decimal(each["amount"])
    for each in books["invoices"]:
        there[each["invoice_id"], Kind.CREDIT] = Decimal(each["amount_credited"])
    for xero_id in touched:
        for kind in Kind:
            if here[xero_id, kind] != there[xero_id, kind]:
                yield f"{xero_id}, {kind.label}: {here[xero_id, kind]} here, {there[xero_id, kind]} in Xero"


def _missing(expected: Iterable[Invoice] | None) -> Iterator[str]:
    linked = set(XeroLink.objects.filter(kind="invoices").values_list("local_id", flat=True))
    for invoice in Invoice.objects.all() if expected is None else expected:
        if invoice.uuid not in linked:
            rows = JobRow.objects.filter(kind="invoices", record_key=str(invoice.uuid)).values_list("state", "message")
            yield f"{invoice.number} {list(rows)[:2]}"


def unlinked_accounts() -> int:
    """Count customers with invoices and without a contact; for reports."""
    linked = XeroLink.objects.filter(kind="contacts").values_list("local_id", flat=True)
    return Account.objects.exclude(uuid__in=list(linked)).filter(invoices__isnull=False).distinct().count()
