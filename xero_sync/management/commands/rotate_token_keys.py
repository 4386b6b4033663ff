"""Encrypt Xero's tokens anew with the first key of FIELD_ENCRYPTION_KEYS, so that the others can be taken away."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from xero_sync import credentials, oauth


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        rotated, unreadable = oauth.encrypt_anew()
        self.stdout.write(f"Encrypted the tokens of {rotated} connections with the first key.")
        if not credentials.encrypt_anew():
            raise CommandError("No key opens the saved client secret. It was left as it is; enter it again at Setup.")
        if unreadable:
            names = ", ".join(unreadable)
            raise CommandError(f"No key opens the tokens of {names}. They were left as they are; connect again.")
