"""The only caller of Xero's accounting API. xero-python inside, plain data and errors.py outside.

From xero-python come the models (they catch misspelt fields) and the connection pool. What it does badly is
kept out (measured with 15.2.0): its automatic retries, which repeat a PUT that timed out; the token object that
all its clients share; its missing time limit; its serialiser, which puts binary fractions and invented fields
on the wire; its deserialiser, which fails on values Xero really sends.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import urllib3
from django.conf import settings
from urllib3 import exceptions as http
from urllib3.util import Retry
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.models import BaseModel

from xero_sync import bounded, clock, credentials, limiter, oauth
from xero_sync.errors import (
    NotFound,
    NotReached,
    PermissionMissing,
    ReconnectNeeded,
    Refused,
    Throttled,
    TimedOut,
    Unanswered,
    XeroError,
)
from xero_sync.models import XeroConnection
from xero_sync.texts import all_storable, may_be_odd, storable

logger = logging.getLogger(__name__)

PAGE_SIZE = 1000
LONGEST_CALL = timedelta(seconds=60)
CONNECT_SECONDS = 3
#: How long a reader sleeps for the limiter before it gives up and lets its caller park the work.
PATIENCE = timedelta(seconds=20)
#: A connection that idled longer may have been closed at the other end; for a write that would be doubt.
IDLE_SECONDS = 20


def deadline() -> timedelta:
    """Return how long one call may take in all: it must end well inside the lease of who makes it."""
    return min(LONGEST_CALL, timedelta(seconds=settings.XERO_LEASE_SECONDS) * 6 / 10)


# --- JSON --------------------------------------------------------------------------------------------


def encode(value: Any) -> str:
    """Return an SDK model as canonical JSON: exact decimals as numbers, ISO dates, only the fields that were set."""
    match value:
        case Decimal():
            return f"{value:f}"
        case str() | bool() | int():
            return _json(value)
        case BaseModel():
            return "{" + ",".join(_fields(value)) + "}"
        case list():
            return "[" + ",".join(map(encode, value)) + "]"
        case Enum():
            return _json(value.value)
        case date():
            return f'"{value.isoformat()}"'
    raise TypeError(f"{type(value).__name__} has no place in a request to Xero")


#: Made once: `json.dumps` with an option of its own makes an encoder for each call.
_json = json.JSONEncoder(ensure_ascii=False).encode


def _fields(model: BaseModel) -> Iterator[str]:
    """Yield a model's fields. A model's own dict has them as "_name", in the order of its attribute map; going
    through its dozens of properties takes five times as long."""
    model_class: Any = type(model)
    names = _names(model_class)
    for private, value in vars(model).items():
        if value is not None and private in names:
            yield names[private] + (_json(value) if type(value) is str else encode(value))


@cache
def _names(model: Any) -> dict[str, str]:
    """Return how Xero spells a model's fields, as JSON, by their names in the model's own dict."""
    return {
        f"_{attribute}": f"{_json(name)}:"
        for attribute, name in model.attribute_map.items()
        # the SDK sets has_attachments and its like to False by itself
        if not attribute.startswith("has_")
    }


def decode(body: bytes) -> Any:
    """Read Xero's JSON: amounts as exact Decimals, anything else as it comes. Raises Unanswered if it is cut."""
    odd = may_be_odd(body)
    try:
        # A bare NUL is no JSON at all, and says nothing
        decoded = json.loads(body.replace(b"\0", b"") if odd else body, parse_float=Decimal, parse_int=_whole_number)
    except ValueError:
        raise Unanswered("Xero's answer could not be read.") from None
    return all_storable(decoded) if odd else decoded


