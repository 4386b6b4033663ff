"""Columns that hold secrets: ciphertext in the database, plain text in memory only.

What is encrypted says whose secret it is, so that a ciphertext which somebody copies to another row, or to another
column, opens nothing there. Ciphertexts of earlier versions don't say it and are still read; `rotate_token_keys`, and
each renewal of a token, writes them anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models
from django.db.models.query_utils import DeferredAttribute

logger = logging.getLogger(__name__)

#: Stands before and behind the name of the place; no secret begins with it.
_MARK = "\x01"


def keyring() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FIELD_ENCRYPTION_KEYS])


@dataclass(frozen=True, repr=False)
class Sealed:
    """A secret as it lies in the database."""

    ciphertext: str


class _Opening(DeferredAttribute):
    """Opens a secret when somebody asks for it: only then is it known which row it is in."""

    field: EncryptedTextField

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        if isinstance(value, Sealed):
            value = instance.__dict__[self.field.attname] = self.field.opened(value, instance)
        return value

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted with the first key of FIELD_ENCRYPTION_KEYS and read with any of them.

    `row` names the field of the model that tells its rows apart.
    """

    descriptor_class = _Opening
    non_db_attrs = (*models.TextField.non_db_attrs, "row")

    def __init__(self, *args: Any, row: str = "pk", **options: Any) -> None:
        self.row = row
        super().__init__(*args, **options)

    def deconstruct(self) -> Any:
        name, path, args, options = super().deconstruct()
        return name, path, args, options | {"row": self.row}

    def opened(self, sealed: Sealed, instance: Any) -> str:
        """Return a secret of a row; blank if no key opens it, or if it is another's."""
        try:
            text = keyring().decrypt(sealed.ciphertext.encode()).decode()
        except InvalidToken:
            # As good as absent: an exception here would keep people from signing in again, which mends it
            logger.error("%s: no key in FIELD_ENCRYPTION_KEYS opens what is stored", self.name)  # noqa: TRY400
            return ""
        if not text.startswith(_MARK):
            return text
        _, place, secret = text.split(_MARK, 2)
        if place != self._place(instance):
            logger.error("%s: what is stored was written for another row", self.name)
            return ""
        return secret

    def from_db_value(self, value: str | None, *_: Any) -> Sealed | str:
        return Sealed(value) if value else ""

    def pre_save(self, model_instance: models.Model, add: bool) -> Sealed | str:
        secret = getattr(model_instance, self.attname)
        if not secret:
            return ""
        text = f"{_MARK}{self._place(model_instance)}{_MARK}{secret}"
        return Sealed(keyring().encrypt(text.encode()).decode())

    def get_prep_value(self, value: Any) -> str:
        if value and not isinstance(value, Sealed):
            raise TypeError(f"{self.name} is only written by saving its row, which it is encrypted for.")
        return value.ciphertext if value else ""

    def value_to_string(self, obj: models.Model) -> str:
        return ""  # no fixture holds a secret

    def _place(self, instance: Any) -> str:
        return f"{self.model._meta.db_table}.{self.attname}:{getattr(instance, self.row)}"
