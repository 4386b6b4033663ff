import pytest, json

pytestmark = pytest.mark.django_db(databases=["default", "simulator"])


def test_smoke(xero):
    for p in (
        "Organisation",
        "Organisation/Actions",
        "Currencies",
        "Accounts",
        "TaxRates",
        "Items",
        "Contacts?page=1",
        "Contacts",
        "Invoices?page=1",
        "Payments?page=1",
        "CreditNotes?page=1",
    ):
        r = xero.get(p)
        print(p, r.status_code, r.content[:300])
        assert r.status_code == 200
    r = xero.put(
        "Contacts?summarizeErrors=false",
        {
            "Contacts": [
                {"Name": "Bolt Ltd", "EmailAddress": "a@b.co"},
                {"Name": "bolt  ltd"},
                {"Name": "X", "EmailAddress": "no"},
            ]
        },
    )
    print(json.dumps(r.json(), indent=1)[:3000])
    cid = [c for c in r.json()["Contacts"] if c["Name"] == "Bolt Ltd"][0]["ContactID"]
    r = xero.put(
        "Invoices?summarizeErrors=false&unitdp=4",
        {
            "Invoices": [
                {
                    "Type": "ACCREC",
                    "Contact": {"ContactID": cid},
                    "InvoiceNumber": "A1",
                    "DueDate": "2026-12-01",
                    "Status": "AUTHORISED",
                    "Url": "http://localhost:8000/i/1/",
                    "LineItems": [
                        {"Description": "x", "Quantity": 3, "UnitAmount": 33.335, "AccountCode": "200"}
                    ],
                },
                {"Type": "ACCREC"},
            ]
        },
    )
    print(json.dumps(r.json(), indent=1))
    assert r.status_code == 200
    i = xero.one("Invoices/A1", "Invoices")
    print(i)
    r = xero.put(
        "Payments",
        {
            "Payments": [
                {
                    "Invoice": {"InvoiceID": i["InvoiceID"]},
                    "Account": {"Code": "090"},
                    "Amount": "20.00",
                    "Date": "2026-11-22",
                }
            ]
        },
    )
    print(r.content)
    assert r.status_code == 200
    r = xero.get('Payments?where=PaymentType%3D%3D"ACCRECPAYMENT"&page=1')
    print(r.content)
    r = xero.get("Invoices?InvoiceNumbers=A1,B&page=1")
    print(r.content, r.headers)
    r = xero.get("Invoices?where=Foo%3D%3D1&page=1")
    print(r.content, r.headers)
