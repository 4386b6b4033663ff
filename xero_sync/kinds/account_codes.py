"""Our account codes, and the accounts of Xero's chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from xero_python.accounting import Account as XeroAccount

from finance.models import DEFAULT_ACCOUNT_TYPE, AccountCode
from xero_sync.accounts import TYPES
from xero_sync.books import Books, Remote
from xero_sync.gateway import Gateway
from xero_sync.kinds.base import Description, ExportKind, Found, Problem, too_long
from xero_sync.mirror import Element, fold

#: Xero's type for each of our names of types, as far as Xero has the name.
BY_NAME = {fold(name): xero_type for xero_type, name in TYPES.items()}
BANK = "BANK"


class AccountCodeExport(ExportKind[AccountCode]):
    name = "account_codes"
    label, plural = "Account code", "Account codes"
    xero_label = "account"
    endpoint, id_field = "Accounts", "AccountID"
    query = ""
    batch_size = 1  # Xero takes one per call
    mirrors = ("account_codes",)

    def all_records(self) -> QuerySet[AccountCode]:
        return AccountCode.objects.all()

    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[AccountCode]:
        codes = AccountCode.objects.filter(active=True).order_by("code", "id")
        if text := filters.get("text"):
            codes = codes.filter(Q(code__icontains=text) | Q(name__icontains=text))
        if wanted := filters.get("type"):
            codes = codes.filter(type=wanted)
        if filters.get("unlinked"):
            codes = codes.exclude(self.is_linked(tenant_id))
        return codes

    def load(self, keys: Iterable[str | UUID]) -> list[AccountCode]:
        return list(AccountCode.objects.filter(uuid__in=list(keys)).order_by("code"))

    def describe(self, record: AccountCode) -> Description:
        return Description(str(record), record.type)

    def learn(self, records: Sequence[AccountCode], books: Books) -> None:
        books.learn_links(self.name, [record.uuid for record in records])
        books.learn_matches(
            self.name, keys=[record.code for record in records], names=[record.name for record in records]
        )

    def look(self, gateway: Gateway, records: Sequence[AccountCode], books: Books, sent: Sequence[Element]) -> None:
        super().look(gateway, records, books, sent)
        books.learn_accounts()

    def find(self, record: AccountCode, books: Books) -> Found:
        """The saved link, then the code. What is there is linked and never changed, whatever its name and type."""
        if link := books.link(self.name, record.uuid):
            return Found([Remote(link.xero_id, link.xero_number, "", {})], "saved link", linked=True)
        coded = books.by_key(self.name, record.code)
        taken = next((each for each in coded if books.owner(self.name, each.xero_id) not in {None, record.uuid}), None)
        if taken is None:
            return Found(coded, "same code" if coded else "")
        return Found(
            [taken],
            "same code",
            problem=Problem(
                "code_taken",
                f"Xero's account {taken.key} {taken.name} is already linked to another account code of ours.",
                record_url(record),
            ),
        )

    def problems(self, record: AccountCode, books: Books) -> list[Problem]:
        url = record_url(record)
        problems = too_long("The description", record.description, 4000, url)
        if holder := next(iter(books.by_name(self.name, record.name)), None):
            problems.append(
                Problem(
                    "name_taken",
                    f"Code {record.code} is free in Xero, but the name “{record.name}” is taken by {holder.key}. "
                    "Rename the account code here.",
                    url,
                )
            )
        if xero_type(record) == BANK:
            problems.append(
                Problem(
                    "bank_account",
                    "Xero makes bank accounts only with their bank's number. Add it in Xero with the code "
                    f"{record.code}; then it is linked.",
                    url,
                )
            )
        return problems

    def warnings(self, record: AccountCode, books: Books) -> list[str]:
        if fold(record.type) in BY_NAME:
            return []
        return [f"Xero has no type “{record.type}”: it becomes {TYPES[xero_type(record)]}."]

    def to_xero(self, record: AccountCode, books: Books) -> XeroAccount:
        return XeroAccount(
            code=record.code, name=record.name, type=xero_type(record), description=record.description or None
        )

    def envelope(self, elements: Sequence[str]) -> str:
        (element,) = elements  # Xero wants the account itself, without a list around it
        return element

    def elements(self, body: Any) -> list[Element]:
        return [body]

    def element_keys(self, record: AccountCode, books: Books) -> tuple[str, ...]:
        return (record.code,)

    def remote_keys(self, element: Element) -> tuple[str, ...]:
        return (str(element.get("Code") or ""),)

    def number(self, element: Element) -> str:
        return str(element.get("Code") or "")

    def collision_key(self, record: AccountCode, books: Books) -> str:
        return fold(record.name)  # codes are unique here, too

    def remember(self, record: AccountCode) -> dict[str, Any]:
        return {"code": record.code, "name": record.name, "type": record.type}


def xero_type(record: AccountCode) -> str:
    """Return Xero's type for an account code: by the name of its type, else the default, Other income."""
    return BY_NAME.get(fold(record.type), BY_NAME[fold(DEFAULT_ACCOUNT_TYPE)])


def record_url(record: AccountCode) -> str:
    """Return where an account code is edited."""
    return record.get_absolute_url() if hasattr(record, "get_absolute_url") else ""
