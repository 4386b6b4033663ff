"""Every kind through the commands, out and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from crm.models import Account
from finance.models import AccountCode, Item
from tests import records
from tests.xero_sync.simulated import SimulatedXero
from tests.xero_sync.test_commands import run
from xero_sync.models import XeroConnection

pytestmark = pytest.mark.django_db


def waited(*words: str) -> tuple[int, dict[str, Any]]:
    code, lines, errors = run(*words, "--wait")
    assert lines[0].startswith("Job# "), errors
    return code, json.loads(lines[-1])


def counts(result: dict[str, Any], *names: str) -> tuple[int, ...]:
    return tuple(result[name] for name in names)


def test_the_three_kinds_go_out_and_a_second_time_nothing_happens(
    connection: XeroConnection, xero: SimulatedXero
) -> None:
    records.account("Bolt Ltd")
    AccountCode.objects.create(code="777", name="Managed services", type="Revenue")
    Item.objects.create(kind="service", name="Backup", taxable=False)
    for kind in ("contacts", "account-codes", "items"):
        code, result = waited("xero_export", kind, "--all")
        assert (code, *counts(result, "created", "failed")) == (0, 1, 0)
        code, result = waited("xero_export", kind, "--all")
        assert (code, *counts(result, "created", "skipped")) == (0, 0, 1)


def test_the_three_kinds_come_in_and_a_second_time_nothing_happens(connection: XeroConnection) -> None:
    for kind, model in (("account-codes", AccountCode), ("contacts", Account), ("items", Item)):
        code, result = waited("xero_import", kind, "--all")
        assert (code, result["created"], result["failed"]) == (0, model._default_manager.count(), 0)
        code, again = waited("xero_import", kind, "--all")
        assert (code, *counts(again, "created", "skipped")) == (0, 0, result["created"])


def test_items_come_in_as_what_was_said(connection: XeroConnection) -> None:
    waited("xero_import", "items", "--all", "--as", "expense_type")
    assert set(Item.objects.values_list("kind", flat=True)) == {"expense_type"}


def test_one_record_can_be_named_by_its_id(connection: XeroConnection, xero: SimulatedXero) -> None:
    wanted = xero.books()["contacts"][0]
    code, result = waited("xero_import", "contacts", "--ids", str(wanted["contact_id"]))
    assert (code, result["created"]) == (0, 1)
    assert Account.objects.get().name == wanted["name"]


def test_a_check_changes_nothing_on_either_side(connection: XeroConnection, xero: SimulatedXero) -> None:
    records.account("Bolt Ltd")
    code, lines, _ = run("xero_export", "contacts", "--all", "--check")
    assert (code, json.loads(lines[-1])["created"]) == (0, 1)
    code, lines, _ = run("xero_import", "items", "--all", "--check")
    assert (code, json.loads(lines[-1])["created"]) == (0, len(xero.books()["items"]))
    assert not xero.ledger()
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("xero_import", "contacts"), "Say which"),
        (("xero_import", "contacts", "--all", "--as", "service"), "--as is for items only"),
        (("xero_import", "contacts", "--all", "--modified-since", "soon"), "write it as"),
    ],
)
def test_a_command_that_makes_no_sense_says_why(connection: XeroConnection, words: tuple[str, ...], says: str) -> None:
    from django.core.management import CommandError

    with pytest.raises(CommandError, match=says):
        run(*words)
