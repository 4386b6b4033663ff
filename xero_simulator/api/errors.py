"""Every way in which the API says no."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse

from xero_simulator.api import wire

ZERO_ID = str(uuid.UUID(int=0))


class ApiError(Exception):
    status = 400

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def body(self) -> dict[str, Any]:
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        return {}

    def response(self) -> HttpResponse:
        return HttpResponse(
            wire.dumps(self.body()),
            status=self.status,
            content_type="application/json",
            headers=self.headers(),
        )


class _Gateway(ApiError):
    """Refused before the accounting API saw it; the answer has another shape than the API's own."""

    title = ""

    def body(self) -> dict[str, Any]:
        return {
            "Type": None,
            "Title": self.title,
            "Status": self.status,
            "Detail": self.message,
            "Instance": str(uuid.uuid4()),
            "Extensions": {},
        }


class Unauthorised(_Gateway):
    status = 401
    title = "Unauthorized"

    def __init__(self, message: str, *, www_authenticate: str = "") -> None:
        super().__init__(message)
        self.www_authenticate = www_authenticate

    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.www_authenticate} if self.www_authenticate else {}


class InsufficientScope(Unauthorised):
    def __init__(self, scopes: set[str]) -> None:
        wanted = " ".join(sorted(scopes))
        super().__init__(
            "AuthorizationUnsuccessful",
            www_authenticate=f'Bearer error="insufficient_scope", scope="{wanted}"',
        )


class Forbidden(_Gateway):
    status = 403
    title = "Forbidden"


class _Numbered(ApiError):
    number = 10
    type = "ValidationException"

    def body(self) -> dict[str, Any]:
        return {"ErrorNumber": self.number, "Type": self.type, "Message": self.message}


class BadBody(_Numbered):
    number, type = 14, "PostDataInvalidException"


class BadQuery(_Numbered):
    number, type = 16, "QueryParseException"


class TooManyResults(_Numbered):
    def __init__(self) -> None:
        super().__init__("The request matches more than 100,000 records. Ask for pages, or use a filter.")


class NotFound(_Numbered):
    status = 404
    number, type = 17, "ObjectNotFoundException"

    def __init__(self, message: str = "The resource you're looking for cannot be found") -> None:
        super().__init__(message)


class NotImplementedByApi(_Numbered):
    status = 405
    number, type = 20, "ApiMethodNotImplementedException"

    def __init__(self, message: str = "The Api Method called is not implemented") -> None:
        super().__init__(message)


class TooLarge(_Numbered):
    status = 413
    number, type = 14, "PostDataInvalidException"


class NotAcceptable(ApiError):
    status = 406

    def response(self) -> HttpResponse:
        # Xero's own default is XML; the simulator says so rather than speak it.
        text = "<Error>Send Accept: application/json. The simulated Xero does not speak XML.</Error>"
        return HttpResponse(text, status=self.status, content_type="text/xml")


class ServerFailure(_Numbered):
    status = 500
    number, type = 500, "UnknownErrorException"

    def __init__(
        self,
        message: str = "An error occurred in Xero. Check the API Status page for current service status.",
    ) -> None:
        super().__init__(message)


class ValidationRefused(_Numbered):
    """400 for a write: holds the failed elements only, although the others have been saved."""

    def __init__(self, elements: list[dict[str, Any]]) -> None:
        super().__init__("A validation exception occurred")
        self.elements = elements

    def body(self) -> dict[str, Any]:
        return {**super().body(), "Elements": self.elements}


class LimitReached(ApiError):
    status = 429

    def __init__(self, problem: str, retry_after: int | str | None) -> None:
        super().__init__(problem)
        self.retry_after = retry_after

    def headers(self) -> dict[str, str]:
        # Blank, too, is no header: some answers lack what the documentation promises.
        wait = {} if self.retry_after in (None, "") else {"Retry-After": str(self.retry_after)}
        return {"X-Rate-Limit-Problem": self.message, **wait}

    def response(self) -> HttpResponse:
        return HttpResponse(status=self.status, headers=self.headers())
