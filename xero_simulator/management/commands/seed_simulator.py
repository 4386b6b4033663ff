from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from xero_simulator import bulk, problems, seed
from xero_simulator.books import VERSIONS
from xero_simulator.models import Organisation
from xero_simulator.router import ALIAS


class Command(BaseCommand):
    help = (
        "Fill the simulated Xero with its organisations and the registered app, where they are missing. "
        "With numbers, add so many records in bulk."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", default="", help="whose books to fill; made if it is not there")
        parser.add_argument("--country", default="UK", choices=list(VERSIONS), help="of an organisation to be made")
        parser.add_argument("--currency", action="append", default=[], help="beside the base currency of a new one")
        parser.add_argument("--problems", action="store_true", help="add what the sample invoices run into")
        for what in ("contacts", "items", "payments"):
            parser.add_argument(f"--{what}", type=int, default=0, metavar="N", help=f"add N {what}")

    def handle(self, *_: Any, **options: Any) -> None:
        counts = {what: options[what] for what in ("contacts", "items", "payments")}
        if any(count < 0 for count in counts.values()):
            raise CommandError("The numbers must not be negative.")
        seed.seed()
        with transaction.atomic(using=ALIAS):
            organisation = self._organisation(options)
            bulk.fill_up(organisation, **counts)
            if options["problems"]:
                problems.plant(organisation)
        if options["verbosity"]:
            names = ", ".join(Organisation.objects.order_by("pk").values_list("name", flat=True))
            self.stdout.write(f"Simulated organisations: {names}")

    def _organisation(self, options: dict[str, Any]) -> Organisation:
        rows = Organisation.objects.order_by("pk")
        if not options["organisation"]:
            return rows[0]
        found = rows.filter(name=options["organisation"]).first()
        if found:
            return found
        return seed.make_organisation(
            seed.Spec(options["organisation"], options["country"], tuple(options["currency"]))
        )
