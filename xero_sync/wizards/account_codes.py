"""Account codes to Xero's chart of accounts, and back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet

from bmsxero.listing import Column, Decorate, Empty, Listing
from bmsxero.templatetags.bms import count
from finance.models import AccountCode
from finance.models.account_codes import ACCOUNT_TYPES
from xero_sync import selection
from xero_sync.kinds import export_kind
from xero_sync.models import Job, XeroConnection
from xero_sync.wizard_forms import RuleFilter, Words, choice_field, search_field
from xero_sync.wizards.base import Wizard
from xero_sync.wizards.matches import add_matches, books_of

kind = export_kind("account_codes")
#: Fewer calls than this are not worth a warning.
MANY_CALLS = 20
CALLS_PER_MINUTE = 58


class AccountCodeFilter(RuleFilter):
    words: ClassVar[Words] = {"text": "“{}”", "type": "type {}"}

    text = search_field("Account or code")
    type = choice_field("Type", [(name, name) for name in ACCOUNT_TYPES])


def _lines(connection: XeroConnection) -> Decorate:
    def lines(records: QuerySet[AccountCode]) -> list[Any]:
        found: list[Any] = list(records)
        books = books_of(connection)
        add_matches(kind, found, books)
        for code in found:
            code.notes = kind.warnings(code, books) if str(code.match.badge) == "New" else []
        return found

    return lines


def _forecast(number: int) -> str:
    """Say how long it takes where that is long: Xero takes accounts one by one."""
    if number < MANY_CALLS:
        return ""
    minutes = -(-number // CALLS_PER_MINUTE)
    return f"Xero takes one call each: about {count(minutes)} {'minute' if minutes == 1 else 'minutes'}."


EXPORT = Wizard(
    name="export-account_codes",
    kind="account_codes",
    direction=Job.Direction.EXPORT,
    page="export_chart_of_accounts",
    path="finance/xero/export/chart-of-accounts/",
    title="Export chart of accounts",
    noun=("account code", "account codes"),
    steps=("Select", "Check", "Result"),
    matching=lambda filters, tenant_id: selection.matching(kind, filters, tenant_id),
    everything=lambda _: kind.all_records(),
    decorate=_lines,
    label=lambda code: f"account code {code}",
    compares=("account_codes",),
    paste_fields=("code", "name"),
    apply_label="Load Chart of Accounts",
    forecast=_forecast,
    filter=AccountCodeFilter,
    listing=Listing(
        caption="Account codes to export",
        columns=(
            Column("code", "Code", cell="xero_sync/wizard/cells/name.html", sort=("code",)),
            Column("name", "Name", sort=("name",)),
            Column("type", "Type", cell="xero_sync/wizard/cells/type.html", sort=("type",)),
            Column("match", "In Xero", cell="xero_sync/wizard/cells/match.html"),
        ),
        empty=Empty("No account codes yet", "Import your chart of accounts from Xero, or add codes here."),
        sort="code",
    ),
)
