"""Help pages made from what the program itself goes by: the data mapping and the glossary."""

from __future__ import annotations

import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from bmsxero.roles import EVERYONE, allow
from xero_sync import mapping

GLOSSARY = settings.BASE_DIR / "docs" / "glossary.md"
_ROW = re.compile(r"^\| (?P<word>[^|]+) \| (?P<meaning>[^|]+) \|$")


@allow(*EVERYONE)
@require_safe
def data_mapping(request: HttpRequest) -> HttpResponse:
    return render(request, "xero_sync/help/data_mapping.html", {"tables": mapping.TABLES})


@allow(*EVERYONE)
@require_safe
def glossary(request: HttpRequest) -> HttpResponse:
    rows = [found for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if (found := _ROW.match(line))]
    words = [(row["word"], _plain(row["meaning"])) for row in rows if row["word"] != "Word"]
    return render(request, "xero_sync/help/glossary.html", {"words": words})


def _plain(text: str) -> str:
    return text.replace("`", "").replace("*", "")
