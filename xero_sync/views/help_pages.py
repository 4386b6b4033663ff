"""Help pages made from what the program itself goes by: the data mapping and the glossary."""

from __future__ import annotations

import re

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bmsxero.roles import EVERYONE, allow
from xero_sync import causes, mapping
from xero_sync.models import JobRow

GLOSSARY = settings.BASE_DIR / "docs" / "glossary.md"
_ROW = re.compile(r"^\| (?P<word>[^|]+) \| (?P<meaning>[^|]+) \|$")


@allow(*EVERYONE)
@require_safe
def data_mapping(request: HttpRequest) -> HttpResponse:
    return render(request, "xero_sync/help/data_mapping.html", {"tables": mapping.TABLES})


@allow(*EVERYONE)
@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """Every cause that we know, and Xero's words that nobody has seen yet, with how often they came."""
    unknown = JobRow.objects.filter(state=JobRow.State.FAILED, reason="refused").exclude(xero_message="")
    counted = unknown.order_by().values("xero_message").annotate(number=Count("pk")).order_by("-number")[:20]
    return render(request, "xero_sync/help/errors.html", {"causes": causes.CAUSES, "unknown": counted})


@allow(*EVERYONE)
@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    rows = [found for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if (found := _ROW.match(line))]
    words = [(row["word"], _plain(row["meaning"])) for row in rows if row["word"] != "Word"]
    return render(request, "xero_sync/help/glossary.html", {"words": words})


def _plain(text: str) -> str:
    return text.replace("`", "").replace("*", "")
