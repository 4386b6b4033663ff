"""Import records from Xero: the same job as the wizard's."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from finance.models import Item
from xero_sync import jobs
from xero_sync.commands import JobCommand
from xero_sync.models import Job


class Command(JobCommand):
    help = __doc__
    kinds = {
        "contacts": "contacts",
        "account-codes": "account_codes",
        "items": "items",
        "payments": "payments",
    }

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--ids", nargs="+", default=[], metavar="ID", help="Xero's ids")
        parser.add_argument(
            "--as",
            dest="destination",
            choices=Item.Kind.values,
            help="what items become; without it, tracked ones become products and others services",
        )
        parser.add_argument("--bring-account-codes", action="store_true", help="items bring the codes that they use")
        parser.add_argument("--modified-since", metavar="DATE", help="what changed in Xero since then, in UTC")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["ids"]) == options["all"]:
            raise CommandError("Say which: --all, or --ids followed by some.")
        kind = self.kinds[options["kind"]]
        if options["destination"] and kind != "items":
            raise CommandError("--as is for items only.")
        filters = {"modified_since": _since(options["modified_since"])} if options["modified_since"] else {}
        selection = {"all": True, "filters": filters} if options["all"] else {"ids": options["ids"]}
        overrides: dict[str, Any] = {}
        if kind == "items":
            overrides = {
                "destination": {"default": options["destination"] or ""},
                "bring_account_codes": options["bring_account_codes"],
            }

        def begin() -> Job:
            return jobs.start_check(
                kind,
                Job.Direction.IMPORT,
                {**selection, "fresh": True},
                user=None,
                overrides=overrides,
                started_as="xero_import",
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
