"""The chart of accounts.

Documented: one account per call, codes unique with archived ones, a unique name, the types, BANK needing its number
and having no description, archiving alone, deleting what is not in use. Our assumption: most words of the refusals,
names unique with archived ones too, an archived account becoming active by Status alone.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q

from xero_simulator.api import wire
from xero_simulator.api.base import Call, Detail, Endpoint, Json, Outcome, uuid_or_none
from xero_simulator.api.errors import BadBody, NotImplementedByApi, ValidationRefused
from xero_simulator.api.lengths import too_long
from xero_simulator.books import APPLIES_TO, CLASSES, COUNTRIES
from xero_simulator.models import Account, Currency, InvoiceLine, Item, Organisation, Payment, TaxRate
from xero_simulator.where import Field

_LENGTHS = {"Code": 10, "Name": 150, "Description": 4000, "BankAccountNumber": 50}
# What an account of a class is taxed with, if nobody says.
_KIND_OF_TAX = {"REVENUE": "sales", "EXPENSE": "purchase"}
_NOT_CREATED = {"PAYG"}


# They take what documents sum up to, never a line.
UNUSABLE = {"DEBTORS", "CREDITORS", "GST"}


def account_archived(code: str) -> str:
    return (
        f"Account code '{code}' has been archived, or has been deleted. Each line item must reference a valid account."
    )


def tax_allowed(rate: TaxRate, account: Account) -> bool:
    return APPLIES_TO[CLASSES[account.type]] in rate.can_apply_to


def default_tax_type(organisation: Organisation, type_: str) -> str:
    kind = _KIND_OF_TAX.get(CLASSES[type_], "none")
    return COUNTRIES[organisation.country_code].defaults[kind]


class AccountEndpoint(Endpoint):
    name = "Accounts"
    id_field = "AccountID"
    model = Account
    methods = frozenset({"GET", "PUT", "POST", "DELETE"})
    fields = {
        "AccountID": Field("account_id", "guid"),
        "Code": Field("code"),
        "Name": Field("name"),
        "Type": Field("type"),
        "TaxType": Field("tax_type"),
        "Status": Field("status"),
        "SystemAccount": Field("system_account"),
        "EnablePaymentsToAccount": Field("enable_payments", "bool"),
        "UpdatedDateUTC": Field("updated", "moment"),
    }
    default_order = ("code", "pk")

    def key_filter(self, key: str) -> Q:
        account_id = uuid_or_none(key)
        return Q(account_id=account_id) if account_id else Q(pk=None)

    def row_id(self, row: Account) -> UUID:
        return row.account_id

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        bank = {
            "BankAccountNumber": row.bank_account_number,
            "BankAccountType": row.bank_account_type or "BANK",
            "CurrencyCode": row.currency_code,
        }
        return {
            "AccountID": str(row.account_id),
            **({"Code": row.code} if row.code else {}),
            "Name": row.name,
            "Status": row.status,
            "Type": row.type,
            "TaxType": row.tax_type,
            **({"Description": row.description} if row.description else {}),
            "Class": CLASSES[row.type],
            **({"SystemAccount": row.system_account} if row.system_account else {}),
            "EnablePaymentsToAccount": row.enable_payments,
            "ShowInExpenseClaims": row.show_in_expense_claims,
            **(bank if row.type == "BANK" else {}),
            "HasAttachments": False,
            "UpdatedDateUTC": wire.timestamp(row.updated),
            "AddToWatchlist": False,
        }

    def put(self, call: Call, key: str) -> Json:
        # Accounts are made one at a time, and the body is the bare account.
        if key:
            raise NotImplementedByApi
        if not isinstance(call.body, dict) or "Accounts" in call.body:
            raise BadBody("One account was expected, without a list around it")
        [element] = self.elements(call)
        return self._write_one(call, element, Account(organisation=call.organisation))

    def post(self, call: Call, key: str) -> Json:
        elements = self.elements(call)
        account_id = key or str(elements[0].get("AccountID", "")) if len(elements) == 1 else ""
        if not account_id:
            raise BadBody("One account with its AccountID was expected")
        return self._write_one(call, elements[0], self.find(call, account_id))

    def delete(self, call: Call, key: str) -> Json:
        account = self.find(call, key)
        if problem := deletion_problem(account):
            raise ValidationRefused([self._refused({"AccountID": key}, [problem])])
        gone = {**self.render(call, account, Detail.FULL), "Status": "DELETED"}
        account.delete()
        return self.envelope(call, [gone])

    def _write_one(self, call: Call, element: Json, account: Account) -> Json:
        errors = self._problems(element, account)
        if errors:
            raise ValidationRefused([self._refused(element, errors)])
        _fill(account, element)
        account.updated = call.now
        (call.updated if account.pk else call.created).append(str(account.account_id))
        account.save()
        return self.envelope(call, [self.verdict(Outcome(self.render(call, account, Detail.FULL)))])

    def _refused(self, element: Json, errors: list[str]) -> Json:
        return self.verdict(self.refusal(element, errors))

    def _problems(self, element: Json, account: Account) -> list[str]:
        if account.pk and set(element) - {"AccountID"} == {"Status"}:
            return _archiving_problems(element, account)
        if account.pk and "Status" in element and element["Status"] != account.status:
            return ["Account status cannot be updated with other fields."]
        return [
            *too_long(element, _LENGTHS),
            *_shape_problems(element, account),
            *_uniqueness(element, account),
        ]


def deletion_problem(account: Account) -> str:
    """Return why the account cannot be deleted, or nothing."""
    if account.system_account:
        return "System accounts cannot be deleted."
    lines = InvoiceLine.objects.filter(invoice__organisation=account.organisation, account_code=account.code)
    code = account.code
    items = Item.objects.filter(organisation=account.organisation).filter(
        Q(sales_account_code=code) | Q(purchase_account_code=code) | Q(cogs_account_code=code)
        | Q(inventory_account_code=code)
    )  # fmt: skip
    used = Payment.objects.filter(account=account).exists() or (code and (lines.exists() or items.exists()))
    return "This account cannot be deleted as it is in use. Archive it instead." if used else ""


def _archiving_problems(element: Json, account: Account) -> list[str]:
    if element["Status"] not in ("ACTIVE", "ARCHIVED"):
        return ["The Status is not valid."]
    if account.system_account and element["Status"] == "ARCHIVED":
        return ["System accounts cannot be archived."]
    return []


def _shape_problems(element: Json, account: Account) -> list[str]:
    type_ = element.get("Type", account.type)
    problems = []
    if type_ not in CLASSES or (not account.pk and type_ in _NOT_CREATED):
        return ["The account Type is not valid." if type_ else "Account type must be specified."]
    if not account.pk and not element.get("Code") and type_ != "BANK":
        problems.append("Account code must be specified.")
    if not (element.get("Name") or account.name):
        problems.append("Account name must be specified.")
    if type_ == "BANK":
        problems += _bank_problems(element, account)
    elif account.type == "BANK" and account.pk:
        problems.append("The Type of a bank account cannot be changed.")
    if account.system_account and type_ != account.type:
        problems.append("The Type of a system account cannot be changed.")
    return problems + _tax_problems(element, account, type_)


def _bank_problems(element: Json, account: Account) -> list[str]:
    problems = []
    if account.pk and account.type != "BANK":
        problems.append("The Type of an account cannot be changed to BANK.")
    if not (element.get("BankAccountNumber") or account.bank_account_number):
        problems.append("Bank account number must be specified.")
    if element.get("Description"):
        problems.append("A bank account cannot have a Description.")
    if element.get("BankAccountType", "BANK") not in ("", "BANK", "CREDITCARD", "NONE"):
        problems.append("The BankAccountType is not valid.")
    currency = element.get("CurrencyCode")
    if currency and not Currency.objects.filter(organisation=account.organisation, code=currency).exists():
        problems.append(f"Organisation is not subscribed to currency {currency}")
    return problems


def _tax_problems(element: Json, account: Account, type_: str) -> list[str]:
    tax_type = element.get("TaxType")
    if not tax_type:
        return []
    rate = TaxRate.objects.filter(organisation=account.organisation, tax_type=tax_type, status="ACTIVE").first()
    code = element.get("Code", account.code)
    if rate is None or APPLIES_TO[CLASSES[type_]] not in rate.can_apply_to:
        return [f"The TaxType code '{tax_type}' cannot be used with account code '{code}'."]
    return []


def _uniqueness(element: Json, account: Account) -> list[str]:
    others = Account.objects.filter(organisation=account.organisation).exclude(pk=account.pk)
    problems = []
    if element.get("Code") and others.filter(code=element["Code"]).exists():
        problems.append("Please enter a unique Code.")
    if element.get("Name") and others.filter(name__iexact=element["Name"]).exists():
        problems.append("Please enter a unique Name.")
    return problems


def _fill(account: Account, element: Json) -> None:
    account.code = element.get("Code", account.code)
    account.name = element.get("Name", account.name)
    account.type = element.get("Type", account.type)
    account.status = element.get("Status", account.status)
    account.description = element.get("Description", account.description) or ""
    account.tax_type = (
        element.get("TaxType") or account.tax_type or default_tax_type(account.organisation, account.type)
    )
    if "EnablePaymentsToAccount" in element:
        account.enable_payments = wire.parse_bool(element["EnablePaymentsToAccount"])
    if "ShowInExpenseClaims" in element:
        account.show_in_expense_claims = wire.parse_bool(element["ShowInExpenseClaims"])
    if account.type == "BANK":
        account.bank_account_number = element.get("BankAccountNumber", account.bank_account_number)
        account.bank_account_type = element.get("BankAccountType") or account.bank_account_type or "BANK"
        account.currency_code = (
            account.currency_code or element.get("CurrencyCode") or account.organisation.base_currency
        )
