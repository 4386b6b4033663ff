"""What Xero tells us by itself: that something changed. A hint that brings the next reading forward, no more.

Nothing in an event is believed or fetched; what is true is read from Xero, as ever.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings

from xero_sync import clock, pulse, schedule
from xero_sync.models import WebhookEvent, XeroConnection
from xero_sync.texts import storable

logger = logging.getLogger(__name__)

#: Xero's own bodies are far smaller.
LARGEST = 1_000_000
#: What may mean that a customer has paid. There is no event for payments.
MONEY = {"INVOICE", "CREDITNOTE", "PREPAYMENT", "OVERPAYMENT"}
#: Xero repeats what it could not deliver for a day; older news is no reason to hurry.
STALE = timedelta(days=1)


def is_genuine(body: bytes, signature: str) -> bool:
    """Say whether Xero signed these very bytes with our key."""
    digest = hmac.new(settings.XERO_WEBHOOK_KEY.encode(), body, hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest), signature.encode("utf-8", "replace"))


def receive(body: bytes) -> int:
    """Store what is new in a genuine body, of organisations that we know, and hurry their schedules. Return how many
    events were new.

    What can't be read is left alone: Xero would send it again and again, and it would read no better.
    """
    events = [event for event in _events(body) if event["tenant_id"]]
    if not events:
        return 0
    pulse.beat(pulse.WEBHOOK)
    known = set(
        XeroConnection.objects.filter(
            tenant_id__in={event["tenant_id"] for event in events}, state=XeroConnection.State.CONNECTED
        ).values_list("tenant_id", flat=True)
    )
    mine = {_mark(event): event for event in events if event["tenant_id"] in known}
    before = WebhookEvent.objects.filter(sha256__in=mine).values_list("sha256", flat=True)
    for mark in list(before):
        del mine[mark]
    now = clock.now()
    # Another process may be storing the same event this very moment
    WebhookEvent.objects.bulk_create(
        (WebhookEvent(sha256=mark, received_at=now, **event) for mark, event in mine.items()), ignore_conflicts=True
    )
    schedule.hurry(
        {each["tenant_id"] for each in mine.values() if each["category"] in MONEY and _is_news(each["happened"], now)}
    )
    return len(mine)


def _events(body: bytes) -> list[dict[str, str]]:
    try:
        events = json.loads(body)["events"]
        return [_event(each) for each in events]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        logger.warning("a webhook with a good signature can't be read (%s bytes)", len(body))
        return []


def _event(each: dict[str, Any]) -> dict[str, str]:
    def text(name: str, longest: int) -> str:
        return storable(str(each.get(name) or ""))[:longest]

    return {
        "tenant_id": text("tenantId", 50),
        "category": text("eventCategory", 30).upper(),
        "event_type": text("eventType", 30).upper(),
        "resource_id": text("resourceId", 50),
        "happened": text("eventDateUtc", 40),
    }


def _mark(event: dict[str, str]) -> str:
    return hashlib.sha256("\n".join(event.values()).encode("utf-8", "replace")).hexdigest()


def _is_news(happened: str, now: datetime) -> bool:
    try:
        time = datetime.fromisoformat(happened)
    except ValueError:
        return True
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) > now - STALE
