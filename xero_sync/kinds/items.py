"""Our five kinds of item, which are all items in Xero."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import chain, count
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from xero_python.accounting import Item as XeroItem
from xero_python.accounting import Purchase

from finance import money
from finance.models import Item
from xero_sync import accounts
from xero_sync.books import Books, Remote
from xero_sync.gateway import decode, encode
from xero_sync.kinds.base import Change, Description, ExportKind, Found, Need, Problem, made_anew, too_long
from xero_sync.kinds.importing import ImportBooks, ImportKind
from xero_sync.kinds.tax_rates import tax_to_be
from xero_sync.mirror import Element, amount, fold, has_odd_spaces, lowered
from xero_sync.models import XeroRecord

CODE_LENGTH = 30
NAME_LENGTH = 50
SETUP = "options"  # a fix that is made in Setup > Options

#: What an update may change: our label, and where the field stands in Xero's item.
UNTRACKED_FIELDS: tuple[tuple[str, ...], ...] = (
    ("Name", "Name"),
    ("Sales description", "Description"),
    ("Sales price", "SalesDetails", "UnitPrice"),
    ("Sales account", "SalesDetails", "AccountCode"),
    ("Sales tax", "SalesDetails", "TaxType"),
)
FIELDS = (
    *UNTRACKED_FIELDS,
    ("Purchase price", "PurchaseDetails", "UnitPrice"),
    ("Purchase account", "PurchaseDetails", "AccountCode"),
    ("Cost of goods sold account", "PurchaseDetails", "COGSAccountCode"),
    ("Inventory account", "InventoryAssetAccountCode"),
)


class ItemExport(ExportKind[Item]):
    name = "items"
    label, plural = "Item", "Items"
    xero_label = "item"
    endpoint, id_field = "Items", "ItemID"
    query = "summarizeErrors=false&unitdp=4"
    mirrors = ("items", "account_codes", "tax_rates")
    app_path = "items"

    def all_records(self) -> QuerySet[Item]:
        return Item.objects.all()

    def candidates(self, filters: dict[str, Any], tenant_id: str) -> QuerySet[Item]:
        items = Item.objects.filter(active=True).order_by("kind", "name", "id")
        if kinds := filters.get("kinds"):
            items = items.filter(kind__in=kinds)
        if text := filters.get("text"):
            items = items.filter(Q(name__icontains=text) | Q(code__icontains=text))
        if filters.get("unlinked"):
            items = items.exclude(self.is_linked(tenant_id))
        return items

    def load(self, keys: Iterable[str | UUID]) -> list[Item]:
        items = Item.objects.filter(uuid__in=list(keys)).select_related("income_account", "expense_account", "tax")
        return list(items)

    def describe(self, record: Item) -> Description:
        return Description(record.name, record.get_kind_display(), record.sales_price.quantize(money.CENT))

    def needs(self, record: Item) -> list[Need]:
        return [("tax_rates", record.tax)] if record.taxable and record.tax else []

    def needing(self, needs: Mapping[str, Collection[str]]) -> Q:
        return Q(tax__uuid__in=needs.get("tax_rates", ()))

    def learn(self, records: Sequence[Item], books: Books) -> None:
        books.learn_links(self.name, [record.uuid for record in records], may_vanish=True)
        books.learn_matches(
            self.name,
            keys=[fold(item_code(record, books)) for record in records],
            names=[record.name for record in records],
        )

    def find(self, record: Item, books: Books) -> Found:
        """The saved link, then the code, which Xero keeps unique, then the name."""
        if link := books.link(self.name, record.uuid):
            return Found([Remote(link.xero_id, link.xero_number, "", {})], "saved link", linked=True)
        if coded := books.by_key(self.name, fold(item_code(record, books))):
            return self._unless_taken(record, coded, "same code", books)
        return self._unless_taken(record, books.by_name(self.name, record.name), "same name", books)

    def _unless_taken(self, record: Item, remotes: Sequence[Remote], how: str, books: Books) -> Found:
        taken = [each for each in remotes if books.owner(self.name, each.xero_id) not in {None, record.uuid}]
        if not taken:
            return Found(remotes, how)
        if how == "same name":
            return Found()  # names may repeat in Xero; the code tells them apart
        return Found(
            remotes,
            how,
            problem=Problem(
                "code_collision",
                f"Xero's item {item_code(record, books)} is already linked to another item of ours. "
                "Give this one a number of its own.",
                record_url(record),
                suggestion=suggest_code(record, books),
            ),
        )

    def changes(self, record: Item, remote: Remote | None, books: Books, *, requested: bool) -> list[Change]:
        """Name, description, prices, accounts and tax of an item that was chosen itself. How it is tracked never
        changes: Xero refuses that once the item was used."""
        if remote is None or not requested:
            return []
        ours, theirs = decode(encode(self.to_xero(record, books)).encode()), remote.payload
        if record.taxable and record.tax:
            ours["SalesDetails"]["TaxType"] = tax_to_be(record.tax, books)
        tracked = "InventoryAssetAccountCode" in ours
        same_tracking = tracked == (theirs.get("IsTrackedAsInventory") in {True, "true"})
        found: list[Change] = []
        for label, *path in FIELDS if same_tracking else UNTRACKED_FIELDS:
            before, after = _at(theirs, path), _at(ours, path)
            if after and before != after:
                found.append((label, before, after))
        return found

    def to_update(self, record: Item, xero_id: str, books: Books, *, requested: bool) -> XeroItem:
        remote = books.linked_remote(self.name, record.uuid)
        item = self.to_xero(record, books)
        item.item_id = xero_id
        if remote and (item.inventory_asset_account_code is not None) != (
            remote.payload.get("IsTrackedAsInventory") in {True, "true"}
        ):
            item.inventory_asset_account_code = item.purchase_details = None
        return item

    def problems(self, record: Item, books: Books) -> list[Problem]:
        own = [
            *too_long("The item's code", record.code, CODE_LENGTH),
            *too_long("The item's name", record.name, NAME_LENGTH),
        ]
        problems = [replace(each, fix_url=record_url(record)) for each in own]
        for use, choice in self.account_uses(record, books):
            problems += account_problems(use, choice, record.name, books)
        return problems

    def warnings(self, record: Item, books: Books) -> list[str]:
        return [made_anew(self.xero_label)] if (self.name, record.uuid) in books.vanished else []

    def account_uses(self, record: Item, books: Books) -> list[tuple[str, accounts.Choice]]:
        """Return what an item needs accounts for, and which it has."""
        uses = [("income account", accounts.income_account(record, books))]
        if record.kind != Item.Kind.DISCOUNT_TYPE:
            uses.append(("expense account", accounts.expense_account(record, books)))
        if record.requires_procurement:
            uses.append(("inventory account", accounts.Choice(books.options.inventory_account, "default in Setup")))
        return uses

    def to_xero(self, record: Item, books: Books) -> XeroItem:
        tax_type = sales_tax_type(record, books) or None
        return XeroItem(
            code=item_code(record, books),
            name=record.name,
            description=record.description or record.name,
            sales_details=Purchase(
                unit_price=record.sales_price,
                account_code=accounts.income_account(record, books).code,
                tax_type=tax_type,
            ),
            **self._purchase(record, books),
        )

    def _purchase(self, record: Item, books: Books) -> dict[str, Any]:
        if record.kind == Item.Kind.DISCOUNT_TYPE:
            return {}
        code = accounts.expense_account(record, books).code
        if not record.requires_procurement:
            return {"purchase_details": Purchase(unit_price=record.unit_cost, account_code=code)}
        # Xero tracks an item that has both of these accounts, and then wants no plain purchase account
        return {
            "inventory_asset_account_code": books.options.inventory_account,
            "purchase_details": Purchase(unit_price=record.unit_cost, cogs_account_code=code),
        }

    def element_keys(self, record: Item, books: Books) -> tuple[str, ...]:
        return (fold(item_code(record, books)),)

    def remote_keys(self, element: Element) -> tuple[str, ...]:
        return (fold(str(element.get("Code") or "")),)

    def number(self, element: Element) -> str:
        return str(element.get("Code") or "")

    def collision_key(self, record: Item, books: Books) -> str:
        return fold(item_code(record, books))

    def suggest(self, record: Item, books: Books) -> str:
        return suggest_code(record, books)

    def remember(self, record: Item) -> dict[str, Any]:
        return remember(record)


class ItemImport(ImportKind[Item]):
    name = "items"
    label, xero_label = "Item", "item"
    mirrors = ("items", "account_codes", "tax_rates")

    def text(self, text: str) -> Q:
        return Q(folded_name__contains=fold(text)) | Q(key__contains=fold(text))

    def narrow(self, records: QuerySet[XeroRecord], filters: dict[str, Any]) -> QuerySet[XeroRecord]:
        match filters.get("which"):
            case "sold":
                return records.filter(payload__IsSold=True)
            case "bought":
                return records.filter(payload__IsPurchased=True)
            case "tracked":
                return records.filter(payload__IsTrackedAsInventory=True)
        return records

    def load(self, local_ids: Iterable[UUID], *, lock: bool) -> list[Item]:
        items = Item.objects.select_for_update(of=("self",)) if lock else Item.objects.all()
        related = items.select_related("income_account", "expense_account", "tax")
        return list(related.filter(uuid__in=list(local_ids)))

    def matches(self, remotes: Sequence[XeroRecord]) -> dict[str, tuple[str, list[Item]]]:
        """The code, which Xero keeps unique, then the name."""
        coded: dict[str, list[Item]] = defaultdict(list)
        named: dict[str, list[Item]] = defaultdict(list)
        keys = {word for each in remotes for word in lowered(self.number(each))}
        names = {word for each in remotes for word in lowered(name_of(each.payload))}
        plain = Item.objects.annotate(low_code=Lower("code"), low_name=Lower("name"))
        plain = plain.filter(Q(low_code__in=keys) | Q(low_name__in=names | keys))
        spaced = Item.objects.filter(has_odd_spaces("name") | has_odd_spaces("code"))
        for item in {each.pk: each for each in chain(plain, spaced)}.values():
            coded[fold(item.code or item.name[:CODE_LENGTH])].append(item)
            named[fold(item.name)].append(item)
        found = {}
        for each in remotes:
            if each.key in coded:
                found[each.xero_id] = ("same code", coded[each.key])
            elif (name := fold(name_of(each.payload))) in named:
                found[each.xero_id] = ("same name", named[name])
        return found

    def describe(self, remote: XeroRecord) -> Description:
        price = amount((remote.payload.get("SalesDetails") or {}).get("UnitPrice"))
        return Description(name_of(remote.payload), self.number(remote), price.quantize(money.CENT))

    def needs(self, remote: XeroRecord, books: ImportBooks) -> list[tuple[str, str]]:
        tax_type = _sales_tax_of(remote.payload)
        needs = [("tax_rates", tax_type)] if tax_type in books.rates else []
        if books.options.bring_account_codes:
            needs += [
                ("account_codes", books.accounts[code].xero_id)
                for code in _codes_of(remote.payload)
                if code in books.accounts and code not in books.codes
            ]
        return needs

    def problems(self, remote: XeroRecord, books: ImportBooks) -> list[Problem]:
        if destination_of(remote, books) not in Item.Kind.values:
            return [Problem("no_destination", f"“{destination_of(remote, books)}” is no kind of item here.")]
        return []

    def changes(self, remote: XeroRecord, record: Item, books: ImportBooks) -> list[Change]:
        """All that Xero knows of it; what kind it is here stays."""
        wanted = self._fields(remote, record.kind, books) | self._coming(remote, books)
        found = []
        for name in (name for name in LABELS if name in wanted):
            before, value = getattr(record, name), wanted[name]
            # A blank in Xero, or an account that is unknown here, takes nothing away
            if value != before and (value or name in {"taxable", "tax"}):
                found.append((LABELS[name], _said(before), _said(value)))
        return found

    def _coming(self, remote: XeroRecord, books: ImportBooks) -> dict[str, Any]:
        """Return what isn't here yet and will be when the item's turn comes: its tax, its account codes."""
        coming: dict[str, Any] = {}
        tax_type = _sales_tax_of(remote.payload)
        if books.our_rate(tax_type) is None and (tax := books.coming.get(("tax_rates", tax_type))):
            coming["tax"] = tax
        sales = str((remote.payload.get("SalesDetails") or {}).get("AccountCode") or "")
        purchase = _purchase_code(remote.payload.get("PurchaseDetails") or {})
        for name, code in (("income_account", sales), ("expense_account", purchase)):
            there = books.accounts.get(code)
            if there and code not in books.codes and (ours := books.coming.get(("account_codes", there.xero_id))):
                coming[name] = ours
        return coming

    def update(self, remote: XeroRecord, record: Item, books: ImportBooks) -> None:
        for name, value in self._fields(remote, record.kind, books).items():
            if value or name in {"taxable", "tax"}:
                setattr(record, name, value)

    def notes(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        kind = destination_of(remote, books)
        notes = [f"It becomes {_a(kind)}."]
        if not remote.payload.get("Name"):
            notes.append("It has no name in Xero, so its code is taken.")
        notes.append(
            "Taxable." if _sales_tax_of(remote.payload) else "Not taxable: no sales tax is set for it in Xero."
        )
        return notes

    def warnings(self, remote: XeroRecord, books: ImportBooks) -> list[str]:
        kind = destination_of(remote, books)
        dropped = [f"{label} {text}" for label, text in _dropped(remote.payload, kind)]
        warnings = [f"{_a(kind).capitalize()} has no place for: {', '.join(dropped)}."] if dropped else []
        if not books.options.bring_account_codes:
            lacking = [code for code in _codes_of(remote.payload) if code not in books.codes]
            if lacking:
                codes = ", ".join(dict.fromkeys(lacking))
                warnings.append(f"Left blank, as it isn't here: account code {codes}. Import it, or let it come along.")
        return warnings

    def make(self, remote: XeroRecord, books: ImportBooks) -> Item:
        kind = destination_of(remote, books)
        return Item(
            kind=kind,
            code=self.number(remote)[:50],
            requires_procurement=kind == Item.Kind.PRODUCT and _is_tracked(remote.payload),
            **self._fields(remote, kind, books),
        )

    def _fields(self, remote: XeroRecord, kind: str, books: ImportBooks) -> dict[str, Any]:
        element = remote.payload
        sales, purchase = element.get("SalesDetails") or {}, element.get("PurchaseDetails") or {}
        tax_type, price = _sales_tax_of(element), amount(sales.get("UnitPrice"))
        rate = books.our_rate(tax_type) if tax_type else None
        fields: dict[str, Any] = {
            "name": name_of(element),
            "description": str(element.get("Description") or ""),
            "income_account": books.codes.get(str(sales.get("AccountCode") or "")),
            "expense_account": books.codes.get(_purchase_code(purchase)),
            "taxable": bool(tax_type),
        }
        if rate or not tax_type:  # one that isn't here takes nothing away
            fields["tax"] = rate
        if kind == Item.Kind.DISCOUNT_TYPE:
            return {**fields, "discount_value": price}
        if kind in PRICED:
            return {**fields, "unit_price": price, "unit_cost": amount(purchase.get("UnitPrice"))}
        return fields

    def number(self, remote: XeroRecord) -> str:
        return str(remote.payload.get("Code") or "")

    def remember(self, record: Item) -> dict[str, Any]:
        return remember(record)


#: Kinds that have a price and a cost here.
PRICED = {Item.Kind.PRODUCT, Item.Kind.SERVICE}
LABELS = {
    "name": "Name",
    "description": "Description",
    "unit_price": "Unit price",
    "unit_cost": "Unit cost",
    "discount_value": "Value",
    "income_account": "Income account",
    "expense_account": "Expense account",
    "taxable": "Taxable",
    "tax": "Tax",
}


def remember(record: Item) -> dict[str, Any]:
    """Return what a link keeps of an item."""
    return {"name": record.name, "price": str(record.sales_price)}


def destination_of(remote: XeroRecord, books: Books) -> str:
    """Return which of our kinds an item becomes: as chosen for itself, else for all, else as suggested."""
    chosen = books.options.destination
    return str((chosen.get("rows") or {}).get(remote.xero_id) or chosen.get("default") or suggested_kind(remote))


def suggested_kind(remote: XeroRecord) -> str:
    """Return what an item of Xero's most likely is here: only products can be tracked."""
    return Item.Kind.PRODUCT if _is_tracked(remote.payload) else Item.Kind.SERVICE


