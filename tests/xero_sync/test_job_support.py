"""What leaves for support: everything it needs to know, no secret, nobody's personal data."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from bmsxero import __version__
from bmsxero.roles import Role
from tests.conftest import ClientOf
from tests.xero_sync.pages import make_job, make_rows, text
from tests.xero_sync.test_job_pages import url, words
from xero_sync.models import Job, LogLine, XeroRequest

pytestmark = pytest.mark.django_db

#: What must never leave: a token, and what is personal.
TOKEN = "eyJhbGciOiJSUzI1NiJ9.Q0FOQVJZ.c2lnbmF0dXJl"
PERSONAL = ("Bolt & Sons", "jane@bolt.example", "1 Mill Lane", "Jane", "Backup of Jane's laptop", "0113 496 0000")
BODY = {
    "Invoices": [
        {
            "InvoiceNumber": "INV-7",
            "Type": "ACCREC",
            "Total": 12.5,
            "Date": "2026-11-22",
            "Contact": {
                "ContactID": "5b96e86b-418e-48e8-8949-308c14aec278",
                "Name": "Bolt & Sons",
                "FirstName": "Jane",
                "EmailAddress": "jane@bolt.example",
                "Addresses": [{"AddressLine1": "1 Mill Lane", "AddressType": "STREET"}],
                "Phones": [{"PhoneNumber": "0113 496 0000"}],
            },
            "LineItems": [{"Description": "Backup of Jane's laptop", "AccountCode": "200", "TaxType": "OUTPUT2"}],
            "ValidationErrors": [{"Message": f"Bolt & Sons (jane@bolt.example) is archived. Bearer {TOKEN}"}],
        }
    ]
}


@pytest.fixture
def job() -> Job:
    """A job that failed with everything in it that must not leave."""
    job = make_job(Job.State.COMPLETED_WITH_FAILURES, calls=3, problem=f"Refused: Bearer {TOKEN}")
    request = XeroRequest.objects.create(
        job=job, tenant_id="here", kind="invoices", method="PUT", path="Invoices?unitdp=4",
        body=json.dumps(BODY).encode(), sha256="abc", state="done", http_status=400, sent_at=timezone.now(),
        correlation_id="0fd92a2e-canary", answer=json.dumps({"Elements": BODY["Invoices"]}),
    )  # fmt: skip
    said = f"Bolt & Sons, jane@bolt.example: {TOKEN}"
    (row,) = make_rows(job, label="INV-7", detail="Bolt & Sons", state="failed", reason="refused", message=said,
                       xero_message=said, warning=said, diff=[["Phone", "0113 496 0000", ""]],
                       request=request)  # fmt: skip
    make_rows(job, 1, kind="contacts", requested=False, label="Bolt & Sons", detail="", message="Bolt & Sons is new.")
    LogLine.objects.create(job=job, row=row, request=request, time=timezone.now(), step="send", action="Fail",
                           record="INV-7", message=said, outcome="failed",
                           correlation_id="0fd92a2e-canary")  # fmt: skip
    return job


def pack(answer: Any) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as found:
        return {name.split("/")[-1]: found.read(name).decode() for name in found.namelist()}


def assert_clean(words: str) -> None:
    assert TOKEN not in words
    for name in PERSONAL:
        assert name not in words


def test_the_lines_to_copy_tell_what_support_asks_first(reader: Client, job: Job) -> None:
    told = text(reader.get(url(job, "support.txt")))
    assert f"Job: {job.number} (Export invoices)" in told
    assert "State: Completed with failures" in told
    assert "Organisation: Acme MSP Ltd, simulated" in told
    assert f"Application: BMS Finance {__version__}" in told
    assert f"Created: {job.created:%Y-%m-%d %H:%M:%S} UTC" in told
    assert "By state: 1 failed" in told
    assert "First error: INV-7 [refused]" in told
    assert "Xero request ids: 0fd92a2e-canary" in told
    assert_clean(told)


def test_the_page_shows_the_same_lines_as_text(writer: Client, job: Job) -> None:
    page = words(writer.get(url(job)))
    assert "First error: INV-7 [refused]" in page
    assert "Copy for support" in page
    assert "Copy Job link" in page


def test_the_file_holds_all_of_the_job_and_nothing_personal(reader: Client, job: Job) -> None:
    answer: Any = reader.get(url(job, "support.zip"))
    assert f"job-{job.number}-support-" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    found = pack(answer)
    assert set(found) == {"facts.txt", "rows.csv", "log.csv", "requests.txt"}
    for content in found.values():
        assert_clean(content)
    assert "INV-7" in found["rows.csv"]
    assert "INV-7" in found["log.csv"]
    for kept in ("PUT Invoices?unitdp=4", '"InvoiceNumber": "INV-7"', '"Total": 12.5', '"AccountCode": "200"',
                 "5b96e86b-418e-48e8-8949-308c14aec278", "status 400", "is archived."):  # fmt: skip
        assert kept in found["requests.txt"]


def test_an_answer_that_was_cut_short_is_left_out(reader: Client, job: Job) -> None:
    XeroRequest.objects.update(answer='{"Elements": [{"Name": "Jane')
    told = pack(reader.get(url(job, "support.zip")))["requests.txt"]
    assert "characters that are no JSON" in told
    assert_clean(told)


def test_a_job_without_anything_has_its_file_too(reader: Client) -> None:
    found = pack(reader.get(url(make_job(Job.State.COMPLETED), "support.zip")))
    assert found["rows.csv"].count("\n") == 1


@pytest.mark.parametrize("role", list(Role))
def test_everybody_with_a_role_may_take_them(client_of: ClientOf, job: Job, role: Role) -> None:
    client = client_of(role)
    for rest in ("support.txt", "support.zip", "log.csv", "rows.csv", "log/"):
        answer: Any = client.get(url(job, rest))
        assert answer.status_code == 200
        assert b"".join(answer)  # a file is closed by who reads it to its end
