"""After an older backup was put back: link again the invoices that were sent since. Changes nothing in Xero."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from xero_sync import jobs, relinking
from xero_sync.errors import XeroError
from xero_sync.mirror import moment


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", metavar="DATE", help="only what changed in Xero since then, in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        since = options["since"]
        if since and not _is_time(since):
            raise CommandError(f"--since {since}: write it as 2026-11-22 or 2026-11-22T09:30:00.")
        try:
            found = relinking.relink(jobs.current_connection(), moment(since))
        except XeroError as error:
            raise CommandError(error.message) from None
        for line in found.linked:
            self.stdout.write(f"Linked: {line}")
        for line in found.doubtful:
            self.stdout.write(f"Look at it: {line}")
        self.stdout.write(f"{len(found.linked)} linked, {len(found.doubtful)} to look at.")


def _is_time(text: str) -> bool:
    try:
        return bool(parse_datetime(text) or parse_date(text))
    except ValueError:
        return False