def _whole_number(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 19 else Decimal(digits)


# --- One call ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What came back, whatever it says."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def correlation_id(self) -> str:
        return self.headers.get("xero-correlation-id", "")


class Gateway:
    """Calls Xero for one connection. Reads are complete here; of a write only the wire is, for the outbox."""

    def __init__(self, connection: XeroConnection, *, background: bool = True) -> None:
        self.connection_id = connection.pk
        self.tenant_id = connection.tenant_id
        self.background = background
        self.calls = 0
        #: What Xero's clock said in the last answer to a read
        self.answered_at: datetime | None = None
        #: Called now and then during long reads, so that whoever holds a lease can renew it.
        self.keep_alive: Callable[[], object] = lambda: None
        self._used = time.monotonic()
        client = ApiClient(Configuration(), pool_threads=1)
        # A token object of its own: Configuration hands the same one to every client
        app = credentials.current()
        client.configuration.oauth2_token = OAuth2Token(client_id=app.client_id, client_secret=app.client_secret)
        self._pool: urllib3.PoolManager = client.rest_client.pool_manager
        self._pool.pool_classes_by_scheme = bounded.POOLS
        self._pool.connection_pool_kw["retries"] = Retry(total=False)

    # --- reads

    def read(
        self, path: str, params: Mapping[str, Any] | None = None, *, modified_since: datetime | None = None
    ) -> dict[str, Any]:
        """GET `path` and return the decoded envelope. Sleeps a little for the limiter, renews the token once.

        Raises any of errors.py; Unanswered and NotReached may simply be tried again later.
        """
        url = f"{path}?{urlencode(params, quote_via=quote)}" if params else path
        headers = {}
        if modified_since:
            # UTC without zone and fraction is the only form that Xero documents
            headers["If-Modified-Since"] = modified_since.strftime("%Y-%m-%dT%H:%M:%S")
        token = oauth.access_token(self.connection_id)
        answer = self._limited_get(url, headers, token)
        if answer.status == 401 and not lacks_scope(answer):
            token = oauth.access_token(self.connection_id, refused=token)
            answer = self._limited_get(url, headers, token)
        if answer.status == 304:
            return {}
        return self.interpret(answer)

    def pages(
        self,
        endpoint: str,
        params: Mapping[str, Any] | None = None,
        *,
        modified_since: datetime | None = None,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the elements of a paged endpoint, up to a thousand per call."""
        page = 1
        while True:
            envelope = self.read(
                endpoint,
                {**(params or {}), "page": page, "pageSize": page_size},
                modified_since=modified_since,
            )
            elements: list[dict[str, Any]] = envelope.get(endpoint) or []
            yield elements
            pages = (envelope.get("pagination") or {}).get("pageCount")
            # Older answers lack the pagination block
            if (page >= pages) if pages is not None else (len(elements) < page_size):
                return
            page += 1

    def _limited_get(self, url: str, headers: dict[str, str], token: str) -> Answer:
        self.keep_alive()
        slot = self._wait_for_slot()
        answer = None
        try:
            answer = self.exchange("GET", url, token=token, headers=headers)
        except TimedOut:
            raise  # Xero may still be at it: the slot is kept until it expires
        except XeroError:
            self.release(slot, None)
            raise
        self.release(slot, answer)
        self.answered_at = _moment(answer.headers.get("date", ""))
        return answer

    def _wait_for_slot(self) -> str:
        end = time.monotonic() + PATIENCE.total_seconds()
        while True:
            try:
                return self.acquire()
            except Throttled as error:
                wait = (error.until - clock.now()).total_seconds()
                if time.monotonic() + wait > end:
                    raise
                time.sleep(min(max(0.05, wait), 1))
                self.keep_alive()

    # --- the pieces that the outbox puts together for a write

    def acquire(self) -> str:
        """Take one of the organisation's slots. Raises Throttled."""
        return limiter.acquire(self.connection_id, hold=2 * deadline(), background=self.background)

    def release(self, slot: str, answer: Answer | None) -> None:
        """Give the slot back, with what Xero said of its limits."""
        limiter.release(self.connection_id, slot, answer.headers if answer else {}, answer.status if answer else None)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        token: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        start_by_ns: int | None = None,
    ) -> Answer:
        """Make one HTTP call, once, inside the deadline. Touches no database, so threads may call it.

        Raises NotReached if nothing was sent, Unanswered if something may have been. After `start_by_ns` of the
        monotonic clock it does not begin: a process that was frozen must not send what others have given up.
        """
        sent = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": f"Bearer {token}",
            "xero-tenant-id": self.tenant_id,
            **({"Content-Type": "application/json; charset=utf-8"} if body is not None else {}),
            **(headers or {}),
        }
        if time.monotonic() - self._used > IDLE_SECONDS:
            self._pool.clear()
        self._used = time.monotonic()
        self.calls += 1
        if start_by_ns is not None and time.monotonic_ns() > start_by_ns:
            raise NotReached("This worker was held up before it could send. Nothing was sent.")
        try:
            response = self._pool.request(
                method,
                f"{credentials.address('XERO_API_URL')}/{path}",
                headers=sent,
                body=body,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, total=deadline().total_seconds()),
                redirect=False,
                preload_content=False,
            )
            answer = Answer(
                response.status,
                {name.lower(): value for name, value in response.headers.items()},
                response.read(decode_content=True),
            )
            response.release_conn()
        except (http.NewConnectionError, http.ConnectTimeoutError):
            raise NotReached(
                f"Xero can't be reached at {credentials.address('XERO_API_URL')}. Nothing was sent."
            ) from None
        except http.SSLError as error:
            if isinstance(error.args[0] if error.args else None, ssl.SSLCertVerificationError):
                raise NotReached("Xero's certificate can't be verified. Nothing was sent.") from None
            raise Unanswered("The connection to Xero broke.") from None
        except http.TimeoutError:
            raise TimedOut from None
        except (http.HTTPError, OSError):
            raise Unanswered("The connection to Xero broke.") from None
        if answer.status >= 400:
            logger.info("%s %s answered %s %s", method, path, answer.status, answer.correlation_id)
        return answer

    def interpret(self, answer: Answer) -> dict[str, Any]:
        """Return the decoded envelope of a good answer; raise the error that says what to do about a bad one."""
        match answer.status:
            case 200:
                decoded = decode(answer.body)
                if not isinstance(decoded, dict):
                    raise Unanswered("Xero's answer could not be read.")
                return decoded
            case 204:
                return {}
            case 400 | 413:
                raise refusal(answer)
            case 401 if lacks_scope(answer):
                oauth.mark_reconnect(self.connection_id, PermissionMissing().message)
                raise PermissionMissing
            case 401 | 403:
                reason = "Xero no longer lets us into this organisation."
                oauth.mark_reconnect(self.connection_id, reason)
                raise ReconnectNeeded(reason)
            case 404:
                raise NotFound
            case 429:
                until, why = limiter.pause(answer.headers, clock.now())
                raise Throttled(until, why)
        raise Unanswered(f"Xero answered with an error of its own ({answer.status}).")