def name_of(element: Element) -> str:
    """Return an item's name; where Xero has none, its code."""
    return str(element.get("Name") or element.get("Code") or "")[:255]


def _sales_tax_of(element: Element) -> str:
    tax_type = str((element.get("SalesDetails") or {}).get("TaxType") or "")
    return "" if tax_type == "NONE" else tax_type


def _purchase_code(purchase: Element) -> str:
    # For a tracked item, the cost of goods sold is what an expense account is elsewhere
    return str(purchase.get("COGSAccountCode") or purchase.get("AccountCode") or "")


def _codes_of(element: Element) -> list[str]:
    sales = str((element.get("SalesDetails") or {}).get("AccountCode") or "")
    return [code for code in (sales, _purchase_code(element.get("PurchaseDetails") or {})) if code]


def _is_tracked(element: Element) -> bool:
    return element.get("IsTrackedAsInventory") in {True, "true"}


def _dropped(element: Element, kind: str) -> Iterator[tuple[str, str]]:
    """Yield what Xero has of an item that this kind can't hold: label and value."""
    price = amount((element.get("SalesDetails") or {}).get("UnitPrice"))
    cost = amount((element.get("PurchaseDetails") or {}).get("UnitPrice"))
    if price and kind not in {*PRICED, Item.Kind.DISCOUNT_TYPE}:
        yield "sales price", f"{price.normalize():f}"
    if cost and kind not in PRICED:
        yield "purchase price", f"{cost.normalize():f}"
    if _is_tracked(element) and kind != Item.Kind.PRODUCT:
        yield "tracking of the quantity", str(element.get("QuantityOnHand") or "")


