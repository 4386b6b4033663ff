"""Sentry, where SENTRY_DSN is set. The package is optional: `pip install sentry-sdk`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from bmsxero import __version__


def start(dsn: str, *, environment: str) -> None:
    """Report exceptions to Sentry: without bodies, cookies, headers, people or local variables, which may hold a
    token."""
    try:
        import sentry_sdk
    except ImportError:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set, but sentry-sdk is not installed: pip install sentry-sdk"
        ) from None
    sentry_sdk.init(
        dsn,
        release=__version__,
        environment=environment,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        before_send=clean,
    )


def clean(event: Any, _hint: Any = None) -> Any:
    """Take the request apart from its path, and every secret, out of an event."""
    from bmsxero.logs import context, without_secrets

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(each) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each) for each in value]
        return without_secrets(value) if isinstance(value, str) else value

    request = event.get("request") or {}
    event["request"] = {name: request[name] for name in ("method", "url") if name in request}
    event.setdefault("tags", {}).update(context())
    return walk(event)
