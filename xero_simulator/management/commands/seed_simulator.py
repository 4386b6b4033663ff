from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from xero_simulator import seed
from xero_simulator.models import Organisation


class Command(BaseCommand):
    help = "Fill the simulated Xero with its organisations and the registered app, where they are missing."
    requires_system_checks: list[str] = []

    def handle(self, *_: Any, **options: Any) -> None:
        seed.seed()
        if options["verbosity"]:
            names = ", ".join(Organisation.objects.order_by("pk").values_list("name", flat=True))
            self.stdout.write(f"Simulated organisations: {names}")
