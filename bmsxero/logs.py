"""Log lines that say which request and which job they belong to, and never hold a secret.

A formatter of the standard library rather than a logging library: whatever Django, Celery or urllib3 logs goes
through it, too, and the secrets are taken out of the finished text, tracebacks included.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

#: What is being worked on, in this thread: put beside every line.
_request: ContextVar[str] = ContextVar("request", default="")
_job: ContextVar[int | None] = ContextVar("job", default=None)

HIDDEN = "[hidden]"
#: What looks like a secret, whoever logs it.
SECRETS = (
    re.compile(r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}"),
    re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]+){0,2}"),  # every JSON web token begins so
    re.compile(r"gAAAA[\w=-]{20,}"),  # what Fernet encrypted
    re.compile(
        r"(?i)(access_token|refresh_token|client_secret|code_verifier|id_token|password|sessionid|csrftoken)"
        r"""(["']?\s*[=:]\s*["']?)[^\s"'&,;}]+"""
    ),
    re.compile(r"(?i)([?&]code=)[^\s&\"']+"),
    re.compile(r"(\w+://[^\s:/@]*:)[^\s@/]+(?=@)"),  # the password in a database's address
)
#: Settings whose very values are never written.
SECRET_SETTINGS = ("SECRET_KEY", "XERO_CLIENT_SECRET", "XERO_WEBHOOK_KEY", "METRICS_TOKEN", "EMAIL_HOST_PASSWORD")
_ID = re.compile(r"[\w.-]{8,64}")


def without_secrets(text: str) -> str:
    """Return a text with everything that is, or looks like, a secret taken out."""
    for value in _secret_values():
        text = text.replace(value, HIDDEN)
    for pattern in SECRETS:
        text = pattern.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    kept = "".join(part for part in match.groups() if part)
    return f"{kept} {HIDDEN}" if kept.isalpha() else f"{kept}{HIDDEN}"


def _secret_values() -> Iterator[str]:
    for value in (*(getattr(settings, name, None) for name in SECRET_SETTINGS), *settings.FIELD_ENCRYPTION_KEYS):
        if value and len(value) >= 8:  # a mail server without a password has None
            yield value


class Lines(logging.Formatter):
    """One readable line, for people at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        about = "".join(f" {name}={value}" for name, value in context().items())
        return without_secrets(super().format(record) + about)


class Json(logging.Formatter):
    """One JSON object for each line, for whatever collects logs."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **context(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        # Each value by itself, so that what is hidden can't break the JSON
        return json.dumps({name: _clean(value) for name, value in line.items()}, ensure_ascii=False)


def _clean(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else without_secrets(str(value))


def context() -> dict[str, Any]:
    """Return what lines are about just now: the request, the job."""
    told: dict[str, Any] = {"request_id": _request.get(), "job": _job.get()}
    return {name: value for name, value in told.items() if value}


def request_id() -> str:
    """Return the id of the request at hand, also in a task that it started; blank outside of one."""
    return _request.get()


@contextmanager
def about_job(number: int) -> Iterator[None]:
    """Put the number of a job beside every line that is logged meanwhile."""
    token = _job.set(number)
    try:
        yield
    finally:
        _job.reset(token)


@contextmanager
def about_request(identity: str) -> Iterator[None]:
    """Put the id of a request beside every line that is logged meanwhile."""
    token = _request.set(identity)
    try:
        yield
    finally:
        _request.reset(token)


class RequestLog:
    """Gives each request an id, answers with it, and logs one line: the path without its query, which may hold a
    code of Xero's."""

    logger = logging.getLogger("bmsxero.requests")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get("X-Request-ID", "")
        identity = given if _ID.fullmatch(given) else uuid.uuid4().hex
        start = time.monotonic_ns()
        with about_request(identity):
            response = self.get_response(request)
            response.headers["X-Request-ID"] = identity
            self._log(request, response, (time.monotonic_ns() - start) // 1_000_000)
        return response

    def _log(self, request: HttpRequest, response: HttpResponseBase, milliseconds: int) -> None:
        path = request.path.encode("unicode_escape").decode()[:300]  # a line break would forge a line
        fields = {
            "method": request.method,
            "path": path,
            "status": response.status_code,
            "ms": milliseconds,
            "user": self._user(request),
        }
        level = logging.WARNING if response.status_code >= 500 else logging.INFO
        words = "%s %s %s %s ms"
        self.logger.log(
            level, words, request.method, path, response.status_code, milliseconds, extra={"fields": fields}
        )

    @staticmethod
    def _user(request: HttpRequest) -> int | None:
        user = getattr(request, "user", None)
        try:
            return user.pk if user and user.is_authenticated else None
        except DatabaseError:  # that it is away has been answered already
            return None
