"""Accounts to Xero's contacts, and back."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet

from bmsxero.listing import Badge, Column, Decorate, Empty, Listing
from crm.models import Account
from xero_sync import selection
from xero_sync.kinds import export_kind, import_kind
from xero_sync.models import Job, XeroConnection, XeroRecord
from xero_sync.wizard_forms import NO, YES, OptionsForm, RemoteFilter, RuleFilter, Words, choice_field, search_field
from xero_sync.wizards.base import Wizard
from xero_sync.wizards.matches import add_matches, books_of
from xero_sync.wizards.remote import field, lines, status

kind, remote_kind = export_kind("contacts"), import_kind("contacts")


class AccountFilter(RuleFilter):
    words: ClassVar[Words] = {
        "text": "“{}”",
        "active": lambda value: "active ones" if value == YES else "inactive ones",
        "unlinked": "not linked",
    }

    text = search_field("Name or code")
    active = choice_field("Active", [(YES, "Active"), (NO, "Inactive")])
    unlinked = forms.BooleanField(label="Unlinked only", required=False)


class ArchiveForm(OptionsForm):
    """What becomes of contacts whose accounts are inactive."""

    archive_inactive = forms.BooleanField(
        label="Archive in Xero the contacts of inactive accounts", required=False, initial=True
    )
    #: An unticked box says nothing by itself
    asked = forms.CharField(widget=forms.HiddenInput, required=False, initial=YES)

    def overrides(self) -> dict[str, Any]:
        return {"archive_inactive": self.cleaned_data["archive_inactive"]} if self.cleaned_data["asked"] else {}


def _lines(connection: XeroConnection) -> Decorate:
    def lines(records: QuerySet[Account]) -> list[Account]:
        found = list(records.select_related("sales_tax").prefetch_related("sites"))
        add_matches(kind, found, books_of(connection))
        return found

    return lines


def _email(account: Account) -> str:
    return account.main_site.billing_email if account.main_site else ""


EXPORT = Wizard(
    name="export-contacts",
    kind="contacts",
    direction=Job.Direction.EXPORT,
    page="export_accounts",
    path="finance/xero/export/accounts/",
    title="Export accounts",
    noun=("account", "accounts"),
    steps=("Select", "Check", "Result"),
    matching=lambda filters, tenant_id: selection.matching(kind, filters, tenant_id),
    everything=lambda _: kind.all_records(),
    decorate=_lines,
    label=lambda account: f"account {account.name}",
    options=ArchiveForm,
    options_beside_list=True,
    compares=("contacts",),
    paste_fields=("name", "code"),
    apply_label="Load accounts",
    filter=AccountFilter,
    listing=Listing(
        caption="Accounts to export",
        columns=(
            Column("name", "Name", cell="link", sort=("name",)),
            Column("code", "Code", sort=("code",)),
            Column("email", "E-mail", value=_email),
            Column("active", "Active", value=lambda each: "Yes" if each.active else Badge("Inactive"), cell="badge"),
            Column("match", "In Xero", cell="xero_sync/wizard/cells/match.html"),
        ),
        empty=Empty("No accounts yet", "An account is a customer. Xero calls it a contact.", icon="users"),
        sort="name",
    ),
)


# --- import


class ContactFilter(RemoteFilter):
    kind = "contacts"
    words: ClassVar[Words] = RemoteFilter.words | {
        "text": "“{}”",
        "who": "{}",
        "archived": lambda _: "archived ones, too",
    }

    text = search_field("Name, account no. or e-mail")
    who = choice_field("Who", [("customers", "Customers"), ("suppliers", "Suppliers")])
    archived = forms.BooleanField(label="Include archived", required=False)

    field_order = ("text", "who", "modified_since", "since_last", "archived")


IMPORT = Wizard(
    name="import-contacts",
    kind="contacts",
    direction=Job.Direction.IMPORT,
    page="import_accounts",
    path="finance/xero/import/accounts/",
    title="Import accounts",
    noun=("contact", "contacts"),
    steps=("Load", "Select", "Check", "Result"),
    key="xero_id",
    matching=lambda filters, tenant_id: selection.matching_remote(remote_kind, filters, tenant_id),
    everything=lambda tenant_id: XeroRecord.objects.filter(tenant_id=tenant_id, kind="contacts"),
    decorate=lines("contacts", Account),
    label=lambda record: f"contact {field('Name')(record)}",
    reads=remote_kind.mirrors,
    load_label="Load Xero Contacts",
    reading="contacts",
    paste_fields=("folded_name", "payload__AccountNumber"),
    filter=ContactFilter,
    listing=Listing(
        caption="Contacts in Xero",
        columns=(
            Column("name", "Name", value=field("Name"), sort=("folded_name",)),
            Column("account_number", "Account no.", value=field("AccountNumber")),
            Column("email", "E-mail", value=field("EmailAddress")),
            Column("currency", "Currency", value=lambda each: field("DefaultCurrency")(each) or each.currency),
            Column("tax", "Default tax"),
            Column("status", "Status", value=status, cell="badge"),
            Column("linked", "Linked to", cell="xero_sync/wizard/cells/linked.html"),
        ),
        empty=Empty(
            "Xero has no contacts", "Contacts of this organisation show here once there are any.", icon="users"
        ),
        sort="name",
    ),
)
