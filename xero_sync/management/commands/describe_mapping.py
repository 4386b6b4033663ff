"""Write docs/mapping.md from the mapping table; with --check, only say whether it is up to date."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from xero_sync import mapping

PAGE = settings.BASE_DIR / "docs" / "mapping.md"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"]:
            PAGE.write_text(mapping.markdown(), encoding="utf-8")
        elif PAGE.read_text(encoding="utf-8") != mapping.markdown():
            self.stderr.write("docs/mapping.md is old: python manage.py describe_mapping")
            sys.exit(1)
