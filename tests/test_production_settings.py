"""The settings as production has them: complete, strict, and with secrets from files."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
KEY = "m4fHVbq2yQ6fUoJ7sC1kz0c1nJ0lD8m6wq2o8r0v9bE="
PRODUCTION = {
    "SECRET_KEY": "x8Kq-w3zP_0vR7nT5bY2mJ6hD4gF1sA9cL8eU3iO7pQ5tW2yE6rN4kM1jH9xZ0vB",
    "FIELD_ENCRYPTION_KEYS": KEY,
    "SITE_URL": "https://bms.example.com",
    "XERO_CLIENT_ID": "an-id",
    "XERO_CLIENT_SECRET": "a-secret",
}


def manage(tmp_path: Path, *command: str, drop: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing in the environment but these."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"sqlite:///{tmp_path / 'production.sqlite3'}",
        **{name: value for name, value in PRODUCTION.items() if name not in drop},
        **more,
    }
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def value_of(tmp_path: Path, expression: str, **more: str) -> str:
    script = f"from django.conf import settings; print({expression})"
    told = manage(tmp_path, "shell", "--no-imports", "-c", script, **more)
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


def test_djangos_own_check_for_production_finds_nothing(tmp_path: Path) -> None:
    told = manage(tmp_path, "check", "--deploy", "--fail-level", "INFO")
    assert (told.returncode, told.stdout.strip()) == (0, "System check identified no issues (0 silenced)."), told.stderr


def test_no_migration_is_missing(tmp_path: Path) -> None:
    told = manage(tmp_path, "makemigrations", "--check", "--dry-run")
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FIELD_ENCRYPTION_KEYS"])
def test_it_does_not_start_without_a_secret(tmp_path: Path, missing: str) -> None:
    told = manage(tmp_path, "check", drop=(missing,))
    assert told.returncode != 0
    assert f"{missing} is not set" in told.stderr


def test_any_setting_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret_key"
    secret.write_text(f"{PRODUCTION['SECRET_KEY']}\n")
    database = tmp_path / "database_url"
    database.write_text("postgres://bms:pass%2Fword@db/bms\n")
    told = value_of(
        tmp_path,
        "(settings.SECRET_KEY[-3:], settings.DATABASES['default']['PASSWORD'])",
        SECRET_KEY_FILE=str(secret),
        DATABASE_URL_FILE=str(database),
    )
    assert told == "('0vB', 'pass/word')", "the file's last line break is no part of it"


def test_the_simulated_xero_and_its_ways_round_signing_in_are_gone(tmp_path: Path) -> None:
    assert value_of(tmp_path, "(settings.SIMULATOR, 'xero_simulator' in settings.INSTALLED_APPS)") == "(False, False)"


def test_this_machine_may_ask_for_its_health_by_name(tmp_path: Path) -> None:
    told = value_of(tmp_path, "settings.ALLOWED_HOSTS")
    assert told == "['bms.example.com', 'localhost', '127.0.0.1', '[::1]']"


def test_mail_is_off_until_it_is_said_where_it_goes(tmp_path: Path) -> None:
    expression = "(settings.ALERTS, settings.EMAIL_BACKEND.split('.')[-2], settings.EMAIL_TIMEOUT)"
    assert value_of(tmp_path, expression) == "(False, 'dummy', 10)"
    url = "smtp+tls://user:word@mail.example.com:587"
    assert value_of(tmp_path, expression, EMAIL_URL=url) == "(True, 'smtp', 10)"
    assert value_of(tmp_path, expression, EMAIL_URL=url, ALERTS="0") == "(False, 'smtp', 10)"


FAILING = """
import logging
from django.test import Client
headers = {"Cookie": "sessionid=c4n4ry-1", "Authorization": "Bearer c4n4ry-2", "Host": "localhost"}
client = Client(raise_request_exception=False, headers=headers)
told = client.post("/login/?code=c4n4ry-3", {"username": "c4n4ry-4", "password": "c4n4ry-5"}, secure=True)
assert told.status_code == 500, told
logging.getLogger("xero_sync").info("looked at %s", "c4n4ry-6")
local = "c4n4ry-7"
try:
    raise ValueError(f"duplicate key\\nDETAIL: Key (name)=({local}) already exists")
except ValueError:
    logging.getLogger("xero_sync").exception("Job of %s failed, error %s", local, "d5fa9859")
"""


def test_what_sentry_gets_says_where_it_broke_and_nothing_of_anybody(tmp_path: Path) -> None:
    got: list[bytes] = []

    class Sentry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Sentry) as sentry:
        threading.Thread(target=sentry.serve_forever, daemon=True).start()
        dsn = f"http://public@127.0.0.1:{sentry.server_port}/1"
        told = manage(
            tmp_path,
            *("shell", "--no-imports", "-c", FAILING),
            SENTRY_DSN=dsn,
            DATABASE_URL=f"sqlite:///{tmp_path / 'no folder' / 'x'}",
        )
        sentry.shutdown()
    assert told.returncode == 0, told.stderr
    events = b"\n".join(got).decode()
    assert "OperationalError" in events
    assert "Job of %s failed" in events
    assert "d5fa9859" in events, "the id that people are told leads to the event"
    assert "duplicate key" in events
    assert re.findall(r"c4n4ry-\d", events) == []


def test_logs_are_json_lines(tmp_path: Path) -> None:
    assert value_of(tmp_path, "settings.LOGGING['handlers']['console']['formatter']") == "json"
    told = manage(tmp_path, "check", LOG_FORMAT="xml")
    assert "LOG_FORMAT must be lines or json." in told.stderr


@pytest.mark.parametrize("name", ["docker-compose.yml", ".env.example", "docs/operations.md"])
def test_what_is_named_for_operators_is_a_setting(name: str) -> None:
    """A variable that is misspelt in an example would be ignored without a word."""
    known = set(re.findall(r'env\.\w+\(\s*"(\w+)"', (ROOT / "bmsxero" / "settings.py").read_text()))
    known |= set(re.findall(r'_(?:xero|database)\(\s*"(\w+)"', (ROOT / "bmsxero" / "settings.py").read_text()))
    known |= {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "BMS_SAMPLE", "COMPOSE_PROJECT_NAME", "BMS_IMAGE"}
    known |= {"NAME", "WEB_CONCURRENCY", "PYTHON_IMAGE", "TEST_SERVICES", "TEST_WORKERS"}
    written = set(re.findall(r"(?<![\w/$.-])([A-Z][A-Z]+(?:_[A-Z]+)+)(?![\w*…])", (ROOT / name).read_text()))
    assert {each.removesuffix("_FILE") for each in written} - known == set()
