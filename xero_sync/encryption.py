"""Columns that hold secrets: ciphertext in the database, plain text in memory only."""

from __future__ import annotations

from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class UndecipherableError(ValueError):
    """A stored secret can't be read with any of the keys in FIELD_ENCRYPTION_KEYS."""


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
            # The exception must not carry the ciphertext or a key
            raise UndecipherableError(UndecipherableError.__doc__) from None
