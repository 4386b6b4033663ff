"""The whole simulator, and the settings of its organisations."""

from __future__ import annotations

from decimal import Decimal

from django.db.models import Count, Model

from xero_simulator import bulk, clock, faults, restart, seed, tokens
from xero_simulator.books import CURRENCIES
from xero_simulator.control.base import ControlError, Json, control, organisation_json, organisation_meant, parse_day
from xero_simulator.controls import CONTROLS
from xero_simulator.limits import LIMITER
from xero_simulator.models import (
    AccessToken,
    App,
    Connection,
    Contact,
    Currency,
    Fault,
    Invoice,
    Item,
    Organisation,
    Payment,
    RefreshToken,
    Write,
)
from xero_simulator.random_faults import RANDOM_FAULTS

SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.settings "
    "accounting.invoices accounting.payments"
)


@control("POST")
def reset(sent: Json) -> Json:
    """Start over: empty books, the standard organisations or those given, limits as wanted."""
    specs = [_spec(each) for each in sent["organisations"]] if "organisations" in sent else restart.standard()
    made = restart.start_over(specs)
    CONTROLS.change({name: sent[name] for name in ("limits", "latency_ms") if name in sent})
    app = seed.register_app()
    return {
        "organisations": [organisation_json(each) for each in made],
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "redirect_uris": app.redirect_uris,
    }


def _spec(sent: Json) -> seed.Spec:
    return seed.Spec(**{**sent, "currencies": tuple(sent.get("currencies", ()))})


@control("POST")
def make_organisation(sent: Json) -> Json:
    """Make one more organisation; its name must be new."""
    spec = _spec(sent)
    if Organisation.objects.filter(name=spec.name).exists():
        raise ControlError(f"There is an organisation named {spec.name} already")
    return organisation_json(seed.make_organisation(spec))


@control("POST")
def fill(sent: Json) -> Json:
    """Add `contacts`, `items` and `payments` in bulk to an organisation."""
    bulk.fill_up(
        organisation_meant(sent), **{name: int(sent.get(name, 0)) for name in ("contacts", "items", "payments")}
    )
    return {}


@control("POST")
def redirect_uris(sent: Json) -> Json:
    app = App.objects.get(client_id=sent["client_id"]) if "client_id" in sent else seed.register_app()
    if sent["redirect_uri"] not in app.redirect_uris:
        app.redirect_uris.append(sent["redirect_uri"])
        app.save()
    return {"redirect_uris": app.redirect_uris}


@control("POST")
def clock_(sent: Json) -> Json:
    """Advance the time, or scale how long keys and replaced tokens live: `settle_seconds` is the app's own wait."""
    CONTROLS.clock_offset += int(sent.pop("advance_seconds", 0))
    if "settle_seconds" in sent:
        CONTROLS.settle_in(int(sent.pop("settle_seconds")))
    CONTROLS.change(sent)
    return {
        "now": clock.now().isoformat(),
        "clock_offset": CONTROLS.clock_offset,
        "clock_scale": CONTROLS.clock_scale,
        "kept_seconds": CONTROLS.kept_seconds,
        "grace_seconds": CONTROLS.grace_seconds,
    }


@control("POST")
def limits(sent: Json) -> Json:
    CONTROLS.change(sent)
    return vars(CONTROLS)


@control("POST")
def order_faults(sent: Json) -> Json:
    """Add faults to those on order; `clear` forgets the earlier ones first."""
    if sent.get("clear"):
        Fault.objects.all().delete()
    for each in sent.get("faults", []):
        faults.order(each)
    return {"faults": list(Fault.objects.order_by("pk").values())}


@control("POST")
def random_faults(sent: Json) -> Json:
    """Let `percent` of all calls fail by `seed`; `kinds` names the ways, `settings` go to each; 0 ends it."""
    RANDOM_FAULTS.start(
        Decimal(str(sent["percent"])),
        seed=int(sent.get("seed", 0)),
        kinds=sent.get("kinds", ()),
        settings=sent.get("settings"),
    )
    return RANDOM_FAULTS.report()


@control("POST")
def revoke_tokens(_: Json) -> Json:
    """End all tokens for good, as when the user takes the consent back; 401 and then invalid_grant."""
    faults.end_tokens(seed.register_app())
    return {}


