"""What is done with the sites of an account."""

from __future__ import annotations

from django.db import transaction

from bmsxero import history
from crm.models import Account, Site


def why_not_delete(site: Site) -> str:
    """Return why a site may not be deleted, in plain words; blank where it may."""
    used = site.invoices.count()
    if used:
        return f"{used} {'invoice uses' if used == 1 else 'invoices use'} it."
    if site.is_main:
        return "It is the main site. Make another one the main site first."
    return ""


def make_main(site: Site) -> None:
    """Let the site be the main one, and no other of its account."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=site.account_id)
        changed = list(Site.objects.filter(account=site.account_id, is_main=True).exclude(pk=site.pk))
        history.begin([*changed, site])
        for other in changed:  # first, as there may be one main site only
            other.is_main = False
            other.save(update_fields=["is_main", "updated"])
        site.is_main = True
        site.save(update_fields=["is_main", "updated"])
