"""What the fixes on the page of a check have in common."""

from __future__ import annotations

from dataclasses import dataclass

from xero_sync.planning import Key


@dataclass(frozen=True)
class Mended:
    """What was mended, in a sentence, and the records that it touches, by kind and key."""

    words: str
    touched: frozenset[Key]


class NotMended(Exception):
    """Nothing was changed. Choose one of what is offered."""

    @property
    def message(self) -> str:
        return str(self.args[0]) if self.args else str(self.__doc__)


def many(number: int, one: str) -> str:
    """Return a number of things in words: "2 items"."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"
