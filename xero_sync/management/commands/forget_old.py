"""Forget what is older than the KEEP_… settings allow. For cron, where no beat runs; once a day is enough."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from xero_sync import retention


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, **options: Any) -> None:
        verb = "would be forgotten" if options["dry_run"] else "forgotten"
        for name, number in retention.forget(only_count=options["dry_run"]).items():
            self.stdout.write(f"{number:>8} {name} {verb}")
