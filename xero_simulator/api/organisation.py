from __future__ import annotations

from typing import Any

from django.db.models import Q

from xero_simulator.api import wire
from xero_simulator.api.base import Call, Detail, Endpoint, Json, Outcome
from xero_simulator.api.errors import NotFound, NotImplementedByApi
from xero_simulator.books import CURRENCIES
from xero_simulator.models import Currency
from xero_simulator.where import Field

_ACTIONS = (
    "CreateApprovedInvoice",
    "CreateDraftPurchaseOrder",
    "CreateApprovedBill",
    "AttachFilesIntoInvoice",
    "UseMulticurrency",
    "CreateDraftInvoice",
    "CreateRepeatingInvoice",
    "CreateRepeatingBill",
    "CreateSentQuote",
    "CreateInvoicePayment",
    "CreateApprovedPurchaseOrder",
    "CreateDraftQuote",
    "CreateDraftBill",
)


class OrganisationEndpoint(Endpoint):
    name = "Organisations"
    id_field = "OrganisationID"

    def get(self, call: Call, key: str) -> Json:
        if key == "Actions":
            answer = self.envelope(call, [])
            del answer[self.name]
            return {**answer, "Actions": self._actions(call)}
        if key:
            raise NotFound
        return self.envelope(call, [self.render(call, call.organisation, Detail.FULL)])

    def _actions(self, call: Call) -> list[Json]:
        invoicing = call.organisation.edition != "PARTNER"
        refused = set() if call.organisation.multicurrency else {"UseMulticurrency"}
        if not invoicing:
            refused |= {"CreateApprovedInvoice", "CreateDraftInvoice"}
        return [{"Name": name, "Status": "NOT-ALLOWED" if name in refused else "ALLOWED"} for name in _ACTIONS]

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        locks = {"PeriodLockDate": row.period_lock_date, "EndOfYearLockDate": row.end_of_year_lock_date}
        return {
            "Name": row.name,
            "LegalName": row.name,
            "PaysTax": True,
            "Version": row.version,
            "OrganisationType": "COMPANY",
            "BaseCurrency": row.base_currency,
            "CountryCode": row.country_code,
            "IsDemoCompany": row.is_demo_company,
            "OrganisationStatus": "ACTIVE",
            "TaxNumber": row.tax_number,
            "FinancialYearEndDay": 31,
            "FinancialYearEndMonth": 3,
            "SalesTaxBasis": "ACCRUALS",
            "SalesTaxPeriod": "QUARTERLY1",
            "DefaultSalesTax": "Tax Exclusive",
            "DefaultPurchasesTax": "Tax Exclusive",
            **{name: wire.date(day) for name, day in locks.items() if day},
            "CreatedDateUTC": wire.timestamp(row.created, ""),
            "OrganisationEntityType": "COMPANY",
            "Timezone": row.timezone,
            "ShortCode": row.short_code,
            "OrganisationID": str(row.tenant_id),
            "Edition": row.edition,
            "Class": row.plan,
            "Addresses": [],
            "Phones": [],
            "ExternalLinks": [],
            "PaymentTerms": {},
        }


class CurrencyEndpoint(Endpoint):
    name = "Currencies"
    id_field = "Code"
    model = Currency
    methods = frozenset({"GET", "PUT"})
    modified_since = False
    fields = {"Code": Field("code"), "Description": Field("description")}
    default_order = ("code",)

    def key_filter(self, key: str) -> Q:
        return Q(code=key.upper())

    def put(self, call: Call, key: str) -> Json:
        if key:
            raise NotImplementedByApi
        return self.answer(call, self.write(call, self.elements(call), create_only=True))

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        return {"Code": row.code, "Description": row.description}

    def write(self, call: Call, elements: list[Json], *, create_only: bool) -> list[Outcome]:
        if len(elements) != 1:
            raise NotImplementedByApi
        code = str(elements[0].get("Code", "")).upper()
        if code not in CURRENCIES:
            return [Outcome(elements[0], [f"The currency code '{code}' is not valid"])]
        if not call.organisation.multicurrency and code != call.organisation.base_currency:
            # Documented: it needs a plan with multicurrency. The words are ours.
            return [Outcome(elements[0], [f"Organisation is not subscribed to currency {code}"])]
        row, created = Currency.objects.get_or_create(
            organisation=call.organisation, code=code, defaults={"description": CURRENCIES[code]}
        )
        if created:
            call.created.append(code)
        return [Outcome(self.render(call, row, Detail.FULL))]
