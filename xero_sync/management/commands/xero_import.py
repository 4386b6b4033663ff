"""Import records from Xero: the same job as the wizard's."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from xero_sync import jobs
from xero_sync.commands import JobCommand
from xero_sync.models import Job


class Command(JobCommand):
    help = __doc__
    kinds = {"payments": "payments"}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--modified-since", metavar="DATE", help="what changed in Xero since then, in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["all"]:
            raise CommandError("Say which: --all.")
        filters = {"modified_since": _since(options["modified_since"])} if options["modified_since"] else {}
        selection = {"all": True, "filters": filters, "fresh": True}

        def begin() -> Job:
            return jobs.start_check(
                self.kinds[options["kind"]], Job.Direction.IMPORT, selection, user=None, started_as="xero_import"
            )

        self.start(begin, check=options["check"], wait=options["wait"], timeout=options["timeout"])


def _since(text: str) -> str:
    try:
        time = parse_datetime(text) or parse_date(text)
    except ValueError:
        time = None
    if time is None:
        raise CommandError(f"--modified-since {text}: write it as 2026-11-22 or 2026-11-22T09:30:00Z.")
    return f"{time.isoformat()}T00:00:00Z" if len(text) <= 10 else time.isoformat()
