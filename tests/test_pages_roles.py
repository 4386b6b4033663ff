"""Who may open what: nobody but those a view names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from bmsxero.roles import ADMINS, EVERYONE, READERS, WRITERS, Role, roles_of, who
from bmsxero.sign_in import Backend
from tests.conftest import ClientOf
from tests.records import account, account_code, invoice, item, payment, site, tax

pytestmark = pytest.mark.django_db

#: Reached without signing in, on purpose.
OPEN = ("login/", "logout/", "healthz", "readyz", "metrics", "^hooks/", "sim/", "static/", "django-admin/login/")

READ, WRITE = READERS, WRITERS
ITEMS = {
    "products": "product",
    "services": "service",
    "work-types": "work_type",
    "expense-types": "expense_type",
    "discount-types": "discount_type",
}
STEPS = ("edit/", "delete/")
ADMIN_LISTS = (
    *(f"{page}{end}" for page in ("account-codes", "taxes", *ITEMS) for end in ("/", ".csv")),
    *(f"billing/{page}{end}" for page in ITEMS for end in ("/", ".csv")),
    "billing/",
)
PATHS: tuple[tuple[str, str, tuple[Role, ...]], ...] = (
    ("get", "/", EVERYONE),
    ("get", "/search/?q=x", EVERYONE),
    ("get", "/help/", EVERYONE),
    ("get", "/welcome/", WRITE),
    ("get", "/finance/", READ),
    ("get", "/finance/xero/setup/app/", EVERYONE),
    ("post", "/finance/xero/setup/app/", ADMINS),
    ("post", "/finance/xero/setup/health/", ADMINS),
    ("get", "/finance/xero/simulator/", EVERYONE),
    ("get", "/crm/accounts/", READ),
    ("get", "/crm/accounts.csv", READ),
    ("get", "/crm/accounts/1/", READ),
    ("get", "/crm/accounts/new/", WRITE),
    ("get", "/crm/accounts/1/edit/", WRITE),
    ("post", "/crm/accounts/1/active/", WRITE),
    ("get", "/crm/accounts/1/sites/new/", WRITE),
    ("get", "/crm/sites/1/edit/", WRITE),
    ("post", "/crm/sites/1/main/", WRITE),
    ("post", "/crm/sites/1/delete/", WRITE),
    ("get", "/finance/invoices/", READ),
    ("get", "/finance/invoices.csv", READ),
    ("get", "/finance/invoices/1/", READ),
    ("post", "/finance/invoices/mark/", WRITE),
    ("get", "/finance/invoices/new/", WRITE),
    ("get", "/finance/invoices/1/edit/", WRITE),
    ("get", "/finance/invoices/pick/items/", WRITE),
    ("get", "/finance/invoices/1/print/", READ),
    ("get", "/finance/invoices/1/xero/", READ),
    ("post", "/finance/invoices/1/void/", WRITE),
    ("post", "/finance/invoices/1/delete/", WRITE),
    ("get", "/finance/xero/export/", WRITE),
    ("get", "/finance/xero/export/accounts/", WRITE),
    ("get", "/finance/xero/export/chart-of-accounts/", WRITE),
    ("get", "/finance/xero/export/items/", WRITE),
    ("get", "/finance/xero/import/", WRITE),
    ("get", "/finance/xero/import/accounts/", WRITE),
    ("post", "/finance/xero/import/accounts/load/", WRITE),
    ("get", "/finance/xero/import/chart-of-accounts/", WRITE),
    ("get", "/finance/xero/import/items/", WRITE),
    ("get", "/finance/xero/import/items/options/", WRITE),
    ("get", "/finance/payments/", READ),
    ("get", "/finance/payments.csv", READ),
    ("get", "/finance/payments/1/", READ),
    ("get", "/finance/payments/new/?invoice=1", WRITE),
    ("post", "/finance/payments/1/reverse/", WRITE),
    *(("get", f"/admin/finance/{page}", READ) for page in ADMIN_LISTS),
    *(("get", f"/admin/finance/{page}new/", ADMINS) for page in ("account-codes/", "taxes/")),
    *(("get", f"/admin/finance/{page}/1/{step}", ADMINS) for page in ("account-codes", "taxes") for step in STEPS),
    *(("post", f"/admin/finance/{page}/1/active/", ADMINS) for page in ("account-codes", "taxes")),
    *(("get", f"/admin/finance/{page}/1/", READ) for page in ("account-codes", "taxes", *ITEMS)),
    *(("get", f"/admin/finance/{page}/new/", WRITE) for page in ITEMS),
    *(("get", f"/admin/finance/{page}/1/{step}", WRITE) for page in ITEMS for step in STEPS),
    *(("post", f"/admin/finance/{page}/1/active/", WRITE) for page in ITEMS),
    *(("post", f"/admin/finance/billing/{page}/", ADMINS) for page in ITEMS),
    ("post", "/admin/finance/billing/", ADMINS),
)


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def guarded() -> list[str]:
    found = routes(get_resolver().url_patterns)
    return [route for route, _ in found if not route.startswith((*OPEN, "django-admin/"))]


def test_every_view_names_the_roles_it_lets_in() -> None:
    views = dict(routes(get_resolver().url_patterns))
    assert [route for route in guarded() if not getattr(views[route], "roles", None)] == []


PARTS = sorted({"/".join(route.split("/")[:2]) for route in guarded()})


def part_of(part: str) -> list[str]:
    return [route for route in guarded() if "/".join(route.split("/")[:2]) == part]


@pytest.mark.parametrize("part", PARTS)
def test_a_stranger_is_sent_to_sign_in(stranger: Client, part: str) -> None:
    for route in part_of(part):
        path = "/" + _filled(route)
        for answer in (stranger.get(path), stranger.post(path)):
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/login/?next="), path


@pytest.mark.parametrize("part", PARTS)
def test_every_address_turns_away_the_roles_that_its_view_does_not_name(client_of: ClientOf, part: str) -> None:
    """Whatever the address, whatever the method: 403 for these, and for no other on reading."""
    clients = {role: client_of(role) for role in Role}
    views = dict(routes(get_resolver().url_patterns))
    for route in part_of(part):
        path, allowed = "/" + _filled(route), roles_of(views[route])
        for role, client in clients.items():
            assert (client.get(path).status_code == 403) == (role not in allowed), (path, role)
            assert role in allowed or client.post(path).status_code == 403, (path, role)


def _filled(route: str) -> str:
    for shape, sample in SAMPLES.items():
        route = route.replace(shape, sample)
    assert "<" not in route, f"give a sample for {route}"
    return route


SAMPLES = {
    "<int:pk>": "1",
    "<int:number>": "1",
    "<int:line>": "1",
    "<uuid:uuid>": "6c1ff0a4-0b1e-4a57-9a43-1fdd6a8f52a5",
    "<str:kind>": "invoices",
    "<slug:kind>": "invoices",
}


def admin_record(page: str) -> Any:
    if page in ITEMS:
        return item(kind=ITEMS[page])
    return account_code() if page == "account-codes" else tax()


@pytest.mark.parametrize(("method", "path", "roles"), PATHS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_page_opens_for_its_roles_and_for_no_other(
    client_of: ClientOf, method: str, path: str, roles: tuple[Role, ...]
) -> None:
    """What the specification says of each page, whatever its view says."""
    made = payment(invoice(of=account()), "10")  # still a draft
    path = path.replace("/accounts/1/", f"/accounts/{made.account_id}/")
    path = path.replace("/invoices/1/", f"/invoices/{made.invoice_id}/").replace(
        "/payments/1/", f"/payments/{made.pk}/"
    )
    if path.startswith("/admin/") and "/1/" in path:
        path = path.replace("/1/", f"/{admin_record(path.split('/')[3]).pk}/")
    data = {"active": "no"} if path.endswith("/active/") else {}
    path = path.replace("/sites/1/", f"/sites/{site(made.account).pk}/")
    path = path.replace("?invoice=1", f"?invoice={made.invoice_id}")
    # Those who are turned away first: they must change nothing for those who are let in
    for role in sorted(Role, key=lambda each: each in roles):
        answer = getattr(client_of(role), method)(path, data)
        assert (answer.status_code == 403) == (role not in roles), role
        assert answer.status_code in {200, 302, 403}, role


@pytest.mark.parametrize(
    ("roles", "allowed", "expected"),
    [
        ({Role.VIEWER}, WRITERS, False),
        ({Role.VIEWER, Role.FINANCE}, WRITERS, True),
        ({Role.ADMIN}, READERS, True),
        (set(), EVERYONE, False),
    ],
)
def test_roles_combine(roles: set[Role], allowed: tuple[Role, ...], expected: bool) -> None:
    from bmsxero.roles import Who

    assert Who(frozenset(roles)).any_of(allowed) is expected


def test_a_superuser_counts_as_finance_admin(django_user_model: Any) -> None:
    me = who(django_user_model.objects.create_superuser("root"))
    assert me.any_of(ADMINS)
    assert me.label == "Finance admin"


def test_a_user_who_was_switched_off_is_signed_out(reader: Client, django_user_model: Any) -> None:
    assert reader.get("/").status_code == 200
    django_user_model.objects.update(is_active=False)
    assert reader.get("/").headers["Location"].startswith("/login/")


def test_user_and_roles_are_read_at_once(user_of: Any, django_assert_num_queries: Any) -> None:
    made = user_of(Role.VIEWER)
    made.groups.add(Group.objects.get(name=Role.SUPPORT), Group.objects.create(name="Tennis club"))
    with django_assert_num_queries(1):
        known = Backend().get_user(made.pk)
        assert known is not None
        assert who(known).roles == {Role.VIEWER, Role.SUPPORT}


def test_a_user_without_a_role_opens_nothing(client: Client, django_user_model: Any) -> None:
    client.force_login(django_user_model.objects.create_user("new"))
    answer = client.get("/")
    assert answer.status_code == 403
    assert "You have: No role" in answer.content.decode()
