"""Billing: which account codes items have, edited many at once. All that was typed is saved, or nothing is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from bmsxero.history import begin, write
from finance.item_kinds import ItemKind
from finance.models import AccountCode, Item

LABELS = {"income_account": "Income account", "expense_account": "Expense account"}
BATCH = 500
_CELL = re.compile(r"(income_account|expense_account)-(\d{1,15})")


@dataclass(frozen=True)
class Cell:
    """The account of one use of one item, as it is typed. `was` is what the page showed before."""

    name: str
    label: str
    typed: str
    was: str
    error: str = ""

    def __str__(self) -> str:
        return self.typed


class BadCell(ValueError):
    """What was typed is no account that the cell can have; the words say why."""


class Chart:
    """Our account codes, to look up what people type: a code, or a name that only one has."""

    def __init__(self) -> None:
        self.codes = list(AccountCode.objects.all())
        self._found: dict[str, list[AccountCode]] = {}
        for code in self.codes:
            for key in {code.code.casefold(), str(code).casefold(), code.name.casefold()}:
                self._found.setdefault(key, []).append(code)
        self._by_code = {code.code.casefold(): code for code in self.codes}

    @property
    def active(self) -> list[AccountCode]:
        return [code for code in self.codes if code.active]

    def find(self, text: str) -> AccountCode | None:
        """Return the code that `text` means, none where it is blank. Raises BadCell."""
        key = text.strip().casefold()
        if not key:
            return None
        coded = self._by_code.get(key)
        found = [coded] if coded else self._found.get(key, [])
        if not found:
            raise BadCell(f"“{text.strip()}” is none of your account codes.")
        if len(found) > 1:
            raise BadCell(f"Several account codes are called “{text.strip()}”. Type the code.")
        if not found[0].active:
            raise BadCell(f"{found[0]} is inactive. Activate it first, or choose another.")
        return found[0]


@dataclass
class Entry:
    """What one form brought: cells that were typed over, and one account for all that were chosen."""

    cells: dict[tuple[int, str], Cell] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    ticked: set[int] = field(default_factory=set)
    saved: int = 0

    @property
    def bad_cells(self) -> list[Cell]:
        return [cell for cell in self.cells.values() if cell.error]

    @property
    def is_good(self) -> bool:
        return not self.errors and not self.bad_cells


def uses(kind: ItemKind) -> tuple[str, ...]:
    """Return the accounts that items of a kind have."""
    return ("income_account", "expense_account") if kind.bought else ("income_account",)


def cells_of(item: Item, kind: ItemKind, entry: Entry | None) -> dict[str, Cell]:
    """Return the cells of an item: as they were typed where the form came back, else as they are saved."""
    return {
        use: (entry.cells.get((item.pk, use)) if entry else None)
        or _cell(item, use, _code(item, use), _code(item, use))
        for use in uses(kind)
    }


def save(kind: ItemKind, posted: Mapping[str, Any], ticked: Iterable[str], matching: QuerySet[Item]) -> Entry:
    """Save what a form brought, all or nothing, and return it with what is wrong.

    `matching` are the items that "all that match" speaks of.
    """
    chart = Chart()
    entry = Entry(ticked={int(key) for key in ticked if key.isdigit()})
    with transaction.atomic():
        items = _posted_items(kind, posted)
        changed: dict[int, Item] = {}
        for item in items.values():
            for use in uses(kind):
                if _take(item, use, posted, chart, entry):
                    changed[item.pk] = item
        if posted.get("do") == "apply":
            _apply(kind, posted, matching, chart, entry, changed, items)
        if entry.is_good:
            _write(changed.values())
            entry.saved = len(changed)
    return entry


def _posted_items(kind: ItemKind, posted: Mapping[str, Any]) -> dict[int, Item]:
    keys = {int(found[2]) for name in posted if (found := _CELL.fullmatch(name))}
    return _locked(Item.objects.filter(kind=kind.kind, pk__in=keys))


def _locked(rows: QuerySet[Item]) -> dict[int, Item]:
    locked = rows.order_by("pk").select_related("income_account", "expense_account").select_for_update(of=("self",))
    return {item.pk: item for item in locked}


def _take(item: Item, use: str, posted: Mapping[str, Any], chart: Chart, entry: Entry) -> bool:
    """Put what was typed for one use into the item. Return whether that changes it."""
    typed = str(posted.get(f"{use}-{item.pk}", "")).strip()[:200]
    was, now = str(posted.get(f"was-{use}-{item.pk}", "")), _code(item, use)
    if f"{use}-{item.pk}" not in posted or typed == was:
        return False
    try:
        code = chart.find(typed)
        wanted = code.code if code else ""
        if now not in {was, wanted}:
            raise BadCell(f"Somebody else has set it to {now or 'blank'} meanwhile. Look again, and save.")  # noqa: TRY301
    except BadCell as bad:
        # What it is now becomes what it was: saving again is then a decision, made with open eyes
        entry.cells[item.pk, use] = _cell(item, use, typed, now, str(bad))
        return False
    entry.cells[item.pk, use] = _cell(item, use, typed, was)
    setattr(item, use, code)
    return now != wanted


def _apply(
    kind: ItemKind,
    posted: Mapping[str, Any],
    matching: QuerySet[Item],
    chart: Chart,
    entry: Entry,
    changed: dict[int, Item],
    items: dict[int, Item],
) -> None:
    what, clears = str(posted.get("what", "")).removeprefix("clear-"), str(posted.get("what", "")).startswith("clear-")
    everything = posted.get("scope") == "all"
    if what not in uses(kind):
        entry.errors.append("Choose which account to set.")
        return
    chosen = _locked(
        matching if everything else matching.model._default_manager.filter(kind=kind.kind, pk__in=entry.ticked)
    )
    if not chosen:
        entry.errors.append("Nothing is chosen. Tick at least one item, or choose all that match.")
    elif everything and str(len(chosen)) != posted.get("matching"):
        entry.errors.append(f"The list has changed: {len(chosen):,} items match now. Look again, then apply.")
    try:
        code = None if clears else chart.find(str(posted.get("account", "")))
    except BadCell as bad:
        entry.errors.append(str(bad))
        return
    if code is None and not clears:
        entry.errors.append("Type the account code to apply.")
    for pk, item in chosen.items():
        kept = items.get(pk, item)  # the one that has what was typed in its other cell
        if getattr(kept, f"{what}_id") != (code.pk if code else None):
            setattr(kept, what, code)
            changed[pk] = kept


def _write(items: Iterable[Item]) -> None:
    rows = list(items)
    begin(rows)
    for item in rows:
        item.updated = timezone.now()
    Item.objects.bulk_update(rows, ["income_account", "expense_account", "updated"], batch_size=BATCH)
    write(rows)


def _code(item: Item, use: str) -> str:
    account: AccountCode | None = getattr(item, use)
    return account.code if account else ""


def _cell(item: Item, use: str, typed: str, was: str, error: str = "") -> Cell:
    return Cell(f"{use}-{item.pk}", f"{LABELS[use]} of {item.name}", typed, was, error)
