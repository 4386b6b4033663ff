"""Links: which record in Xero each of ours is, and what people may do about it. Reset of an exported invoice."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from bmsxero.roles import ADMINS, EVERYONE, WRITERS, allow
from finance.models import Invoice
from xero_sync import linking
from xero_sync.errors import XeroError
from xero_sync.gateway import Gateway
from xero_sync.kinds import import_kind
from xero_sync.kinds.invoices import STATES
from xero_sync.link_lists import KINDS, LINKS, UNLINKED, links, tabs, unlinked, with_records
from xero_sync.linking import BY_HAND, MODELS, NotPossible
from xero_sync.models import XeroConnection, XeroLink, XeroRecord
from xero_sync.views.wizards import connected

CANDIDATES = 50


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Reason",
        max_length=500,
        min_length=3,
        help_text="Kept with your name, for whoever asks later.",
        error_messages={"required": "Say why, in a few words.", "min_length": "Say why, in a few words."},
    )


# --- reading


@allow(*EVERYONE)
@require_safe
@connected
def link_list(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    grid = LINKS.grid(
        request, links(connection), decorate=with_records(connection), csv_url=reverse("xero_sync:links_csv")
    )
    return render(request, "xero_sync/links/list.html", {"grid": grid, "connection": connection, "tabs": tabs("")})


@allow(*EVERYONE)
@require_safe
@connected
def links_csv(request: HttpRequest, connection: XeroConnection) -> HttpResponseBase:
    return LINKS.csv(request, links(connection), _file_name("links"), decorate=with_records(connection))


@allow(*EVERYONE)
@require_safe
@connected
def unlinked_list(request: HttpRequest, connection: XeroConnection, kind: str) -> HttpResponse:
    _by_hand(kind)

    def decorate(found: Any) -> list[Any]:
        shown = list(found)
        for record in shown:
            record.link_url = reverse("xero_sync:link_to", args=[kind, record.pk])
        return shown

    grid = UNLINKED.grid(
        request, unlinked(kind, connection), decorate=decorate, csv_url=reverse("xero_sync:unlinked_csv", args=[kind])
    )
    context = {"grid": grid, "connection": connection, "tabs": tabs(kind), "noun": KINDS[kind].lower()}
    return render(request, "xero_sync/links/unlinked.html", context)


@allow(*EVERYONE)
@require_safe
@connected
def unlinked_csv(request: HttpRequest, connection: XeroConnection, kind: str) -> HttpResponseBase:
    return UNLINKED.csv(request, unlinked(_by_hand(kind), connection), _file_name(f"{kind}-not-linked"))


def _file_name(what: str) -> str:
    return f"{what}-{timezone.localdate()}.csv"


@allow(*EVERYONE)
@require_safe
@connected
def link(request: HttpRequest, connection: XeroConnection, pk: int) -> HttpResponse:
    return render(request, "xero_sync/links/link.html", _context(connection, pk))


def _context(connection: XeroConnection, pk: int) -> dict[str, Any]:
    rows = links(connection).filter(pk=pk)
    found = next(iter(with_records(connection)(rows)), None)
    if found is None:
        raise Http404
    return {
        "link": found,
        "type": KINDS[found.kind],
        "connection": connection,
        "events": linking.events(found.kind, found.local_id),
        "by_hand": found.kind in BY_HAND,
        "survivor": linking.survivor(found),
    }


# --- doing


@allow(*WRITERS)
@require_POST
@connected
def look_up(request: HttpRequest, connection: XeroConnection, pk: int) -> HttpResponse:
    """Ask Xero about a linked record now."""
    found = get_object_or_404(XeroLink, pk=pk, tenant_id=connection.tenant_id)
    try:
        told = linking.look_up(found, connection, user=_user(request))
    except XeroError as error:
        messages.error(request, error.message)
    else:
        (messages.success if told.status in {"ACTIVE", "AUTHORISED", "PAID"} else messages.warning)(request, told.words)
    return redirect("xero_sync:link", pk=pk)


@allow(*ADMINS)
@require_http_methods(["GET", "HEAD", "POST"])
@connected
def unlink(request: HttpRequest, connection: XeroConnection, pk: int) -> HttpResponse:
    found = get_object_or_404(XeroLink, pk=pk, tenant_id=connection.tenant_id, kind__in=BY_HAND)
    if request.method == "POST":
        name = linking.label(found)
        try:
            linking.unlink(found, user=_user(request))
        except NotPossible as why:
            messages.error(request, str(why))
            return redirect("xero_sync:links")
        messages.success(request, f"{name} is no longer linked. Nothing was changed in Xero.")
        return redirect("xero_sync:unlinked", kind=found.kind)
    return render(request, "xero_sync/links/unlink.html", _context(connection, pk))


@allow(*ADMINS)
@require_http_methods(["GET", "HEAD", "POST"])
@connected
def follow(request: HttpRequest, connection: XeroConnection, pk: int) -> HttpResponse:
    """Link an account to the contact that its own was merged into."""
    found = get_object_or_404(XeroLink, pk=pk, tenant_id=connection.tenant_id, kind="contacts")
    survivor = linking.survivor(found)
    if survivor is None:
        raise Http404
    if request.method == "POST":
        try:
            moved = linking.move(found, survivor, user=_user(request))
        except NotPossible as why:
            messages.error(request, str(why))
        else:
            messages.success(request, f"{linking.label(moved)} is linked to {moved.xero_number} now.")
        return redirect("xero_sync:link", pk=pk)
    return render(request, "xero_sync/links/follow.html", _context(connection, pk))


@allow(*ADMINS)
@require_http_methods(["GET", "HEAD", "POST"])
@connected
def link_to(request: HttpRequest, connection: XeroConnection, kind: str, pk: int) -> HttpResponse:
    """Choose by hand which record in Xero one of ours is."""
    model = MODELS[_by_hand(kind)]
    record: Any = get_object_or_404(model, pk=pk)
    mine = XeroRecord.objects.filter(tenant_id=connection.tenant_id, kind=kind)
    error = ""
    if request.method == "POST":
        remote = mine.filter(xero_id=request.POST.get("xero_id", "")).first()
        error = _link_to(request, kind, record, remote) if remote else "Choose one of the records."
        if not error:
            return redirect(record)
    text = (request.POST if error else request.GET).get("q", "").strip()[:200] or record.name
    found = import_kind(kind).candidates({"text": text, "archived": True}, connection.tenant_id)
    page = Paginator(found, CANDIDATES).get_page(1)
    context = {
        "record": record,
        "kind": kind,
        "noun": KINDS[kind].lower(),
        "text": text,
        "page": page,
        "candidates": _candidates(kind, list(page), connection),
        "error": error,
        "connection": connection,
    }
    return render(request, "xero_sync/links/link_to.html", context, status=400 if error else 200)


def _link_to(request: HttpRequest, kind: str, record: Any, remote: XeroRecord) -> str:
    """Link the two; return why that can't be, if it can't."""
    try:
        link = linking.link_to(kind, record, remote, user=_user(request))
    except NotPossible as why:
        return str(why)
    messages.success(request, f"{record} is linked to {link.xero_number} in Xero.")
    return ""


def _candidates(kind: str, remotes: list[XeroRecord], connection: XeroConnection) -> list[dict[str, str]]:
    """Return what tells these records of Xero's from each other, and whom they are linked to."""
    taken = links(connection).filter(kind=kind, xero_id__in=[remote.xero_id for remote in remotes])
    owners = {found.xero_id: found.record_label for found in with_records(connection)(taken)}  # type: ignore[attr-defined]
    about = {remote.xero_id: import_kind(kind).describe(remote) for remote in remotes}
    return [
        {
            "xero_id": remote.xero_id,
            "label": about[remote.xero_id].label,
            "detail": about[remote.xero_id].detail,
            "status": "" if remote.status in {"", "ACTIVE"} else remote.status.capitalize(),
            "owner": owners.get(remote.xero_id, ""),
        }
        for remote in remotes
    ]