def _a(kind: str) -> str:
    label = Item.Kind(kind).label.lower()
    return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def _said(value: Any) -> str:
    """Return a field's value as a person reads it."""
    match value:
        case bool():
            return "Yes" if value else "No"
        case Decimal():
            return f"{value.normalize():f}"
        case None:
            return ""
    return str(value)


def _at(element: Element, path: Sequence[str]) -> str:
    """Return the text of a field, blank where it is absent; amounts as people write them."""
    value: Any = element
    for name in path:
        value = (value or {}).get(name)
    if path[-1] == "UnitPrice":
        return f"{amount(value).normalize():f}" if value is not None else ""
    return str(value if value is not None else "").strip()


def free_code(wanted: str, taken: Collection[str]) -> str:
    """Return a code like `wanted` that nobody has: a number at its end, within Xero's length."""
    for number in count(2):
        ending = f"-{number}"
        code = wanted[: CODE_LENGTH - len(ending)].rstrip() + ending
        if fold(code) not in taken:
            return code
    raise AssertionError("count() ends nowhere")


def suggest_code(item: Item, books: Books) -> str:
    """Return a free code for an item, and note that it is taken now: two items never get the same suggestion."""
    if not books.taken_codes:
        ours = Item.objects.values_list("code", "name")
        theirs = XeroRecord.objects.filter(tenant_id=books.tenant_id, kind="items").values_list("key", flat=True)
        books.taken_codes.update(theirs, (fold(code or name[:CODE_LENGTH]) for code, name in ours))
    code = free_code(item_code(item, books), books.taken_codes)
    books.taken_codes.add(fold(code))
    return code


