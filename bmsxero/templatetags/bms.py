"""The pieces every page is built of. Built into the template engine: no {% load %} is needed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, cast

from django import forms, template
from django.conf import settings
from django.template import Context, Engine, TemplateDoesNotExist
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from bmsxero.listing import Action, Badge, Tone
from bmsxero.navigation import opens
from bmsxero.roles import who

register = template.Library()

ICONS = Path(settings.BASE_DIR) / "static" / "vendor" / "tabler-icons"
CARD_HEAD = '<div class="card-header"><h2 class="card-title">{}</h2></div>'
MINUS = "\N{MINUS SIGN}"
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
TONE_ICONS = {
    "neutral": "circle-dashed",
    "info": "info-circle",
    "success": "circle-check",
    "warning": "alert-triangle",
    "danger": "alert-circle",
    "progress": "clock",
}


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """Two decimals, thousands grouped, a real minus sign: `{{ invoice.total|money:invoice.currency }}`."""
    if amount is None:
        return ""
    text = f"{abs(amount):,.2f}"
    sign = MINUS if amount < 0 else ""
    return f"{currency}{NO_BREAK_SPACE}{sign}{text}" if currency else f"{sign}{text}"


@register.filter
def decimals(number: Decimal | None) -> str:
    """A quantity or a price without needless zeros, with at least two decimals where it has any."""
    if number is None:
        return ""
    text = f"{abs(number):,f}"
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    shown = f"{whole}.{fraction:0<2}" if fraction else whole
    return f"{MINUS}{shown}" if number < 0 else shown


@register.filter
def price(amount: Decimal | None) -> str:
    """A unit price: at least two decimals, and the third and fourth where they are not zero."""
    if amount is None:
        return ""
    return money(amount) if amount == round(amount, 2) else decimals(amount)


@register.filter
def count(number: int) -> str:
    """A count with thousands grouped."""
    return f"{number:,}"


@register.filter
def day(value: date | None) -> SafeString | str:
    """22 Nov 2026, readable by machines, too."""
    if not value:
        return ""
    return format_html('<time datetime="{}">{}</time>', value.isoformat()[:10], f"{value.day} {value:%b %Y}")


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """22 Nov 2026 10:42, in the installation's time zone, its UTC time in the title."""
    if not value:
        return ""
    local = timezone.localtime(value)
    text = f"{local.day} {local:%b %Y %H:%M}"
    utc = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(), utc, text)


@cache
def _svg(name: str) -> str:
    drawing = (ICONS / f"{name}.svg").read_text()
    bare = re.sub(r"\s(?:width|height|class)=\"[^\"]*\"", "", drawing.partition("<svg")[2])
    return re.sub(r"\s+", " ", bare)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An inline drawing. Without a label it is hidden from screen readers: the words beside it say it all."""
    told = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return mark_safe(f'<svg class="icon" {told}{_svg(name)}')  # noqa: S308 -- our own files


@register.inclusion_tag("components/_badge.html")
def badge(state: Badge | str, tone: str = "neutral", symbol: str = "") -> dict[str, str]:
    """A state in words with an icon: `{% badge invoice.badge %}` or `{% badge "Connected" "success" %}`."""
    shown = state if isinstance(state, Badge) else Badge(state, cast("Tone", tone), symbol)
    return {"label": shown.label, "tone": shown.tone, "icon": shown.icon or TONE_ICONS[shown.tone]}


@register.inclusion_tag("components/_steps.html")
def steps(*labels: str, current: int) -> dict[str, Any]:
    """Where a wizard stands, counted from 1: `{% steps "Load" "Select" "Check" "Send" current=2 %}`."""
    return {"steps": list(enumerate(labels, 1)), "current": current}


def _css_class(widget: forms.Widget) -> str:
    match widget:
        case forms.CheckboxInput() | forms.RadioSelect() | forms.CheckboxSelectMultiple():
            return "form-check-input"
        case forms.Select():
            return "form-select"
        case forms.HiddenInput():
            return ""
    return "form-control"


@register.inclusion_tag("components/_field.html")
def field(bound: forms.BoundField, size: str = "") -> dict[str, Any]:
    """Label, control, help and errors of one form field: `{% field form.name %}`."""
    widget = bound.field.widget
    classes = _css_class(widget)
    if bound.errors:
        classes += " is-invalid"
    is_group = isinstance(widget, forms.RadioSelect | forms.CheckboxSelectMultiple)
    if is_group:  # its boxes are rendered one by one, from the widget itself
        widget.attrs["class"] = classes
    return {
        "field": bound,
        "control": bound.as_widget(attrs={"class": classes}),
        "size": size,
        "is_hidden": bound.is_hidden,
        "is_checkbox": isinstance(widget, forms.CheckboxInput),
        "is_group": is_group,
    }


@register.simple_block_tag
def card(content: str, title: str = "") -> SafeString:
    """A titled box: `{% card "Details" %} … {% endcard %}`."""
    head = format_html('<div class="card-header"><h2 class="card-title">{}</h2></div>', title) if title else ""
    return format_html('<section class="card">{}<div class="card-body">{}</div></section>', head, content)


@register.simple_block_tag
def fact(content: str, label: str) -> SafeString:
    """One line of a `<dl class="facts">`; left out where there is nothing to say."""
    if not content.strip():
        return mark_safe("")
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, content)


@register.simple_tag(takes_context=True)
def slot(context: Context, name: str, **more: Any) -> SafeString:
    """What another app has to say here, if it brings the template: `{% slot "xero_sync/_card.html" record=item %}`."""
    try:
        found = Engine.get_default().get_template(name)
    except TemplateDoesNotExist:
        return mark_safe("")
    with context.push(**more):
        return found.render(context)


@register.filter
def open_to(actions: tuple[Action, ...] | None, user: Any) -> list[Action]:
    """Those of the actions that the user may take. One whose page does not exist is left out."""
    me = who(user)
    return [
        action
        for action in actions or ()
        if (not action.roles or me.any_of(action.roles)) and opens(str(action.url), me)
    ]
