"""Log lines: which request and job they belong to, and that no secret is ever in one."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from django.test import Client

from bmsxero.logs import HIDDEN, Json, Lines, about_job, about_request, without_secrets
from bmsxero.sentry import clean

CANARY = "c4n4ry-0123456789abcdef"
TOKEN = f"eyJhbGciOiJSUzI1NiJ9.{CANARY}.signature_here"


def line(message: str, *args: Any, exc_info: Any = None, formatter: logging.Formatter | None = None) -> str:
    record = logging.LogRecord("xero_sync.test", logging.WARNING, __file__, 1, message, args, exc_info)
    return (formatter or Json()).format(record)


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"headers {{'Authorization': 'Basic {CANARY}=='}}",
        TOKEN,
        f"grant_type=refresh_token&refresh_token={CANARY}",
        f'{{"access_token": "{CANARY}", "expires_in": 1800}}',
        f"{{'client_secret': '{CANARY}'}}",
        f"GET /finance/xero/callback/?code={CANARY}&state=x",
        f"gAAAAABn{CANARY}{CANARY}",
        f"postgres://bms:{CANARY}@db/bms",
        f"code_verifier={CANARY}",
        f"password: {CANARY}",
    ],
)
@pytest.mark.parametrize("formatter", [Json(), Lines("{message}", style="{")], ids=["json", "lines"])
def test_what_looks_like_a_secret_is_hidden(text: str, formatter: logging.Formatter) -> None:
    told = line("%s", text, formatter=formatter)
    assert CANARY not in told
    assert HIDDEN in told


def test_the_values_of_secret_settings_are_hidden_wherever_they_stand(settings: Any) -> None:
    settings.SECRET_KEY, settings.XERO_CLIENT_SECRET = f"{CANARY}-1", f"{CANARY}-2"
    settings.XERO_WEBHOOK_KEY, settings.FIELD_ENCRYPTION_KEYS = f"{CANARY}-3", [f"{CANARY}-4", f"{CANARY}-5"]
    told = line("odd: %s", "|".join(f"x{CANARY}-{number}y" for number in range(1, 6)))
    assert CANARY not in told


def test_a_mail_server_without_a_password_breaks_no_line(settings: Any) -> None:
    settings.EMAIL_HOST_PASSWORD = None
    assert json.loads(line("all is well"))["message"] == "all is well"


def test_ordinary_words_are_left_as_they_are() -> None:
    text = "Job 7: 3 tokens renewed, code 200, INV-1 basic plan for Bolt Ltd at https://go.xero.com/app/!x/view/1"
    assert without_secrets(text) == text


def test_a_traceback_hides_secrets_too() -> None:
    try:
        int(f"refresh_token={CANARY}")
    except ValueError:
        told = line("it failed", exc_info=sys.exc_info())
    assert "ValueError" in told
    assert CANARY not in told


def test_a_line_is_one_json_object_that_names_job_and_request() -> None:
    with about_request("abcdef123456"), about_job(7):
        told = line("two\nlines of %s", "text")
    assert "\n" not in told
    found = json.loads(told)
    assert (found["message"], found["job"], found["request_id"]) == ("two\nlines of text", 7, "abcdef123456")
    assert (found["level"], found["logger"]) == ("warning", "xero_sync.test")
    assert "job" not in json.loads(line("outside"))


@pytest.mark.django_db
def test_each_answer_bears_the_id_of_its_request(client: Client, caplog: Any) -> None:
    given = client.get("/healthz", headers={"X-Request-ID": "from-the-proxy-1"})
    assert given.headers["X-Request-ID"] == "from-the-proxy-1"
    forged = client.get("/healthz", headers={"X-Request-ID": "x\r\nSet-Cookie: a=b"})
    assert len(forged.headers["X-Request-ID"]) == 32


@pytest.mark.django_db
def test_a_request_is_logged_without_its_query(client: Client) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(Json().format(record))

    handler, logger = Keep(), logging.getLogger("bmsxero.requests")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        client.get(f"/finance/xero/callback/?code={CANARY}&state={CANARY}")
        client.get("/nowhere%0Aforged")
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    callback, forged = (json.loads(each) for each in lines)
    assert (callback["path"], callback["method"]) == ("/finance/xero/callback/", "GET")
    assert CANARY not in str(callback)
    assert forged["path"] == "/nowhere\\nforged"


def test_sentry_gets_no_body_no_headers_and_no_secret() -> None:
    event = {
        "request": {"url": "https://x/y", "headers": {"Cookie": CANARY}, "data": CANARY, "query_string": CANARY},
        "exception": {"values": [{"value": f"Bearer {CANARY}"}]},
    }
    told = clean(event)
    assert CANARY not in str(told)
    assert told["request"] == {"url": "https://x/y"}