@control("GET")
def ledger(sent: Json) -> Json:
    """Return every write with its effect, and how the calls came in. `after` and `organisation` narrow it."""
    rows = Write.objects.filter(pk__gt=int(sent.get("after", 0))).order_by("pk")
    if "organisation" in sent:
        rows = rows.filter(tenant_id=str(organisation_meant(sent).tenant_id))
    return {
        **LIMITER.report(),
        "random_faults": RANDOM_FAULTS.report(),
        "writes": [
            {**row, "received_at": row["received_at"].isoformat(), "done_at": row["done_at"].isoformat()}
            for row in rows.values()
        ],
    }


@control("GET")
def effects(sent: Json) -> Json:
    """Return what all writes came to in an organisation, and what is there twice: cheap at any size."""
    found = organisation_meant(sent)
    live = Invoice.objects.filter(organisation=found).exclude(status__in=("DELETED", "VOIDED"))
    twice = live.exclude(url="").order_by().values("url").annotate(count=Count("pk")).filter(count__gt=1)
    writes = Write.objects.filter(tenant_id=str(found.tenant_id)).order_by()
    return {
        "invoices": live.count(),
        "urls_twice": list(twice.values_list("url", flat=True)[:100]),
        "contacts": Contact.objects.filter(organisation=found, status="ACTIVE").count(),
        "items": Item.objects.filter(organisation=found).count(),
        "payments": Payment.objects.filter(organisation=found, status="AUTHORISED").count(),
        "writes": writes.count(),
        "replayed": writes.filter(replayed=True).count(),
        "faults": {row["fault"]: row["count"] for row in writes.exclude(fault="").values("fault")
                   .annotate(count=Count("pk"))},
    }  # fmt: skip


@control("GET")
def calls(_: Json) -> Json:
    """Return how the calls came in, without the writes."""
    return LIMITER.report()


@control("POST")
def clear_ledger(_: Json) -> Json:
    Write.objects.all().delete()
    LIMITER.reset()
    return {}


@control("POST")
def token(sent: Json) -> Json:
    """Connect an organisation without a browser and return the token set."""
    app, organisation = seed.register_app(), organisation_meant(sent)
    code = tokens.allow(app, organisation, sent.get("scope", SCOPES).split(), redirect_uri="about:blank")
    answer = tokens.issue(app, code.scopes, code.authentication_event_id)
    return {**answer, "tenant_id": str(organisation.tenant_id)}


@control("POST")
def expire_tokens(sent: Json) -> Json:
    """End access tokens (they expire) and, if asked, refresh tokens (invalid_grant)."""
    gone = {"access": AccessToken.objects.update(expires_at=clock.now())}
    if sent.get("refresh"):
        gone["refresh"] = RefreshToken.objects.update(expires_at=clock.now())
    return gone


@control("POST")
def disconnect(sent: Json) -> Json:
    """Disconnect the app as a person does under Settings > Connected apps."""
    gone, _ = Connection.objects.filter(organisation=organisation_meant(sent)).delete()
    return {"disconnected": gone}


@control("POST")
def organisation(sent: Json) -> Json:
    found = organisation_meant(sent)
    if "currencies" in sent and "multicurrency" not in sent:
        found.multicurrency = True
    for code in sent.get("currencies", []):
        Currency.objects.get_or_create(
            organisation=found, code=code, defaults={"description": CURRENCIES.get(code, code)}
        )
    for name in ("period_lock_date", "end_of_year_lock_date"):
        if name in sent:
            setattr(found, name, parse_day(sent[name]))
    for name in ("plan", "edition", "approval_limit", "voided_numbers_stay_used", "multicurrency"):
        if name in sent:
            setattr(found, name, sent[name])
    found.save()
    return organisation_json(found)


@control("GET")
def organisations(_: Json) -> Json:
    return {"organisations": [organisation_json(each) for each in Organisation.objects.order_by("pk")]}


@control("GET")
def books(sent: Json) -> Json:
    """Return what the organisation holds, for a checker: free of limits and not counted as calls."""
    found = organisation_meant(sent)
    columns: dict[str, tuple[type[Model], list[str]]] = {
        "invoices": (
            Invoice,
            ["invoice_id", "number", "reference", "url", "status", "currency_code", "total", "total_tax",
             "amount_due", "amount_paid", "amount_credited", "contact__contact_id", "contact__name"],
        ),
        "contacts": (Contact, ["contact_id", "name", "status", "contact_number", "account_number", "email"]),
        "items": (Item, ["item_id", "code", "name", "quantity_on_hand"]),
        "payments": (
            Payment,
            ["payment_id", "payment_type", "status", "date", "amount", "reference", "invoice__invoice_id",
             "invoice__number"],
        ),
    }  # fmt: skip
    return {
        name: list(model._default_manager.filter(organisation=found).order_by("pk").values(*names))
        for name, (model, names) in columns.items()
    }
