"""Export records to Xero: the same job as the wizard's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from xero_sync import jobs
from xero_sync.commands import JobCommand
from xero_sync.kinds import LINKED, export_kind
from xero_sync.models import Job


class Command(JobCommand):
    help = __doc__
    kinds = {kind.name.replace("_", "-"): kind.name for kind in LINKED}

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--ids", nargs="+", default=[], metavar="ID", help="ids, uuids, numbers or codes")
        parser.add_argument("--status", choices=["draft", "submitted", "authorised"], help="of the invoices in Xero")

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["ids"]) == options["all"]:
            raise CommandError("Say which: --all, or --ids followed by some.")
        kind = self.kinds[options["kind"]]
        selection = {"all": True} if options["all"] else {"ids": _uuids(kind, options["ids"])}
        overrides = {"status": options["status"].upper()} if options["status"] else {}

        def begin() -> Job:
            return jobs.start_check(
                kind, Job.Direction.EXPORT, selection, user=None, overrides=overrides, started_as="xero_export"
            )

        self.start(begin, check=options["check"], wait=options["wait"], timeout=options["timeout"])


def _uuids(kind: str, names: list[str]) -> list[str]:
    """Return the uuids of the records that go by these ids, uuids, numbers, codes or names."""
    records = export_kind(kind).all_records()
    found = []
    for name in names:
        matches = list(records.filter(_named(kind, name)).values_list("uuid", flat=True)[:2])
        if len(matches) != 1:
            raise CommandError(f"{name}: {'several records go' if matches else 'no record goes'} by this name.")
        found.append(str(matches[0]))
    return list(dict.fromkeys(found))


def _named(kind: str, name: str) -> Q:
    by_name = Q(number=name) if kind == "invoices" else Q(code=name) | Q(name=name)
    if name.isdecimal():
        return Q(pk=int(name)) | by_name
    try:
        return Q(uuid=UUID(name)) | by_name
    except ValueError:
        return by_name
