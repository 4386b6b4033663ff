"""The selection of a wizard while a person makes it. It becomes a job's rule: see selection.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from xero_sync import clock
from xero_sync.models import Draft

#: A draft that nobody finished is forgotten after this.
LIFETIME = timedelta(days=7)
Rule = dict[str, Any]
Step = Callable[[Rule], Rule]


def find(token: UUID | None, wizard: str, tenant_id: str) -> Draft:
    """Return a draft; one that nobody has ticked anything in yet chooses nothing."""
    found = Draft.objects.filter(pk=token, kind=wizard, tenant_id=tenant_id).first() if token else None
    return found or Draft(kind=wizard, tenant_id=tenant_id)


def change(
    token: UUID, wizard: str, tenant_id: str, user: User, step: Step, options: dict[str, Any] | None = None
) -> Draft:
    """Apply a step to a draft's rule, keep its options, and return it. The row is locked, so that two tabs lose
    nothing."""
    with transaction.atomic():
        draft, created = Draft.objects.select_for_update().get_or_create(
            pk=token, defaults={"kind": wizard, "tenant_id": tenant_id, "user": user}
        )
        if (draft.kind, draft.tenant_id) != (wizard, tenant_id):
            return Draft(kind=wizard, tenant_id=tenant_id)
        draft.rule = step(draft.rule)
        draft.options |= options or {}
        draft.save(update_fields=["rule", "options"])
        if created:
            Draft.objects.filter(user=user, created__lt=clock.now() - LIFETIME).delete()
        return draft


def tick(shown: Iterable[str], ticked: Iterable[str]) -> Step:
    """Take over the boxes of one page. Saying it twice changes nothing."""
    on = set(ticked)
    off = set(shown) - on

    def step(rule: Rule) -> Rule:
        if rule.get("all"):
            left_out = [key for key in rule.get("except", []) if key not in on]
            return {**rule, "except": [*left_out, *sorted(off.difference(left_out))]}
        chosen = [key for key in rule.get("ids", []) if key not in off]
        return {"ids": [*chosen, *sorted(on.difference(chosen))]}

    return step


def choose_all(filters: dict[str, str]) -> Step:
    """Choose everything that matches the filters, without exceptions."""
    return lambda _: {"all": True, "filters": filters, "except": []}


def choose(keys: Iterable[str]) -> Step:
    """Choose these besides what is chosen already; all that matched a filter gives way to them."""

    def step(rule: Rule) -> Rule:
        return {"ids": list(dict.fromkeys([*rule.get("ids", []), *keys]))}

    return step


def clear(_: Rule) -> Rule:
    """Choose nothing."""
    return {"ids": []}


def is_chosen(rule: Rule) -> Callable[[str], bool]:
    """Return whether a key is chosen, for keys that match the rule's filters."""
    keys = set(rule.get("except" if rule.get("all") else "ids") or [])
    return (lambda key: key not in keys) if rule.get("all") else (lambda key: key in keys)
