"""The list of links between our records and Xero's, and of our records that have none."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.db import connection as database
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    DateField,
    DecimalField,
    Exists,
    F,
    Field,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse, reverse_lazy

from bmsxero.listing import Action, Badge, Column, Empty, Filter, Listing
from bmsxero.roles import WRITERS
from crm.models import Account
from finance.models import AccountCode, Invoice, Item
from xero_sync import job_words
from xero_sync.job_lists import APP_PATHS
from xero_sync.kinds import LINKED
from xero_sync.linking import BY_HAND, GONE, MODELS
from xero_sync.mirror import MISSING
from xero_sync.models import XeroConnection, XeroLink, XeroRecord

KINDS = {kind.name: kind.label for kind in LINKED} | {"payments": "Payment"}
ARCHIVED = ("ARCHIVED", "GDPRREQUEST")


HERE, THERE = Q(changed_here=True), Q(changed_there=True)


def _conditions(has_status: Callable[[Iterable[str]], Q], here: Q = HERE, there: Q = THERE) -> dict[str, Q]:
    """Return when a link stands how, given the conditions that Xero's record has one of these statuses, and that a link
    was changed on either side."""
    live = ~has_status((*GONE, *ARCHIVED))
    return {
        "fine": live & ~here & ~there,
        "changed_here": live & here,
        # In this order: few were changed there
        "changed_there": live & there & ~here,
        "archived": has_status(ARCHIVED),
        "void": has_status(GONE - {MISSING}),
        "missing": has_status((MISSING,)),
    }


_BADGES = {
    "fine": Badge("In Xero", "success"),
    "changed_here": Badge("Changed here since sent", "info"),
    "changed_there": Badge("Changed in Xero", "info"),
    "archived": Badge("Archived in Xero", "warning"),
    "void": Badge("Voided or deleted in Xero", "warning"),
    "missing": Badge("Missing in Xero", "danger"),
}
_OF_ONE = _conditions(lambda names: Q(remote_status__in=tuple(names)))
#: How a link may stand: what that is called, and the condition. They leave none out and overlap nowhere.
STATES: dict[str, tuple[Badge, Q]] = {name: (badge, _OF_ONE[name]) for name, badge in _BADGES.items()}


class LinkFilter(Filter):
    dear = ("state",)

    q = forms.CharField(label="Name, number or code", required=False, max_length=200, widget=forms.SearchInput)
    kind = forms.ChoiceField(label="Type", required=False, choices=[("", "All"), *KINDS.items()])
    state = forms.ChoiceField(
        label="State",
        required=False,
        choices=[("", "All"), *((name, badge.label) for name, (badge, _) in STATES.items())],
    )
    job = forms.IntegerField(label="Job#", required=False, min_value=1, widget=forms.HiddenInput)

    def narrow(self, rows: QuerySet[XeroLink]) -> QuerySet[XeroLink]:
        asked = self.cleaned_data
        if asked["kind"]:
            rows = rows.filter(kind=asked["kind"])
        if asked["state"]:
            rows = rows.filter(_among(asked["state"]))
        if text := asked["q"].strip():
            rows = rows.filter(_named(text))
        if asked["job"]:
            rows = rows.filter(job=asked["job"])
        return rows


def _among(state: str) -> Q:
    """Return the condition of `STATES`, for finding the links that stand so among many."""

    def has_status(names: Iterable[str]) -> Q:
        # By the few records that are not live, rather than by asking after each link's
        return Q(xero_id__in=XeroRecord.objects.filter(status__in=tuple(names)).values("xero_id"))

    # Few were changed, and PostgreSQL finds those by joining each kind as a whole. SQLite looks each link up anyway
    if database.vendor == "postgresql" and state == "changed_here":
        return _conditions(has_status, here=_of_any(_changed_here()))[state]
    if database.vendor == "postgresql" and state == "changed_there":
        return _conditions(has_status, there=_of_any(_changed_there(_remotes())))[state]
    return _conditions(has_status)[state]


def _of_any(by_kind: dict[str, QuerySet[Any]]) -> Q:
    current = XeroConnection.objects.filter(is_current=True).values("tenant_id")[:1]
    mine = _with_kept(XeroLink.objects.filter(tenant_id=Subquery(current)))
    found = Q()
    for kind, records in by_kind.items():
        found |= Q(pk__in=mine.filter(Exists(records), kind=kind).values("pk"))
    return found


def _named(text: str) -> Q:
    """Return the condition that Xero's number, or the name of our record, holds a text."""
    found = Q(xero_number__icontains=text)
    for kind, fields in _NAMES.items():
        named = Q()
        for name in fields:
            named |= Q(**{f"{name}__icontains": text})
        found |= Q(kind=kind, local_id__in=MODELS[kind]._default_manager.filter(named).values("uuid"))
    return found


