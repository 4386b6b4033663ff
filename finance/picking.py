"""Records that are chosen by typing: their name, their number or code, or "#12" where names are alike.

Lists of thousands are too long for a pick-list. What was typed is read on the server; suggestions are a comfort.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Lower

from crm.models import Account
from finance.models import Item

M = TypeVar("M", Account, Item)
FEW = 20
#: Parts of names are looked up for so many texts at once.
GUESSES = 5
_KEY = re.compile(r"#(\d{1,18})\b.*")


@dataclass(frozen=True)
class Option:
    """A suggestion: what is typed for it, and what it is."""

    value: str
    label: str


class Picker(Generic[M]):
    """Reads one kind of record by what people type. The model has a `name` and a `code`."""

    def __init__(self, model: type[M], noun: str) -> None:
        self.model: type[M] = model
        self.noun = noun

    @property
    def rows(self) -> QuerySet[Any]:
        records: QuerySet[Any] = self.model._default_manager.all()
        folded: QuerySet[Any] = records.annotate(low_name=Lower("name"), low_code=Lower("code"))
        return folded

    def texts(self, records: Iterable[M]) -> dict[int, str]:
        """Return what is typed for each of these records, by key: the name, where no other has the same."""
        found: dict[int, Any] = {record.pk: record for record in records}
        names = self.rows.filter(low_name__in={record.name.lower() for record in found.values()})
        shared = names.order_by().values_list("low_name").annotate(number=Count("pk")).filter(number__gt=1)
        alike = {name for name, _ in shared}
        return {
            key: f"#{key} {record.name}" if record.name.lower() in alike else record.name
            for key, record in found.items()
        }

    def find(self, texts: Iterable[str]) -> dict[str, M | str]:
        """Return for each text the record that it means, or why it means none. A few queries for any number."""
        typed = {text.strip() for text in texts} - {""}
        keys = {text: int(match[1]) for text in typed if (match := _KEY.fullmatch(text))}
        words = {text.lower() for text in typed - set(keys)}
        by_key = self.rows.in_bulk(set(keys.values())) if keys else {}
        found: dict[str, M | str] = {
            text: by_key.get(key, f"There is no {self.noun} {text}.") for text, key in keys.items()
        }
        shelf: dict[str, list[Any]] = defaultdict(list)
        if words:
            # SQLite folds plain letters only, so what was typed counts as it stands, too
            named = Q(low_name__in=words) | Q(low_code__in=words) | Q(name__in=typed)
            for record in self.rows.filter(named).order_by("pk"):
                for word in {record.name.lower(), record.code.lower()} & words:
                    shelf[word].append(record)
        left = []
        for text in typed - set(keys):
            if matches := shelf[text.lower()]:
                found[text] = matches[0] if len(matches) == 1 else self._several(text, matches)
            else:
                left.append(text)
        for number, text in enumerate(sorted(left)):
            found[text] = self._guess(text) if number < GUESSES else f"There is no {self.noun} “{text}”."
        return found

    def suggest(self, text: str) -> list[Option]:
        """Return what may be meant by the beginning or a part of a name or code."""
        known = _KEY.fullmatch(text.strip())
        rows = self.rows.filter(active=True)
        if text.strip() and not known:
            rows = rows.filter(Q(name__icontains=text.strip()) | Q(code__istartswith=text.strip()))
        records: list[Any] = list(rows.order_by("name", "pk")[:FEW])
        values = self.texts(records)
        return [Option(values[record.pk], record.code) for record in records]

    def _guess(self, text: str) -> M | str:
        matches: list[M] = list(self.rows.filter(name__icontains=text).order_by("name", "pk")[: GUESSES + 1])
        if len(matches) == 1:
            return matches[0]
        return self._several(text, matches) if matches else f"There is no {self.noun} “{text}”."

    def _several(self, text: str, matches: list[M]) -> str:
        values = self.texts(matches[:GUESSES])
        more = ", …" if len(matches) > GUESSES else ""
        return f"“{text}” may be several: {', '.join(values.values())}{more}. Type one of these."


ACCOUNTS: Picker[Account] = Picker(Account, "account")
ITEMS: Picker[Item] = Picker(Item, "item")
