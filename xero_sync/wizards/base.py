"""What a wizard is, and what every one of them does: read its address, hold a selection, count it.

A wizard is a declaration: what it lists, what narrows the list, and which steps it has of its own. Pages, drafts,
ticks and the bar are the same for all; see views/wizards.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, QuerySet, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Lower
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from bmsxero.listing import Decorate, Grid, Listing, Selection
from bmsxero.templatetags.bms import count, money
from finance.money import round_half_up
from xero_sync import drafts, states
from xero_sync.drafts import Rule
from xero_sync.models import Job, XeroConnection
from xero_sync.wizard_forms import OptionsForm, RuleFilter, StartForm

Records = QuerySet[Any]
Filters = dict[str, Any]


@dataclass(frozen=True)
class CurrencySum:
    """So many records of one currency (blank: the organisation's), and what they come to."""

    currency: str
    number: int
    amount: Decimal


def add_up(rows: Records, currency: str, amount: str) -> list[CurrencySum]:
    """Add up the field `amount` of all the rows, each currency on its own."""
    groups: Any = rows.order_by().values(currency).annotate(number=Count("pk"), amount=Sum(amount))
    return [
        CurrencySum(group[currency] or "", group["number"], round_half_up(group["amount"] or Decimal(0)))
        for group in groups.order_by(currency)
    ]


@dataclass(frozen=True, kw_only=True)
class Wizard:
    """One wizard. `name` stands in addresses and drafts, `key` is the field that a rule's ids are of."""

    name: str
    kind: str
    direction: str
    page: str
    path: str
    title: str
    noun: tuple[str, str]
    steps: tuple[str, ...]
    listing: Listing
    filter: type[RuleFilter]
    key: str = "uuid"
    matching: Callable[[Filters, str], Records]
    everything: Callable[[str], Records]
    label: Callable[[Any], str] = str
    #: Adds what only the rows shown need
    decorate: Callable[[XeroConnection], Decorate] | None = None
    #: For lists with money; the others are only counted
    add_up: Callable[[Records], list[CurrencySum]] | None = None
    #: Asked before there is a list
    start: type[StartForm] | None = None
    #: Options of one run: on a page after Select, or beside the list
    options: type[OptionsForm] | None = None
    options_beside_list: bool = False
    options_title: str = ""
    #: The chosen records below the options, each with an answer of its own
    options_grid: Callable[[HttpRequest, Records, dict[str, Any]], Grid] | None = None
    #: What has to be read from Xero before there is a list, and what the button for it says
    reads: tuple[str, ...] = ()
    load_label: str = ""
    #: What is being read, in words
    reading: str = ""
    #: Whose copy the list is compared with; as old as that is
    compares: tuple[str, ...] = ()
    #: What the filters match and can't be chosen, and why
    excluded: Callable[[Filters, str], Records] | None = None
    why_excluded: Callable[[Any], str] = lambda record: ""
    #: What the filters match, whether it can be chosen or not: a count of this is quicker than one of `excluded`
    whole: Callable[[Filters], Records] | None = None
    #: Why something isn't in the list can be asked
    has_finder: bool = False
    #: Fields in which pasted numbers are looked up
    paste_fields: tuple[str, ...] = ()
    apply_label: str = "Apply"
    #: What a person should know before starting, from the number that is chosen
    forecast: Callable[[int], str] | None = None

    @property
    def url(self) -> str:
        return reverse(f"xero_sync:{self.page}")

    @property
    def options_url(self) -> str:
        """Where the options of a run are asked for on a page of their own; blank where they are not."""
        return reverse(f"xero_sync:{self.page}_options") if self.options_page else ""

    @property
    def options_page(self) -> bool:
        return self.options is not None and not self.options_beside_list

    @property
    def load_url(self) -> str:
        return reverse(f"xero_sync:{self.page}_load")

    @property
    def progress_url(self) -> str:
        return reverse(f"xero_sync:{self.page}_progress")

    @property
    def numbered_steps(self) -> list[tuple[int, str]]:
        return list(enumerate(self.steps, 1))

    @property
    def select_step(self) -> int:
        return self.steps.index("Select") + 1

    @property
    def paste_template(self) -> str:
        """The form for pasting a list; blank where nothing can be looked up."""
        return "xero_sync/wizard/_paste.html" if self.paste_fields else ""

    @property
    def grid_listing(self) -> Listing:
        """The listing with the filters above it."""
        return replace(self.listing, filter=self.filter)

    @property
    def is_export(self) -> bool:
        return self.direction == Job.Direction.EXPORT

    def words(self, number: int) -> str:
        """Return a number of records in words: "1 invoice"."""
        return f"{count(number)} {self.noun[number != 1]}"

    def filters(self, asked: QueryDict, connection: XeroConnection) -> Filters | None:
        """Return what an address asks for, as a rule holds it; nothing where it can't be read."""
        form = self.filter(asked)
        if not form.is_valid():
            return None
        found = form.rule(connection)
        if self.start:
            start = self.start(asked)
            if not start.is_valid():
                return None
            found = start.filters | found
        state = asked.get("state", "")
        if state in {each.name for each in states.states(self.direction, self.kind)}:
            found["state"] = state
        return found

    def address(self, filters: Filters, draft: str = "") -> str:
        """Return where a selection is made, with the list that these filters make."""
        asked = (self.start.asked(filters) if self.start else {}) | self.filter.asked(filters)
        query = {**asked, "draft": draft}
        shown = urlencode({name: value for name, value in query.items() if value}, doseq=True)
        return f"{self.url}?{shown}" if shown else self.url

    def chosen(self, rule: Rule, tenant_id: str) -> Records:
        """Return the records that a rule chooses: those that the job will have rows for."""
        if rule.get("all"):
            matching = self.matching(rule.get("filters") or {}, tenant_id)
            left_out = rule.get("except") or []
            return matching.exclude(**{f"{self.key}__in": left_out}) if left_out else matching
        return self.everything(tenant_id).filter(**{f"{self.key}__in": rule.get("ids") or []})

    def keys(self, ids: Sequence[str], tenant_id: str) -> list[str]:
        """Return the keys of records that are named by key or by id, as far as there are any."""
        if self.key != "uuid":
            return list(ids)
        uuids = [each for each in ids if _is_uuid(each)]
        numbers = [each for each in ids if each.isdecimal() and len(each) < 19]
        if numbers:
            uuids += map(str, self.everything(tenant_id).filter(pk__in=numbers).values_list("uuid", flat=True))
        return list(dict.fromkeys(uuids))

    def selection(self, rule: Rule) -> Selection:
        """Return the boxes of the grid, ticked as the rule says."""
        is_chosen = drafts.is_chosen(rule)

        def key(record: Any) -> str:
            return str(getattr(record, self.key))

        return Selection(key=key, label=self.label, chosen=lambda record: is_chosen(key(record)))

    def find(self, numbers: Iterable[str], filters: Filters, tenant_id: str) -> dict[str, list[str]]:
        """Return the keys of the listed records that carry each of these numbers or names; case doesn't matter."""
        wanted = {number.casefold(): number for number in numbers}
        found: dict[str, list[str]] = {number: [] for number in wanted.values()}
        for name in self.paste_fields:
            text = KT(name) if "__" in name else name  # a field of Xero's JSON, as text
            rows = self.matching(filters, tenant_id).order_by().annotate(written=Lower(text))
            for key, written in rows.filter(written__in=list(wanted)).values_list(self.key, "written"):
                found[wanted[written]].append(str(key))
        return found


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


# --- the bar


@dataclass(frozen=True)
class Bar:
    """What is chosen, in words, and what may be pressed."""

    count: int
    words: str
    sums: list[str]
    matching: int
    is_all: bool
    #: All that matched some other filter is chosen; the boxes of this one mean nothing then
    is_other: bool
    offer: str
    forecast: str


def is_other(rule: Rule, filters: Filters) -> bool:
    """Say whether a rule chooses all that matches filters other than these."""
    return bool(rule.get("all")) and (rule.get("filters") or {}) != filters


def bar(
    wizard: Wizard, rule: Rule, filters: Filters, connection: XeroConnection, *, matching: int | None = None
) -> Bar:
    """Count and add up what is chosen, over all pages. `matching`: how many the filters match, where that is known."""
    chosen = wizard.chosen(rule, connection.tenant_id)
    totals = _named(wizard.add_up(chosen), connection.base_currency) if wizard.add_up else []
    number = sum(total.number for total in totals) if wizard.add_up else chosen.count()
    if matching is None:
        matching = wizard.matching(filters, connection.tenant_id).count()
    return Bar(
        count=number,
        words=_rule_words(wizard, rule, number),
        sums=[money(total.amount, total.currency) for total in totals],
        matching=matching,
        is_all=bool(rule.get("all")),
        is_other=is_other(rule, filters),
        offer=f"Select all {wizard.words(matching)} that match" if filters else f"Select all {wizard.words(matching)}",
        forecast=wizard.forecast(number) if wizard.forecast and number else "",
    )


def _named(totals: Iterable[CurrencySum], base_currency: str) -> list[CurrencySum]:
    """Give sums in the organisation's own currency its name, and add them to those that have it already."""
    found: dict[str, tuple[int, Decimal]] = {}
    for total in totals:
        currency = total.currency or base_currency
        number, amount = found.get(currency, (0, Decimal(0)))
        found[currency] = number + total.number, amount + total.amount
    return [CurrencySum(currency, number, amount) for currency, (number, amount) in sorted(found.items())]


def _rule_words(wizard: Wizard, rule: Rule, number: int) -> str:
    words = f"{wizard.words(number)} selected"
    if not rule.get("all"):
        return words
    left_out = len(rule.get("except") or [])
    told = filter_words(wizard, rule.get("filters") or {})
    which = f"all that match {told}" if told else "all"
    return f"{words} ({which} except {count(left_out)})" if left_out else f"{words} ({which})"


def filter_words(wizard: Wizard, filters: Filters) -> str:
    """Say what a rule's filters ask for."""
    told = (wizard.start.words if wizard.start else {}) | wizard.filter.words
    named = {each.name: each.label for each in states.states(wizard.direction, wizard.kind)}
    words = [_said(told[name], value) for name, value in filters.items() if name in told]
    if state := filters.get("state"):
        words.append(f"“{named.get(state, state)}”")
    return ", ".join(words)


def _said(words: str | Callable[[Any], str], value: Any) -> str:
    return words.format(value) if isinstance(words, str) else words(value)


# --- the chips


@dataclass(frozen=True)
class StateChip:
    """One state of the records in a list, how many are in it, and whether the list shows these alone."""

    name: str
    label: str
    number: int
    is_current: bool


def chips(wizard: Wizard, filters: Filters, tenant_id: str) -> list[StateChip]:
    """Count what the filters match by state, whichever state they ask for."""
    found = states.states(wizard.direction, wizard.kind)
    if not found:
        return []
    rest = {name: value for name, value in filters.items() if name != "state"}
    numbers = states.numbers(wizard.matching(rest, tenant_id), wizard.direction, wizard.kind, tenant_id)
    current = filters.get("state", "")
    total = StateChip("", "All", sum(numbers.values()), not current)
    return [total, *(StateChip(each.name, each.label, numbers[each.name], each.name == current) for each in found)]