def record_url(item: Item) -> str:
    """Return where an item is edited."""
    return item.get_absolute_url() if hasattr(item, "get_absolute_url") else ""


def item_code(item: Item, books: Books) -> str:
    """Return the code of an item in Xero: the linked one as it is there now, else its number, else its name cut to
    what fits."""
    if link := books.link("items", item.uuid):
        remote = books.linked_remote("items", item.uuid)
        return str(remote.payload.get("Code") or link.xero_number) if remote else link.xero_number
    return code_unless_linked(item)


def code_unless_linked(item: Item) -> str:
    """Return the code that an item gets when Xero first hears of it."""
    return item.code or item.name[:CODE_LENGTH].strip()


def sales_tax_type(record: Item, books: Books) -> str:
    """Return Xero's tax type for sales of an item."""
    if not record.taxable:
        return books.options.non_taxable_tax_type
    return books.tax_type(record.tax) if record.tax else ""


def account_problems(use: str, choice: accounts.Choice, whose: str, books: Books) -> list[Problem]:
    """Return what Xero would have against an account that an item uses."""
    if not choice.code:
        return [Problem("account_missing", f"“{whose}” has no {use} and no default is set.", SETUP)]
    account = books.accounts.get(choice.code)
    if account is None:
        return [
            Problem(
                "account_not_in_xero",
                f"Account code {choice.code} ({use} of “{whose}”, {choice.source}) isn't in Xero. "
                "Export this code, or choose another.",
                SETUP if choice.source == "default in Setup" else "",
            )
        ]
    if account.status != "ACTIVE":
        return [
            Problem(
                "account_archived", f"{choice.code} {account.name} ({use} of “{whose}”) is archived in Xero.", SETUP
            )
        ]
    if use == "income account" and accounts.blocked_on_invoices(account):
        return [
            Problem(
                "account_wrong_type",
                f"Xero won't take {choice.code} {account.name} on a sales invoice: it isn't an income account.",
                SETUP,
            )
        ]
    return []
