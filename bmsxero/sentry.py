"""Sentry, where SENTRY_DSN is set: where something broke, and nothing of whom it was about."""

from __future__ import annotations

import re
from typing import Any

from bmsxero import __version__

_ID = re.compile(r"[0-9a-f]{1,8}")


def start(dsn: str, *, environment: str) -> None:
    """Report exceptions and errors to Sentry."""
    import sentry_sdk

    sentry_sdk.init(
        dsn,
        release=__version__,
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,  # lines of the log, which name customers; the log itself stays with us
        before_send=clean,
    )


def clean(event: Any, _hint: Any = None) -> Any:
    """Leave of an event where it happened, in which request and job: neither what was sent and looked up, nor
    secrets."""
    from bmsxero.logs import HIDDEN, context, without_secrets

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(each) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each) for each in value]
        return without_secrets(value) if isinstance(value, str) else value

    request = event.get("request") or {}
    event["request"] = {name: request[name] for name in ("method", "url") if name in request}
    event.pop("extra", None)
    if entry := event.get("logentry"):
        # Numbers of jobs and ids of errors; anything else that would be filled in may be a customer's
        params = [each if _ID.fullmatch(str(each)) else HIDDEN for each in entry.get("params") or []]
        event["logentry"] = {"message": entry.get("message"), "params": params}
    for each in (event.get("exception") or {}).get("values") or []:
        # PostgreSQL tells the values of a row from the second line on
        each["value"] = str(each.get("value") or "").partition("\n")[0]
    event.setdefault("tags", {}).update(context())
    return walk(event)
