"""Our account codes, and the accounts of Xero's chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from xero_python.accounting import Account as XeroAccount

from finance.models import ACCOUNT_TYPES, DEFAULT_ACCOUNT_TYPE, AccountCode
from xero_sync.accounts import TYPES
from xero_sync.books import Books, Remote
from xero_sync.gateway import Gateway
from xero_sync.kinds.base import Description, ExportKind, Found, Problem, made_anew, too_long
from xero_sync.kinds.importing import ImportBooks, ImportKind
from xero_sync.mirror import Element, fold
from xero_sync.models import XeroRecord

#: Xero's type for each of our names of types, as far as Xero has the name.
BY_NAME = {fold(name): xero_type for xero_type, name in TYPES.items()}
OURS = {fold(name): name for name in ACCOUNT_TYPES}
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
        books.learn_links(self.name, [record.uuid for record in records], may_vanish=True)
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
        warnings = [made_anew(self.xero_label)] if (self.name, record.uuid) in books.vanished else []
        if fold(record.type) not in BY_NAME:
            warnings.append(f"Xero has no type “{record.type}”: it becomes {TYPES[xero_type(record)]}.")
        return warnings

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
        return remember(record)


class AccountCodeImport(ImportKind[AccountCode]):
    name = "account_codes"
    label, xero_label = "Account code", "account"
    mirrors = ("account_codes",)
    may_repeat = False  # codes are unique here

    def text(self, text: str) -> Q:
        return Q(folded_name__contains=fold(text)) | Q(key__istartswith=text)

    def narrow(self, records: QuerySet[XeroRecord], filters: dict[str, Any]) -> QuerySet[XeroRecord]:
        wanted = filters.get("type")
        return (records.filter(payload__Type=wanted) if wanted else records).order_by("key", "id")

    def load(self, local_ids: Iterable[UUID], *, lock: bool) -> list[AccountCode]:
        records = AccountCode.objects.select_for_update() if lock else AccountCode.objects.all()
        return list(records.filter(uuid__in=list(local_ids)))

    def matches(self, remotes: Sequence[XeroRecord]) -> dict[str, tuple[str, list[AccountCode]]]:
        found = {code.code: code for code in AccountCode.objects.filter(code__in=[each.key for each in remotes])}
        return {each.xero_id: ("same code", [found[each.key]]) for each in remotes if each.key in found}

    def describe(self, remote: XeroRecord) -> Description:
        name, kind = str(remote.payload.get("Name") or ""), str(remote.payload.get("Type") or "")
        return Description(f"{remote.key} {name}".strip(), TYPES.get(kind, kind))

    def problems(self, remote: XeroRecord, books: ImportBooks) -> list[Problem]:
        if not remote.key:
            return [Problem("no_code", "Xero keeps this account without a code, and account codes need one here.")]
        return []

    def warnings(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        kind = str(remote.payload.get("Type") or "")
        if our_type(kind) != DEFAULT_ACCOUNT_TYPE or kind == BY_NAME[fold(DEFAULT_ACCOUNT_TYPE)]:
            return []
        return [f"There is no type “{TYPES.get(kind, kind)}” here: it becomes {DEFAULT_ACCOUNT_TYPE}."]

    def notes(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        return ["It is archived in Xero, so it is inactive here."] if remote.status == "ARCHIVED" else []

    def make(self, remote: XeroRecord, books: ImportBooks) -> AccountCode:
        return AccountCode(
            code=remote.key,
            name=str(remote.payload.get("Name") or remote.key)[:150],
            description=str(remote.payload.get("Description") or ""),
            type=our_type(str(remote.payload.get("Type") or "")),
            active=remote.status != "ARCHIVED",
        )

    def number(self, remote: XeroRecord) -> str:
        return remote.key

    def remember(self, record: AccountCode) -> dict[str, Any]:
        return remember(record)


def remember(record: AccountCode) -> dict[str, Any]:
    """Return what a link keeps of an account code."""
    return {"code": record.code, "name": record.name, "type": record.type}


def our_type(kind: str) -> str:
    """Return our type for one of Xero's: by its name on Xero's pages, else the default, Other income."""
    return OURS.get(fold(TYPES.get(kind, "")), DEFAULT_ACCOUNT_TYPE)


def xero_type(record: AccountCode) -> str:
    """Return Xero's type for an account code: by the name of its type, else the default, Other income."""
    return BY_NAME.get(fold(record.type), BY_NAME[fold(DEFAULT_ACCOUNT_TYPE)])


def record_url(record: AccountCode) -> str:
    """Return where an account code is edited."""
    return record.get_absolute_url() if hasattr(record, "get_absolute_url") else ""
