"""Encrypt Xero's tokens anew with the first key of FIELD_ENCRYPTION_KEYS, so that the others can be taken away."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from xero_sync import oauth


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, unreadable = oauth.encrypt_anew()
        self.stdout.write(f"Encrypted the tokens of {rotated} connections with the first key.")
        if unreadable:
            names = ", ".join(unreadable)
            raise CommandError(f"No key opens the tokens of {names}. They were left as they are; connect again.")
