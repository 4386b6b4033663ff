"""Writing an invoice: the page works by itself, and htmx brings totals and what items fill in while one types."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from bmsxero import history
from bmsxero.roles import WRITERS, allow
from crm.models import Account
from finance import editor, statuses
from finance.editor import InvoiceForm, Lines, Typed
from finance.models import Invoice, InvoiceLine
from finance.picking import ACCOUNTS, ITEMS

NEW_LINES = 3
CHANGED_MEANWHILE = (
    "Somebody changed this invoice while you had it open. What you typed is kept below; "
    "saving again puts it in place of theirs."
)


@allow(*WRITERS)
def new_invoice(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _posted(request, None)
    key = request.GET.get("account", "")
    account = Account.objects.filter(pk=key).first() if key.isdecimal() and len(key) < 19 else None
    form = InvoiceForm(initial=editor.first_values(account))
    return _page(request, None, form, [dict(editor.BLANK) for _ in range(NEW_LINES)])


@allow(*WRITERS)
def edit_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    invoice = get_object_or_404(Invoice.objects.select_related("account"), pk=pk)
    if reason := statuses.why_not_editable(invoice):
        return _refused(request, invoice, reason)
    if request.method == "POST":
        return _posted(request, invoice)
    lines = invoice.lines.select_related("item", "tax")
    return _page(request, invoice, InvoiceForm(instance=invoice), editor.typed_of(lines))


@allow(*WRITERS)
@require_GET
def pick(request: HttpRequest, kind: str) -> HttpResponse:
    """Suggest what may be meant by what is being typed into the field."""
    text = str(next(iter(request.GET.values()), "")).replace("\x00", "")[:300]
    options = {"accounts": ACCOUNTS.suggest, "items": ITEMS.suggest}.get(kind, lambda _: [])(text)
    return render(request, "finance/_options.html", {"options": options})


def _refused(request: HttpRequest, invoice: Invoice, reason: str) -> HttpResponse:
    return render(request, "finance/read_only.html", {"invoice": invoice, "reason": reason}, status=409)


def _posted(request: HttpRequest, invoice: Invoice | None) -> HttpResponse:
    step = request.POST.get("do", "save")
    head = editor.follow_account({name: str(value) for name, value in request.POST.items() if "-" not in name})
    typed = editor.typed_lines(request.POST)
    rows = editor.fill(typed)
    if request.htmx and step.startswith("fill-"):  # type: ignore[attr-defined]
        return render(request, "finance/_editor_fills.html", {"fills": _fills(typed, rows)})
    if step == "save":
        return _save(request, invoice, head, [row for row in rows if not editor.is_blank(row)])
    rows = editor.work(rows, step)
    form = InvoiceForm(initial=head, instance=Invoice(pk=invoice.pk) if invoice else None)
    return _page(request, invoice, form, rows, step=step)


def _fills(typed: list[Typed], rows: list[Typed]) -> list[dict[str, str]]:
    """Return which fields get another value. The page takes it where nobody has typed there meanwhile."""
    return [
        {"id": f"id_{editor.PREFIX}-{place}-{name}", "was": was[name], "value": filled[name]}
        for place, (was, filled) in enumerate(zip(typed, rows, strict=True))
        for name in filled
        if was[name] != filled[name]
    ]


def _save(request: HttpRequest, invoice: Invoice | None, head: dict[str, str], rows: list[Typed]) -> HttpResponse:
    lines = editor.line_set(rows)
    with transaction.atomic():
        locked = Invoice.objects.select_for_update().get(pk=invoice.pk) if invoice else Invoice()
        if invoice and (reason := statuses.why_not_editable(locked)):
            return _refused(request, locked, reason)
        seen = locked.updated.isoformat() if invoice else ""
        form = InvoiceForm(head, instance=locked)
        good = form.is_valid() & lines.is_valid()
        if invoice and head.get("seen") != seen:
            form.add_error(None, CHANGED_MEANWHILE)
        elif good and _stored(form, lines):
            messages.success(request, f"Invoice {form.instance} is saved.")
            return redirect(form.instance)
    return _page(request, invoice, form, rows or [dict(editor.BLANK)], lines=lines, seen=seen)


def _stored(form: InvoiceForm, lines: Lines) -> bool:
    """Save head, lines and totals together, as one entry of the history."""
    invoice: Invoice = form.instance
    is_new = invoice.pk is None
    if not is_new:
        history.begin([invoice])
    invoice.skip_history_when_saving = True  # type: ignore[attr-defined]
    try:
        with transaction.atomic():
            form.save()
            invoice.lines.all().delete()
            made = lines.lines
            for line in made:
                line.invoice = invoice
            InvoiceLine.objects.bulk_create(made)
            invoice.recalculate()
            history.write([invoice], created=is_new)
    except IntegrityError:  # somebody took the number this very moment
        if not Invoice.objects.filter(number=invoice.number).exclude(pk=invoice.pk).exists():
            raise
        form.add_error("number", "Invoice with this Number already exists.")
        return False
    return True


def _page(
    request: HttpRequest,
    invoice: Invoice | None,
    form: InvoiceForm,
    rows: list[Typed],
    *,
    step: str = "",
    lines: Lines | None = None,
    seen: str = "",
) -> HttpResponse:
    read = lines or editor.line_set(rows)
    shown = lines if lines and lines.forms else editor.drawn(rows)
    control, focused = _focus(step, len(rows))
    amounts = [*(made.amount if made else None for made in read.by_place), *[None] * len(rows)]
    drawn = [
        {
            "form": line,
            "place": place,
            "number": place + 1,
            "amount": amounts[place],
            "focus": control if place == focused else "",
        }
        for place, line in enumerate(shown.forms)
    ]
    if control == "item" and 0 <= focused < len(drawn):
        shown.forms[focused].fields["item"].widget.attrs["autofocus"] = True
    context: dict[str, Any] = {
        "invoice": invoice,
        "form": form,
        "lines": drawn,
        "line_set": read,
        "problems": _problems(form, lines) if lines else [],
        "totals": read.totals,
        "currency": form["currency"].value() or "",
        "seen": seen or (invoice.updated.isoformat() if invoice else ""),
        "focus": control,
        "here": request.path,
        "last": len(rows),
    }
    if request.htmx and step:  # type: ignore[attr-defined]
        return _fragment(request, step, context)
    if not step:
        context |= {"items": ITEMS.suggest(""), "accounts": ACCOUNTS.suggest("")}
    return render(request, "finance/editor.html", context, status=400 if context["problems"] else 200)


def _fragment(request: HttpRequest, step: str, context: dict[str, Any]) -> HttpResponse:
    """Return the part of the page that a step changes, so that nothing else is touched while one types."""
    if step == "totals":
        return render(request, "finance/_editor_totals.html", context | {"along": context["lines"]})
    if step == "account":
        return render(request, "finance/_editor_site.html", context)
    return render(request, "finance/_editor_lines.html", context)


def _focus(step: str, number: int) -> tuple[str, int]:
    """Return the control that goes on where the pressed one was, and its line."""
    what, _, place = step.partition("-")
    match what:
        case "add":
            return "item", number - 1
        case "remove" if number and place.isdecimal():
            return "item", min(int(place), number - 1)
        case "remove":
            return "add-line", -1
        case "up" | "down" if place.isdecimal():
            return what, min(max(int(place) + (1 if what == "down" else -1), 0), number - 1)
        case "update":
            return "update-totals", -1
    return "", -1


def _problems(form: InvoiceForm, lines: Lines) -> list[tuple[str, str]]:
    """Return every error with the id of its field, the head's first."""
    found = [("", str(error)) for error in form.non_field_errors()]
    for bound in form:
        found += [(bound.id_for_label, f"{bound.label}: {error}") for error in bound.errors]
    found += [("lines", str(error)) for error in lines.non_form_errors()]
    for number, line in enumerate(lines.forms, 1):
        for bound in line:
            found += [(bound.id_for_label, f"Line {number}, {bound.label}: {error}") for error in bound.errors]
    return found


# --- what ends an invoice


@allow(*WRITERS)
@require_POST
def void_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    with transaction.atomic():
        invoice = get_object_or_404(Invoice.objects.select_for_update(), pk=pk)
        reason = statuses.why_not_void(invoice)
        if not reason:
            history.begin([invoice])
            invoice.status = Invoice.Status.VOID
            invoice.save(update_fields=["status", "updated"])
    if reason:
        messages.error(request, f"Invoice {invoice} was not voided. {reason}")
    else:
        messages.success(request, f"Invoice {invoice} is void. It stays here for the record, and counts for nothing.")
    return redirect(invoice)


@allow(*WRITERS)
@require_POST
def delete_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    with transaction.atomic():
        invoice = get_object_or_404(Invoice.objects.select_for_update(), pk=pk)
        if reason := statuses.why_not_delete(invoice):
            messages.error(request, f"Invoice {invoice} was not deleted. {reason}")
            return redirect(invoice)
        invoice.delete()
    messages.success(request, f"Draft {invoice} is deleted.")
    return redirect("finance:invoices")
