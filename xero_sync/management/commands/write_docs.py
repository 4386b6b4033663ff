"""Write the pages of docs/ that are made from tables in the code; with --check, only say whether they are old."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from xero_sync import causes, mapping

PAGES = {"mapping.md": mapping.markdown, "errors.md": causes.markdown}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        old = []
        for name, written in PAGES.items():
            page = settings.BASE_DIR / "docs" / name
            if not options["check"]:
                page.write_text(written(), encoding="utf-8")
            elif page.read_text(encoding="utf-8") != written():
                old.append(name)
        if old:
            self.stderr.write(f"Old: {', '.join(old)}. Run python manage.py write_docs")
            sys.exit(1)