@allow(*ADMINS)
@require_http_methods(["GET", "HEAD", "POST"])
@connected
def reset(request: HttpRequest, connection: XeroConnection, pk: int) -> HttpResponse:
    """Reset posted to accounting: release an exported invoice, so that it can be changed or exported again."""
    invoice = get_object_or_404(Invoice, pk=pk)
    why_not = linking.why_not_reset(invoice, connection.tenant_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and not why_not and form.is_valid():
        try:
            linking.reset(invoice, connection.tenant_id, user=_user(request), reason=form.cleaned_data["reason"])
        except NotPossible as why:
            why_not = str(why)
        else:
            messages.success(request, f"{invoice.number} is reset: it can be changed, voided or exported again.")
            return redirect(invoice)
    link = XeroLink.objects.filter(tenant_id=connection.tenant_id, kind="invoices", local_id=invoice.uuid).first()
    context = {
        "invoice": invoice,
        "link": link,
        "connection": connection,
        "form": form,
        "why_not": why_not,
        "there": _in_xero(link, connection) if link and not why_not else "",
        "xero_url": connection.app_url(f"invoicing/view/{link.xero_id}") if link else "",
    }
    bad = request.method == "POST"
    return render(request, "xero_sync/links/reset.html", context, status=400 if bad else 200)


def _in_xero(link: XeroLink, connection: XeroConnection) -> str:
    """Say what became of the document in Xero, asked at this moment; that it isn't known where Xero can't be asked."""
    try:
        elements = Gateway(connection, background=False).read(f"Invoices/{link.xero_id}").get("Invoices") or []
    except XeroError as error:
        return f"What became of it in Xero could not be asked: {error.message}"
    status = str(elements[0].get("Status")) if elements else "DELETED"
    return f"In Xero it is {STATES.get(status, status)} now."


def _by_hand(kind: str) -> str:
    if kind not in BY_HAND:
        raise Http404
    return kind


def _user(request: HttpRequest) -> User:
    user: User = request.user  # type: ignore[assignment]  # behind `allow`
    return user
