"""Columns that hold secrets: ciphertext in the database, plain text in memory only."""

from __future__ import annotations

import logging
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models

logger = logging.getLogger(__name__)


def keyring() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted with the first key of FIELD_ENCRYPTION_KEYS and read with any of them."""

    def get_prep_value(self, value: Any) -> Any:
        if not value:
            return ""
        return keyring().encrypt(str(value).encode()).decode()

    def from_db_value(self, value: str | None, *_: Any) -> str:
        if not value:
            return ""
        try:
            return keyring().decrypt(value.encode()).decode()
        except InvalidToken:
            # As good as absent: an exception here would keep people from signing in again, which mends it
            logger.error("%s: no key in FIELD_ENCRYPTION_KEYS opens what is stored", self.name)  # noqa: TRY400
            return ""
