"""Sample users and records, for trying out, tests and benchmarks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bmsxero.roles import Role
from finance import sample_data

#: Sample users and their roles; each one's password is the name.
USERS = {"admin": Role.ADMIN, "finance": Role.FINANCE, "support": Role.SUPPORT, "viewer": Role.VIEWER}


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--accounts", type=int, default=40)
        parser.add_argument("--items", type=int, default=40)
        parser.add_argument("--invoices", type=int, default=60)
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("Sample users have their names as passwords, so they are made with DEBUG=1 only.")
        if min(options["accounts"], options["items"], options["invoices"]) < 0:
            raise CommandError("The numbers of records can't be negative.")
        create_users()
        size = sample_data.Size(options["accounts"], options["items"], options["invoices"])
        sample_data.create(size, seed=options["seed"], today=timezone.localdate())
        self.stdout.write(f"Added {size.accounts} accounts, {size.items} items and {size.invoices} invoices.")


def create_users() -> None:
    """Make the four sample users, or leave those that exist as they are."""
    for name, role in USERS.items():
        user, created = User.objects.get_or_create(
            username=name, defaults={"is_staff": role == Role.ADMIN, "is_superuser": role == Role.ADMIN}
        )
        if created:
            user.set_password(name)
            user.save()
        user.groups.add(Group.objects.get_or_create(name=role)[0])