def _moment(header: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(header)
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def lacks_scope(answer: Answer) -> bool:
    """Say whether a 401 is about permissions. Xero itself spells insufficient_scope in two ways."""
    return "insuffic" in answer.headers.get("www-authenticate", "")


def refusal(answer: Answer) -> Refused:
    """Read a complete "no": the general message and the elements, each with its own."""
    try:
        decoded = decode(answer.body)
    except Unanswered:
        return Refused(storable(answer.body.decode(errors="replace")[:500]))
    if not isinstance(decoded, dict):
        return Refused(str(decoded)[:500])
    elements = [each for each in decoded.get("Elements") or [] if isinstance(each, dict)]
    words = [message for each in elements for message in told(each).errors]
    return Refused("; ".join(dict.fromkeys(words)) or str(decoded.get("Message") or "Xero refused it."), elements)


class Told(NamedTuple):
    """What Xero says of an element, its lines and its contact, each sentence once."""

    errors: list[str]
    warnings: list[str]


def told(element: Any) -> Told:
    """Collect the messages in an element of an answer, however deep they are."""
    errors, warnings = dict[str, None](), dict[str, None]()
    left = [element] if isinstance(element, (dict, list)) else []
    while left:
        each = left.pop()
        if type(each) is dict:
            for name, found in (("ValidationErrors", errors), ("Warnings", warnings)):
                if messages := each.get(name):
                    # one sample of Xero's has Description where the others have Message
                    found |= {str(one.get("Message") or one.get("Description") or ""): None for one in messages}
            each = list(each.values())
        # Backwards, as the last is looked into first
        left += [inner for inner in reversed(each) if type(inner) is dict or (inner and type(inner) is list)]
    return Told([words for words in errors if words], [words for words in warnings if words])