_NAMES = {
    "contacts": ("name", "code"),
    "account_codes": ("code", "name"),
    "items": ("name", "code"),
    "invoices": ("number", "account__name"),
    "payments": ("invoice__number", "account__name"),
}


def links(connection: XeroConnection) -> QuerySet[XeroLink]:
    """Return every link of the current organisation, each with its state, in the same query."""
    remotes = _remotes()
    return (
        _with_kept(XeroLink.objects.filter(tenant_id=connection.tenant_id))
        # No row in our copy is no news: the link itself says that it was there
        .annotate(remote_status=Coalesce(Subquery(remotes.values("status")[:1]), Value("")))
        .annotate(changed_here=_any_of(_changed_here()), changed_there=_any_of(_changed_there(remotes)))
        .annotate(
            state_name=Case(
                *(When(condition, then=Value(name)) for name, (_, condition) in STATES.items()),
                output_field=CharField(),
            )
        )
    )


def _remotes() -> QuerySet[XeroRecord]:
    """Return Xero's record of a link, as far as our copy has it."""
    return XeroRecord.objects.filter(
        tenant_id=OuterRef("tenant_id"), kind=OuterRef("kind"), xero_id=OuterRef("xero_id")
    )


#: What links keep of our records, and as what: see each kind's `remember`.
_KEPT: dict[str, Field[Any, Any]] = {
    "name": CharField(),
    "code": CharField(),
    "type": CharField(),
    "number": CharField(),
    "price": DecimalField(max_digits=15, decimal_places=4),
    "total": DecimalField(max_digits=14, decimal_places=2),
    "date": DateField(),
}


def _with_kept(links: QuerySet[XeroLink]) -> QuerySet[XeroLink]:
    return links.annotate(**{f"kept_{name}": _Text("sent", name) for name in _KEPT})


class _Text(Func):
    """One field of a JSON column, as text; null where it isn't there. Asks SQLite once, where `KT` asks thrice."""

    function = "JSON_EXTRACT"
    output_field = CharField()

    def __init__(self, column: str, name: str) -> None:
        super().__init__(F(column), Value(f"$.{name}"))

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, path = self.get_source_expressions()
        twin = self.copy()
        twin.set_source_expressions([column, Value(path.value.removeprefix("$."))])
        return twin.as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" ->> ")


class _NotEqual(Func):
    """That two values differ. If one is null, nobody knows, and so it isn't true."""

    template, arg_joiner, arity = "(%(expressions)s)", " <> ", 2
    output_field = BooleanField()


def _differs(*names: str) -> Q:
    """Return the condition that one of these fields is not as its link keeps it. What it doesn't keep is no news."""
    found = Q()
    for name in names:
        found |= Q(_NotEqual(F(name), Cast(OuterRef(f"kept_{name}"), _KEPT[name])))
    return found


def _any_of(by_kind: dict[str, QuerySet[Any]]) -> Case:
    whens = (When(Q(kind=kind) & Q(Exists(records)), then=Value(True)) for kind, records in by_kind.items())
    return Case(*whens, default=Value(False), output_field=BooleanField())


def _changed_here() -> dict[str, QuerySet[Any]]:
    """Return our record of a link, by kind, if it is no longer what the link keeps. A payment only follows Xero."""
    price = Case(When(kind=Item.Kind.DISCOUNT_TYPE, then=F("discount_value")), default=F("unit_price"))
    changed = {
        "contacts": Account.objects.filter(_differs("name")),
        "account_codes": AccountCode.objects.filter(_differs("code", "name", "type")),
        "items": Item.objects.annotate(price=price).filter(_differs("name", "price")),
        "invoices": Invoice.objects.filter(_differs("number", "total", "date")),
    }
    return {kind: records.filter(uuid=OuterRef("local_id")) for kind, records in changed.items()}


