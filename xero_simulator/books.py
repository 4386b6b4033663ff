"""What a new organisation comes with: chart of accounts, tax rates and currencies, by country.

Documented: TaxTypes with their rates and names, ReportTaxTypes that may be created, account types and classes, the
usual chart. Our assumption: which accounts a rate may be used with (CanApplyTo…) beyond "sales" and "purchases",
which documents it may not stand on, and that organisations of the GLOBAL version leave ReportTaxType out as those
of the US must.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

# Account type -> class, and so which tax rates may go with it.
CLASSES = {
    "BANK": "ASSET",
    "CURRENT": "ASSET",
    "CURRLIAB": "LIABILITY",
    "DEPRECIATN": "EXPENSE",
    "DIRECTCOSTS": "EXPENSE",
    "EQUITY": "EQUITY",
    "EXPENSE": "EXPENSE",
    "FIXED": "ASSET",
    "INVENTORY": "ASSET",
    "LIABILITY": "LIABILITY",
    "NONCURRENT": "ASSET",
    "OTHERINCOME": "REVENUE",
    "OVERHEADS": "EXPENSE",
    "PREPAYMENT": "ASSET",
    "REVENUE": "REVENUE",
    "SALES": "REVENUE",
    "TERMLIAB": "LIABILITY",
    "PAYG": "LIABILITY",
}
APPLIES_TO = {
    "ASSET": "Assets",
    "EQUITY": "Equity",
    "EXPENSE": "Expenses",
    "LIABILITY": "Liabilities",
    "REVENUE": "Revenue",
}
SALES = ["Assets", "Equity", "Liabilities", "Revenue"]
PURCHASES = ["Assets", "Equity", "Expenses", "Liabilities"]
EVERYTHING = ["Assets", "Equity", "Expenses", "Liabilities", "Revenue"]
CAPITAL = ["Assets"]
IMPORTS: list[str] = []  # set by Xero itself, never on a line
# By ReportTaxType: what an account's class alone would let through, but the kind of document does not.
NEVER_ON_SALES = {"ECACQUISITIONS", "ECINPUT", "REVERSECHARGES", "CAPITALEXPENSESINPUT", "CAPITALEXINPUT"}
NEVER_ON_PURCHASES = {"ECOUTPUT", "ECOUTPUTSERVICES", "MOSSSALES", "CAPITALSALESOUTPUT"}

# code, name, type, kind of tax (sales, purchase, exempt sale, none), system account
CHART: list[tuple[str, str, str, str, str]] = [
    ("090", "Business Bank Account", "BANK", "none", ""),
    ("091", "Business Savings Account", "BANK", "none", ""),
    ("200", "Sales", "REVENUE", "sales", ""),
    ("260", "Other Revenue", "REVENUE", "sales", ""),
    ("270", "Interest Income", "REVENUE", "exempt", ""),
    ("300", "Purchases", "DIRECTCOSTS", "purchase", ""),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "purchase", ""),
    ("400", "Advertising", "EXPENSE", "purchase", ""),
    ("404", "Bank Fees", "EXPENSE", "none", ""),
    ("408", "Cleaning", "EXPENSE", "purchase", ""),
    ("412", "Consulting & Accounting", "EXPENSE", "purchase", ""),
    ("416", "Depreciation", "DEPRECIATN", "none", ""),
    ("420", "Entertainment", "EXPENSE", "none", ""),
    ("425", "Freight & Courier", "EXPENSE", "purchase", ""),
    ("429", "General Expenses", "EXPENSE", "purchase", ""),
    ("433", "Insurance", "EXPENSE", "purchase", ""),
    ("437", "Interest Expense", "EXPENSE", "none", ""),
    ("441", "Legal expenses", "EXPENSE", "purchase", ""),
    ("445", "Light, Power, Heating", "EXPENSE", "purchase", ""),
    ("449", "Motor Vehicle Expenses", "EXPENSE", "purchase", ""),
    ("453", "Office Expenses", "EXPENSE", "purchase", ""),
    ("461", "Printing & Stationery", "EXPENSE", "purchase", ""),
    ("469", "Rent", "EXPENSE", "purchase", ""),
    ("473", "Repairs and Maintenance", "EXPENSE", "purchase", ""),
    ("477", "Wages and Salaries", "EXPENSE", "none", ""),
    ("478", "{pension}", "EXPENSE", "none", ""),
    ("485", "Subscriptions", "EXPENSE", "purchase", ""),
    ("489", "Telephone & Internet", "EXPENSE", "purchase", ""),
    ("493", "Travel - National", "EXPENSE", "purchase", ""),
    ("494", "Travel - International", "EXPENSE", "none", ""),
    ("497", "Bank Revaluations", "EXPENSE", "none", "BANKCURRENCYGAIN"),
    ("498", "Unrealised Currency Gains", "EXPENSE", "none", "UNREALISEDCURRENCYGAIN"),
    ("499", "Realised Currency Gains", "EXPENSE", "none", "REALISEDCURRENCYGAIN"),
    ("505", "Income Tax Expense", "EXPENSE", "none", ""),
    ("610", "Accounts Receivable", "CURRENT", "none", "DEBTORS"),
    ("620", "Prepayments", "CURRENT", "none", ""),
    ("630", "Inventory", "INVENTORY", "none", ""),
    ("710", "Office Equipment", "FIXED", "purchase", ""),
    ("711", "Less Accumulated Depreciation on Office Equipment", "FIXED", "none", ""),
    ("720", "Computer Equipment", "FIXED", "purchase", ""),
    ("721", "Less Accumulated Depreciation on Computer Equipment", "FIXED", "none", ""),
    ("800", "Accounts Payable", "CURRLIAB", "none", "CREDITORS"),
    ("801", "Unpaid Expense Claims", "CURRLIAB", "none", "UNPAIDEXPCLM"),
    ("803", "Wages Payable", "CURRLIAB", "none", "WAGEPAYABLES"),
    ("820", "{tax}", "CURRLIAB", "none", "GST"),
    ("825", "Employee Tax Payable", "CURRLIAB", "none", ""),
    ("826", "{pension} Payable", "CURRLIAB", "none", ""),
    ("830", "Income Tax Payable", "CURRLIAB", "none", ""),
    ("840", "Historical Adjustment", "CURRLIAB", "none", "HISTORICAL"),
    ("850", "Suspense", "CURRLIAB", "none", ""),
    ("860", "Rounding", "CURRLIAB", "none", "ROUNDING"),
    ("877", "Tracking Transfers", "CURRLIAB", "none", "TRACKINGTRANSFERS"),
    ("880", "Owner A Drawings", "CURRLIAB", "none", ""),
    ("881", "Owner A Funds Introduced", "CURRLIAB", "none", ""),
    ("900", "Loan", "TERMLIAB", "none", ""),
    ("960", "Retained Earnings", "EQUITY", "none", "RETAINEDEARNINGS"),
    ("970", "Owner A Share Capital", "EQUITY", "none", ""),
]


@dataclass(frozen=True)
class Rate:
    tax_type: str
    name: str
    rate: str
    report: str
    applies: list[str]
    status: str = "ACTIVE"
    system: bool = True
    components: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Country:
    code: str
    version: str
    currency: str
    timezone: str
    tax_name: str
    pension: str
    # kind of tax in CHART -> TaxType
    defaults: dict[str, str]
    rates: list[Rate]
    # for rates that an app creates; None: must be left out
    report_tax_types: frozenset[str] | None


UK = Country(
    code="GB",
    version="UK",
    currency="GBP",
    timezone="GMTSTANDARDTIME",
    tax_name="VAT",
    pension="Pensions Costs",
    defaults={"sales": "OUTPUT2", "purchase": "INPUT2", "exempt": "EXEMPTOUTPUT", "none": "NONE"},
    rates=[
        Rate("OUTPUT2", "20% (VAT on Income)", "20", "OUTPUT", SALES),
        Rate("INPUT2", "20% (VAT on Expenses)", "20", "INPUT", PURCHASES),
        Rate("RROUTPUT", "5% (VAT on Income)", "5", "OUTPUT", SALES),
        Rate("RRINPUT", "5% (VAT on Expenses)", "5", "INPUT", PURCHASES),
        Rate("SROUTPUT", "15% (VAT on Income)", "15", "OUTPUT", SALES, status="ARCHIVED"),
        Rate("SRINPUT", "15% (VAT on Expenses)", "15", "INPUT", PURCHASES, status="ARCHIVED"),
        Rate("OUTPUT", "17.5% (VAT on Income)", "17.5", "OUTPUT", SALES, status="ARCHIVED"),
        Rate("INPUT", "17.5% (VAT on Expenses)", "17.5", "INPUT", PURCHASES, status="ARCHIVED"),
        Rate("ZERORATEDOUTPUT", "Zero Rated Income", "0", "OUTPUT", SALES),
        Rate("ZERORATEDINPUT", "Zero Rated Expenses", "0", "INPUT", PURCHASES),
        Rate("EXEMPTOUTPUT", "Exempt Income", "0", "EXEMPTOUTPUT", SALES),
        Rate("EXEMPTINPUT", "Exempt Expenses", "0", "EXEMPTINPUT", PURCHASES),
        Rate("NONE", "No VAT", "0", "NONE", EVERYTHING),
        Rate("GSTONIMPORTS", "VAT on Imports", "0", "GSTONIMPORTS", IMPORTS),
        Rate("ECZROUTPUT", "Zero Rated EC Goods Income", "0", "ECOUTPUT", SALES),
        Rate("ECZROUTPUTSERVICES", "Zero Rated EC Services", "0", "ECOUTPUTSERVICES", SALES),
        Rate("ECZRINPUT", "Zero Rated EC Expenses", "0", "ECINPUT", PURCHASES),
        Rate("ECACQUISITIONS", "EC Acquisitions (20%)", "20", "ECACQUISITIONS", PURCHASES),
        Rate("REVERSECHARGES", "Reverse Charge Expenses (20%)", "20", "REVERSECHARGES", PURCHASES),
        Rate("CAPEXINPUT2", "20% (VAT on Capital Purchases)", "20", "CAPITALEXPENSESINPUT", CAPITAL),
        Rate("CAPEXOUTPUT2", "20% (VAT on Capital Sales)", "20", "CAPITALSALESOUTPUT", CAPITAL),
    ],
    report_tax_types=frozenset(
        [
            "OUTPUT",
            "INPUT",
            "EXEMPTOUTPUT",
            "EXEMPTINPUT",
            "ECOUTPUT",
            "ECOUTPUTSERVICES",
            "ECINPUT",
            "ECACQUISITIONS",
            "CAPITALSALESOUTPUT",
            "CAPITALEXPENSESINPUT",
            "MOSSSALES",
        ]
    ),
)
NZ = Country(
    code="NZ",
    version="NZ",
    currency="NZD",
    timezone="NEWZEALANDSTANDARDTIME",
    tax_name="GST",
    pension="KiwiSaver Employer Contributions",
    defaults={"sales": "OUTPUT2", "purchase": "INPUT2", "exempt": "NONE", "none": "NONE"},
    rates=[
        Rate("OUTPUT2", "15% GST on Income", "15", "OUTPUT", SALES),
        Rate("INPUT2", "15% GST on Expenses", "15", "INPUT", PURCHASES),
        Rate("OUTPUT", "12.5% GST on Income", "12.5", "OUTPUT", SALES, status="ARCHIVED"),
        Rate("INPUT", "12.5% GST on Expenses", "12.5", "INPUT", PURCHASES, status="ARCHIVED"),
        Rate("ZERORATED", "Zero Rated", "0", "OUTPUT", EVERYTHING),
        Rate("NONE", "No GST", "0", "NONE", EVERYTHING),
        Rate("GSTONIMPORTS", "GST on Imports", "0", "GSTONIMPORTS", IMPORTS),
    ],
    report_tax_types=frozenset({"OUTPUT", "INPUT", "EXEMPTOUTPUT", "EXEMPTINPUT"}),
)
AU = Country(
    code="AU",
    version="AU",
    currency="AUD",
    timezone="AUSEASTERNSTANDARDTIME",
    tax_name="GST",
    pension="Superannuation",
    defaults={"sales": "OUTPUT", "purchase": "INPUT", "exempt": "EXEMPTOUTPUT", "none": "BASEXCLUDED"},
    rates=[
        Rate("OUTPUT", "GST on Income", "10", "OUTPUT", SALES),
        Rate("INPUT", "GST on Expenses", "10", "INPUT", PURCHASES),
        Rate("EXEMPTOUTPUT", "GST Free Income", "0", "EXEMPTOUTPUT", SALES),
        Rate("EXEMPTEXPENSES", "GST Free Expenses", "0", "EXEMPTEXPENSES", PURCHASES),
        Rate("BASEXCLUDED", "BAS Excluded", "0", "BASEXCLUDED", EVERYTHING),
        Rate("GSTONIMPORTS", "GST on Imports", "0", "GSTONIMPORTS", IMPORTS),
        Rate("INPUTTAXED", "Input Taxed", "0", "INPUTTAXED", SALES),
        Rate("CAPEXINPUT", "GST on Capital", "10", "CAPITALEXINPUT", CAPITAL, status="ARCHIVED"),
        Rate("EXEMPTEXPORT", "GST Free Exports", "0", "EXEMPTEXPORT", SALES, status="ARCHIVED"),
    ],
    report_tax_types=frozenset({"OUTPUT", "INPUT", "EXEMPTOUTPUT", "INPUTTAXED", "BASEXCLUDED", "EXEMPTEXPENSES"}),
)
US = Country(
    code="US",
    version="US",
    currency="USD",
    timezone="EASTERNSTANDARDTIME",
    tax_name="Sales Tax",
    pension="Retirement Contributions",
    defaults={"sales": "OUTPUT", "purchase": "INPUT", "exempt": "NONE", "none": "NONE"},
    rates=[
        Rate("OUTPUT", "Tax on Sales", "0", "OUTPUT", SALES),
        Rate("INPUT", "Tax on Purchases", "0", "INPUT", PURCHASES),
        Rate("NONE", "Tax Exempt", "0", "NONE", EVERYTHING),
        Rate("GSTONIMPORTS", "Sales Tax on Imports", "0", "GSTONIMPORTS", IMPORTS),
        Rate(
            "TAX001",
            "State and City Sales Tax 8.75%",
            "8.75",
            "",
            EVERYTHING,
            system=False,
            components=[("State Tax", "6.25"), ("City Tax", "2.5")],
        ),
    ],
    report_tax_types=None,
)
GLOBAL = Country(
    code="CA",
    version="GLOBAL",
    currency="CAD",
    timezone="EASTERNSTANDARDTIME",
    tax_name="Sales Tax",
    pension="Pension Contributions",
    defaults={"sales": "OUTPUT", "purchase": "INPUT", "exempt": "NONE", "none": "NONE"},
    rates=[
        Rate("OUTPUT", "Tax on Sales", "5", "OUTPUT", SALES),
        Rate("INPUT", "Tax on Purchases", "5", "INPUT", PURCHASES),
        Rate("NONE", "Tax Exempt", "0", "NONE", EVERYTHING),
        Rate("GSTONIMPORTS", "Sales Tax on Imports", "0", "GSTONIMPORTS", IMPORTS),
    ],
    report_tax_types=None,
)
COUNTRIES = {"GB": UK, "NZ": NZ, "AU": AU, "US": US, "CA": GLOBAL}
VERSIONS = {country.version: country for country in COUNTRIES.values()}

CURRENCIES = {
    "AUD": "Australian Dollar",
    "CAD": "Canadian Dollar",
    "CHF": "Swiss Franc",
    "DKK": "Danish Krone",
    "EUR": "Euro",
    "GBP": "British Pound",
    "HKD": "Hong Kong Dollar",
    "JPY": "Japanese Yen",
    "NOK": "Norwegian Krone",
    "NZD": "New Zealand Dollar",
    "SEK": "Swedish Krona",
    "SGD": "Singapore Dollar",
    "USD": "United States Dollar",
    "ZAR": "South African Rand",
}
# Units of the currency for one US dollar. Real Xero takes the day's rate; any fixed one will do here.
PER_DOLLAR = {
    code: Decimal(rate)
    for code, rate in {
        "AUD": "1.52",
        "CAD": "1.37",
        "CHF": "0.81",
        "DKK": "6.45",
        "EUR": "0.865",
        "GBP": "0.757",
        "HKD": "7.78",
        "JPY": "154.2",
        "NOK": "10.1",
        "NZD": "1.75",
        "SEK": "9.5",
        "SGD": "1.3",
        "USD": "1",
        "ZAR": "17.3",
    }.items()
}


def exchange_rate(base: str, currency: str) -> Decimal:
    """Return how many units of `currency` one unit of `base` buys, as Xero states CurrencyRate."""
    rate = PER_DOLLAR.get(currency, Decimal(1)) / PER_DOLLAR.get(base, Decimal(1))
    return rate.quantize(Decimal("0.000001"))
