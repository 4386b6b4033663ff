"""A pasted list of numbers, names or codes: what of it can be chosen, and what isn't there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xero_sync.wizards.base import Filters, Wizard

#: More than this is taken for an accident.
LONGEST_LIST = 5_000
MOST_NAMED = 20


@dataclass(frozen=True)
class Pasted:
    """The keys of what was found, and the numbers that nothing in the list has."""

    keys: list[str]
    missing: list[str]

    def missing_words(self, wizard: Wizard) -> str:
        """Say what was not found."""
        names = ", ".join(self.missing[:MOST_NAMED])
        more = f" and {len(self.missing) - MOST_NAMED} more" if len(self.missing) > MOST_NAMED else ""
        return f"Not among the {wizard.noun[1]} that can be chosen: {names}{more}."


def find(wizard: Wizard, text: str, filters: Filters, tenant_id: str) -> Pasted:
    """Look a list up: one per line. A line that is nothing whole is read as several, with commas between."""
    lines = [line.strip() for line in re.split(r"[\r\n\t;]+", text) if line.strip()][:LONGEST_LIST]
    parts = {line: [part.strip() for part in line.split(",") if part.strip()] for line in lines if "," in line}
    wanted = list(dict.fromkeys([*lines, *(part for each in parts.values() for part in each)]))
    found = wizard.find(wanted, filters, tenant_id) if wanted else {}
    keys: list[str] = []
    missing: list[str] = []
    for line in lines:
        for number in [line] if _keys(found, line) or line not in parts else parts[line]:
            keys += _keys(found, number)
            missing += [] if _keys(found, number) else [number]
    return Pasted(list(dict.fromkeys(keys)), list(dict.fromkeys(missing)))


def _keys(found: dict[str, list[str]], number: str) -> list[str]:
    """Look a number up whatever its case; the first spelling of it was asked for."""
    return found.get(number) or next((keys for each, keys in found.items() if each.casefold() == number.casefold()), [])
