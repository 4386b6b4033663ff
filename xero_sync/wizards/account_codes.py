"""Account codes to Xero's chart of accounts, and back."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet

from bmsxero.listing import Column, Decorate, Empty, Listing
from bmsxero.templatetags.bms import count
from finance.models import AccountCode
from finance.models.account_codes import ACCOUNT_TYPES
from xero_sync import selection
from xero_sync.accounts import TYPES
from xero_sync.kinds import export_kind, import_kind
from xero_sync.models import Job, XeroConnection, XeroRecord
from xero_sync.wizard_forms import RemoteFilter, RuleFilter, Words, choice_field, search_field
from xero_sync.wizards.base import Wizard
from xero_sync.wizards.matches import add_matches, books_of
from xero_sync.wizards.remote import field, lines, status

kind, remote_kind = export_kind("account_codes"), import_kind("account_codes")
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


# --- import


class ChartFilter(RemoteFilter):
    kind = "account_codes"
    words: ClassVar[Words] = RemoteFilter.words | {
        "text": "“{}”",
        "type": lambda value: f"type {TYPES.get(value, value)}",
    }

    text = search_field("Name or code")
    type = choice_field("Type", sorted(TYPES.items(), key=lambda each: each[1]))

    field_order = ("text", "type", "modified_since", "since_last")


def _type(record: XeroRecord) -> str:
    name = field("Type")(record)
    return TYPES.get(name, name)


def _mark(record: XeroRecord) -> str:
    """Say of accounts that are not ordinary ones what they are."""
    if record.payload.get("SystemAccount"):
        return "System account: Xero runs it itself"
    return "Bank account" if record.payload.get("Type") == "BANK" else ""


IMPORT = Wizard(
    name="import-account_codes",
    kind="account_codes",
    direction=Job.Direction.IMPORT,
    page="import_chart_of_accounts",
    path="finance/xero/import/chart-of-accounts/",
    title="Import chart of accounts",
    noun=("account", "accounts"),
    steps=("Load", "Select", "Check", "Result"),
    key="xero_id",
    matching=lambda filters, tenant_id: selection.matching_remote(remote_kind, filters, tenant_id),
    everything=lambda tenant_id: XeroRecord.objects.filter(tenant_id=tenant_id, kind="account_codes"),
    decorate=lines("account_codes", AccountCode, mark=_mark),
    label=lambda record: f"account {record.key} {field('Name')(record)}",
    reads=(*remote_kind.mirrors, "tax_rates"),
    load_label="Load Xero Accounts",
    reading="the chart of accounts",
    paste_fields=("key", "folded_name"),
    filter=ChartFilter,
    listing=Listing(
        caption="Accounts in Xero",
        columns=(
            Column("code", "Code", value=lambda each: each.key or "None", sort=("key",)),
            Column("name", "Name", value=field("Name"), sort=("folded_name",)),
            Column("type", "Type", value=_type, cell="xero_sync/wizard/cells/marked.html"),
            Column("tax", "Tax"),
            Column("status", "Status", value=status, cell="badge"),
            Column("linked", "Linked to", cell="xero_sync/wizard/cells/linked.html"),
        ),
        empty=Empty("Xero has no accounts", "The chart of accounts of this organisation shows here."),
        sort="code",
    ),
)
