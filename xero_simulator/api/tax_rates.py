"""Tax rates.

Documented: one rate per call, one compound component at most and only beside others, a unique name, an update that
replaces all components, system rates that never change, TAX001 and so on as TaxTypes, and ReportTaxType: one of a
list in Australia, New Zealand and the United Kingdom, none at all in the United States. Our assumption: the words of
the refusals, the 50 characters of a name, GLOBAL organisations refusing ReportTaxType as the United States do.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from xero_simulator import rounding
from xero_simulator.api import wire
from xero_simulator.api.base import Call, Detail, Endpoint, Json, Outcome
from xero_simulator.api.errors import BadBody, ValidationRefused
from xero_simulator.books import CAPITAL, COUNTRIES, EVERYTHING, PURCHASES, SALES
from xero_simulator.models import TaxRate
from xero_simulator.where import Field

_NAMES = ("Assets", "Equity", "Expenses", "Liabilities", "Revenue")
_NAME_LENGTH = 50
_ONLY_PURCHASES = {
    "INPUT",
    "EXEMPTINPUT",
    "ECINPUT",
    "ECACQUISITIONS",
    "EXEMPTEXPENSES",
}
_ONLY_CAPITAL = {"CAPITALEXPENSESINPUT", "CAPITALSALESOUTPUT"}


class TaxRateEndpoint(Endpoint):
    name = "TaxRates"
    id_field = "TaxType"
    model = TaxRate
    methods = frozenset({"GET", "PUT", "POST"})
    modified_since = False
    fields = {
        "Name": Field("name"),
        "TaxType": Field("tax_type"),
        "ReportTaxType": Field("report_tax_type"),
        "Status": Field("status"),
        "EffectiveRate": Field("effective_rate", "number"),
        "DisplayTaxRate": Field("display_rate", "number"),
    }
    default_order = ("name", "pk")

    def key_filter(self, key: str) -> Q:
        return Q(tax_type=key)

    def filtered(self, call: Call) -> QuerySet[Any]:
        rows = super().filtered(call)
        tax_type = call.param("TaxType")
        return rows.filter(tax_type=tax_type) if tax_type else rows

    def render(self, call: Call, row: Any, detail: Detail) -> Json:
        return {
            "Name": row.name,
            "TaxType": row.tax_type,
            **({"ReportTaxType": row.report_tax_type} if row.report_tax_type else {}),
            **{f"CanApplyTo{name}": name in row.can_apply_to for name in _NAMES},
            "DisplayTaxRate": row.display_rate,
            "EffectiveRate": row.effective_rate,
            "Status": row.status,
            "TaxComponents": [
                {**part, "Rate": rounding.to_places(Decimal(part["Rate"]), 4)} for part in row.components
            ],
        }

    def put(self, call: Call, key: str) -> Json:
        return self._write_one(call, key, create=True)

    def post(self, call: Call, key: str) -> Json:
        return self._write_one(call, key, create=False)

    def _write_one(self, call: Call, key: str, *, create: bool) -> Json:
        elements = self.elements(call)
        if len(elements) != 1 or (create and key):
            raise BadBody("One tax rate was expected")
        element = {**elements[0], **({"TaxType": key} if key else {})}
        if not create and element.get("TaxType") and not self.rows(call).filter(tax_type=element["TaxType"]).exists():
            unknown = f"The TaxType code {element['TaxType']} does not exist."
            raise ValidationRefused([self.verdict(Outcome(element, [unknown]))])
        row = self._row(call, element, create=create)
        if errors := self._problems(call, element, row):
            raise ValidationRefused([self.verdict(Outcome(element, errors))])
        (call.updated if row.pk else call.created).append(row.tax_type)
        row.save()
        return self.envelope(call, [self.verdict(Outcome(self.render(call, row, Detail.FULL)))])

    def _row(self, call: Call, element: Json, *, create: bool) -> TaxRate:
        """Return the rate to write, filled from the element as far as it can be read."""
        tax_type, name = element.get("TaxType"), element.get("Name")
        row = None
        if not create:
            row = self.rows(call).filter(Q(tax_type=tax_type) if tax_type else Q(name=name)).first()
        row = row or TaxRate(organisation=call.organisation, tax_type=self._next_tax_type(call))
        if element.get("Status") == "DELETED" and row.pk:
            if not row.is_system:
                row.status = "DELETED"
            return row
        row.name = str(name or row.name)
        # Components that are left out are deleted: an update replaces them all.
        row.components = [_component(part) for part in element.get("TaxComponents") or [] if isinstance(part, dict)]
        row.report_tax_type = str(element.get("ReportTaxType") or row.report_tax_type)
        row.can_apply_to = _applies_to(row.report_tax_type)
        rates = [(Decimal(part["Rate"]), part["IsCompound"]) for part in row.components]
        row.display_rate, row.effective_rate = rounding.display_rate(rates), rounding.effective_rate(rates)
        return row

    def _next_tax_type(self, call: Call) -> str:
        taken = self.rows(call).filter(tax_type__startswith="TAX").values_list("tax_type", flat=True)
        numbers = [int(tax_type[3:]) for tax_type in taken if tax_type[3:].isdigit()]
        return f"TAX{max(numbers, default=0) + 1:03}"

    def _problems(self, call: Call, element: Json, row: TaxRate) -> list[str]:
        if row.pk and row.is_system:
            return ["System tax rates cannot be modified."]
        if element.get("Status") == "DELETED":
            return []
        return [*self._name_problems(call, row), *_component_problems(element), *_report_problems(call, row)]

    def _name_problems(self, call: Call, row: TaxRate) -> list[str]:
        if not row.name:
            return ["The tax rate name must be specified."]
        if len(row.name) > _NAME_LENGTH:
            return [f"The field Name must be a string with a maximum length of {_NAME_LENGTH}."]
        others = self.rows(call).exclude(pk=row.pk).exclude(status="DELETED")
        return ["A tax rate with this name already exists."] if others.filter(name__iexact=row.name).exists() else []


def _component(part: Json) -> Json:
    try:
        rate = wire.parse_number(part.get("Rate")) or Decimal(0)
    except ValueError:
        rate = Decimal(0)
    return {
        "Name": str(part.get("Name") or ""),
        "Rate": str(rate),
        "IsCompound": wire.parse_bool(part.get("IsCompound")),
        "IsNonRecoverable": wire.parse_bool(part.get("IsNonRecoverable")),
    }


def _applies_to(report_tax_type: str) -> list[str]:
    if report_tax_type in ("", "BASEXCLUDED"):
        return EVERYTHING
    if report_tax_type in _ONLY_CAPITAL:
        return CAPITAL
    return PURCHASES if report_tax_type in _ONLY_PURCHASES else SALES


def _component_problems(element: Json) -> list[str]:
    parts = element.get("TaxComponents")
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        return ["At least one tax component must be specified."]
    problems = []
    if not all(part.get("Name") for part in parts):
        problems.append("The tax component name must be specified.")
    if any(not _is_rate(part.get("Rate")) for part in parts):
        problems.append("The tax component rate must be between 0 and 100 with up to 4 decimal places.")
    compound = sum(wire.parse_bool(part.get("IsCompound")) for part in parts)
    if compound > 1:
        problems.append("Only one tax component can be compound.")
    if compound and len(parts) < 2:
        problems.append("A compound tax component needs at least one other tax component.")
    return problems


def _is_rate(value: Any) -> bool:
    try:
        rate = wire.parse_number(value)
    except ValueError:
        return False
    return rate is not None and 0 <= rate <= 100 and rate == rounding.to_places(rate, 4)


def _report_problems(call: Call, row: TaxRate) -> list[str]:
    allowed = COUNTRIES[call.organisation.country_code].report_tax_types
    if allowed is None:
        return ["ReportTaxType is not valid for this organisation."] if row.report_tax_type else []
    if not row.report_tax_type:
        return ["ReportTaxType must be specified for this organisation."]
    return [] if row.report_tax_type in allowed else [f"The ReportTaxType '{row.report_tax_type}' is not valid."]
