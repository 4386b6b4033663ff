from __future__ import annotations

from typing import Any

import pytest

from tests.xero_simulator.caller import XeroCaller, connect, messages

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])
PART = {"Name": "VAT", "Rate": "12.5"}
NEW = {"Name": "Reduced", "ReportTaxType": "OUTPUT", "TaxComponents": [PART]}


def put(xero: XeroCaller, **changed: Any) -> Any:
    element = {name: value for name, value in {**NEW, **changed}.items() if value is not None}
    return xero.put("TaxRates", {"TaxRates": [element]})


@pytest.mark.parametrize(
    ("organisation", "percent"), [("Acme MSP Ltd", 20), ("Demo Company (NZ)", 15), ("Acme Pty Ltd", 10)]
)
def test_the_usual_rate_is_there_once(db: None, organisation: str, percent: int) -> None:
    rates = connect(organisation).all("TaxRates", "")
    usual = [
        rate
        for rate in rates
        if rate["EffectiveRate"] == percent and rate["CanApplyToRevenue"] and rate["Status"] == "ACTIVE"
    ]
    assert len(usual) == 1


def test_a_new_rate_gets_a_type_of_its_own(xero: XeroCaller) -> None:
    [made] = put(xero).json()["TaxRates"]
    [next_] = put(xero, Name="Other").json()["TaxRates"]
    assert (made["TaxType"], next_["TaxType"]) == ("TAX001", "TAX002")
    assert (made["EffectiveRate"], made["CanApplyToRevenue"], made["Status"]) == (12.5, True, "ACTIVE")


def test_a_compound_part_is_on_top_of_the_others(xero: XeroCaller) -> None:
    parts = [{"Name": "GST", "Rate": 5}, {"Name": "QST", "Rate": 9.5, "IsCompound": True}]
    [made] = put(xero, TaxComponents=parts).json()["TaxRates"]
    assert (made["DisplayTaxRate"], made["EffectiveRate"]) == (14.5, 14.975)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Name": ""}, "The tax rate name must be specified."),
        ({"Name": "x" * 51}, "The field Name must be a string with a maximum length of 50."),
        ({"Name": "no vat"}, "A tax rate with this name already exists."),
        ({"TaxComponents": []}, "At least one tax component must be specified."),
        ({"TaxComponents": [{"Rate": 5}]}, "The tax component name must be specified."),
        (
            {"TaxComponents": [{"Name": "a", "Rate": "5.00001"}]},
            "The tax component rate must be between 0 and 100 with up to 4 decimal places.",
        ),
        (
            {"TaxComponents": [{**PART, "IsCompound": True}]},
            "A compound tax component needs at least one other tax component.",
        ),
        (
            {"TaxComponents": [{**PART, "IsCompound": True}, {**PART, "IsCompound": True}]},
            "Only one tax component can be compound.",
        ),
        ({"ReportTaxType": None}, "ReportTaxType must be specified for this organisation."),
        ({"ReportTaxType": "BASEXCLUDED"}, "The ReportTaxType 'BASEXCLUDED' is not valid."),
    ],
)
def test_a_rate_is_refused(xero: XeroCaller, changed: dict[str, Any], message: str) -> None:
    answer = put(xero, **changed)
    assert answer.status_code == 400
    assert messages(answer.json()["Elements"][0]) == [message]


def test_american_rates_have_no_report_type(db: None) -> None:
    xero = connect("Acme Inc")
    assert put(xero).status_code == 400
    [made] = put(xero, ReportTaxType=None).json()["TaxRates"]
    assert made["CanApplyToRevenue"] is True
    assert "ReportTaxType" not in made


def test_an_update_replaces_all_parts(xero: XeroCaller) -> None:
    put(xero, TaxComponents=[PART, {"Name": "Levy", "Rate": 1}])
    change = {**NEW, "TaxType": "TAX001", "TaxComponents": [{"Name": "VAT", "Rate": 8}]}
    [changed] = xero.post("TaxRates", {"TaxRates": [change]}).json()["TaxRates"]
    assert changed["EffectiveRate"] == 8
    assert len(changed["TaxComponents"]) == 1


def test_an_update_may_leave_the_report_type_out(xero: XeroCaller) -> None:
    put(xero)
    change = {"TaxType": "TAX001", "Name": "Renamed", "TaxComponents": [PART]}
    [changed] = xero.post("TaxRates", {"TaxRates": [change]}).json()["TaxRates"]
    assert (changed["Name"], changed["ReportTaxType"]) == ("Renamed", NEW["ReportTaxType"])
    unknown = {**change, "TaxType": "TAX099"}
    assert xero.post("TaxRates", {"TaxRates": [unknown]}).status_code == 400


def test_own_rates_can_be_deleted_and_xeros_cannot(xero: XeroCaller) -> None:
    put(xero)
    delete = {"TaxType": "TAX001", "Status": "DELETED"}
    assert xero.post("TaxRates", {"TaxRates": [delete]}).json()["TaxRates"][0]["Status"] == "DELETED"
    assert xero.post("TaxRates", {"TaxRates": [{"TaxType": "OUTPUT2", "Status": "DELETED"}]}).status_code == 400


def test_one_rate_can_be_asked_for(xero: XeroCaller) -> None:
    assert xero.one("TaxRates", "OUTPUT2")["EffectiveRate"] == 20