def _changed_there(remotes: QuerySet[XeroRecord]) -> dict[str, QuerySet[Any]]:
    """Return Xero's record of a link, by kind, if it was changed there. A payment touches its invoice, so there the
    total and the date tell."""
    total = Cast(_Text("payload", "Total"), _KEPT["total"])
    touched = remotes.filter(updated_utc__gt=OuterRef("last_seen"))
    return {
        **dict.fromkeys(BY_HAND, touched),
        "invoices": remotes.annotate(total=total).filter(_differs("total", "date")),
    }


def with_records(connection: XeroConnection) -> Callable[[QuerySet[XeroLink]], list[XeroLink]]:
    """Return what gives links their records on both sides: one query a kind, whatever their number."""

    def lines(found: QuerySet[XeroLink]) -> list[XeroLink]:
        shown: list[Any] = list(found)
        for kind in {link.kind for link in shown}:
            mine = [link for link in shown if link.kind == kind]
            model = MODELS[kind]
            records: Any = model._default_manager.filter(uuid__in=[link.local_id for link in mine])
            if kind == "payments":
                records = records.select_related("invoice")
            by_uuid: dict[Any, Any] = {record.uuid: record for record in records}
            for link in mine:
                link.record = by_uuid.get(link.local_id)
                link.record_label = _label(link)
                path = APP_PATHS.get(kind)
                link.xero_url = connection.app_url(f"{path}/{link.xero_id}") if path else ""
                link.state = STATES[link.state_name][0]
        return shown

    return lines


def _label(link: Any) -> str:
    if link.record is None:
        return "deleted here"
    if link.kind == "payments":
        return f"{link.record.amount} for {link.record.invoice.number}"
    return str(link.record)


LINKS = Listing(
    caption="Links",
    columns=(
        Column("kind", "Type", value=lambda link: KINDS[link.kind], sort=("kind",)),
        Column("record_label", "Here", cell="xero_sync/links/cells/ours.html"),
        Column("xero_number", "In Xero", cell="xero_sync/links/cells/theirs.html", sort=("xero_number",)),
        Column("matched_by", "Matched by"),
        Column("job_id", "Job#", cell="xero_sync/jobs/cells/job.html"),
        Column("last_seen", "Last seen", cell="moment", sort=("last_seen",)),
        Column("state", "State", cell="badge"),
        Column("xero_id", "Xero id", screen=False),
        Column("local_id", "Our id", screen=False),
    ),
    empty=Empty(
        "Nothing is linked yet",
        "A link says which record in Xero one of ours is. Exports and imports make them.",
        icon="link",
        actions=(
            Action("Export invoices", reverse_lazy("xero_sync:export_invoices"), icon="upload", roles=WRITERS),
            Action("Import from Xero", reverse_lazy("xero_sync:import"), icon="download", roles=WRITERS),
        ),
    ),
    sort="-last_seen",
    filter=LinkFilter,
    at_first=5_000,
)


# --- our records without a link


class UnlinkedFilter(Filter):
    q = forms.CharField(label="Name or code", required=False, max_length=200, widget=forms.SearchInput)

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        text = self.cleaned_data["q"].strip()
        return rows.filter(Q(name__icontains=text) | Q(code__icontains=text)) if text else rows


def unlinked(kind: str, connection: XeroConnection) -> QuerySet[Any]:
    """Return our records of a kind that are not in this organisation."""
    made = XeroLink.objects.filter(tenant_id=connection.tenant_id, kind=kind, local_id=OuterRef("uuid"))
    records: QuerySet[Any] = MODELS[kind]._default_manager.filter(~Exists(made))
    return records


UNLINKED = Listing(
    caption="Not linked",
    columns=(
        Column("name", "Name", cell="link", sort=("name",)),
        Column("code", "Code", sort=("code",)),
        Column("link", "Link", cell="xero_sync/links/cells/link_to.html", csv=False),
    ),
    empty=Empty("All are linked", "Each record of this type is linked to one in Xero.", icon="link"),
    sort="name",
    filter=UnlinkedFilter,
)


def tabs(kind: str) -> list[tuple[str, str, bool]]:
    """Return the pages of unlinked records: label, address, whether it is this one."""
    return [
        (job_words.NOUNS[name][1].capitalize() if name != "contacts" else "Accounts",
         reverse("xero_sync:unlinked", args=[name]), name == kind)
        for name in BY_HAND
    ]  # fmt: skip
