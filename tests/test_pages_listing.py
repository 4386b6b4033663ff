"""What every list can do, shown on the list of accounts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django import forms
from django.db import connection
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from bmsxero.listing import Column, Empty, Filter, Listing, Selection
from crm.models import Account
from tests.records import account, invoice, payment

pytestmark = pytest.mark.django_db
LIST = "/crm/accounts/"


def names(response: Any) -> list[str]:
    return [row.record.name for row in response.context["grid"].rows]


def text(response: Any) -> str:
    return response.content.decode()


def test_rows_are_sorted_by_the_column_asked_for(reader: Client) -> None:
    account("Bolt", code="1")
    account("Acme", code="2")
    assert names(reader.get(LIST)) == ["Acme", "Bolt"]
    assert names(reader.get(LIST, {"sort": "code"})) == ["Bolt", "Acme"]
    assert names(reader.get(LIST, {"sort": "-code"})) == ["Acme", "Bolt"]


def test_a_sort_that_does_not_exist_is_the_usual_one(reader: Client) -> None:
    account("Bolt")
    account("Acme")
    assert names(reader.get(LIST, {"sort": "sales_tax__rate"})) == ["Acme", "Bolt"]


def test_the_sorted_column_is_told_to_screen_readers(reader: Client) -> None:
    account()
    page = text(reader.get(LIST, {"sort": "-name"}))
    assert page.count('aria-sort="descending"') == 1
    assert 'href="?sort=name"' in page


def test_links_keep_the_filters(reader: Client) -> None:
    for number in range(30):
        account(f"Acme {number}")
    page = text(reader.get(LIST, {"q": "acme", "rows": "25"}))
    assert "?q=acme&amp;rows=25&amp;page=2" in page
    assert "?q=acme&amp;rows=25&amp;sort=-name" in page


def test_pages_show_every_row_once(reader: Client) -> None:
    for _ in range(60):
        account("Same name")
    pages = [reader.get(LIST, {"rows": "25", "page": str(page)}) for page in (1, 2, 3)]
    seen = [row.record.pk for page in pages for row in page.context["grid"].rows]
    assert len(seen) == len(set(seen)) == 60
    assert "1–25 of <strong>60</strong> rows" in text(pages[0])


@pytest.mark.parametrize(("at_first", "queries"), [(100, 2), (6, 3)])
@pytest.mark.parametrize("asked", ["1", "2", "3", "4", "99"])
def test_every_page_is_there_however_many_rows_are_looked_for_first(at_first: int, queries: int, asked: str) -> None:
    for number in range(10):
        account(f"Acme {number}")
    listing = Listing("Accounts", (Column("name", "Name", sort=("name",)),), Empty("None"), sort="name",
                      page_size=3, at_first=at_first)  # fmt: skip
    with CaptureQueriesContext(
        connection,
    ) as captured:
        grid = listing.grid(RequestFactory().get("/", {"page": asked}), Account.objects.all())
    start = {"1": 0, "2": 3, "3": 6}.get(asked, 9)
    assert [row.record.name for row in grid.rows] == [f"Acme {number}" for number in range(start, min(start + 3, 10))]
    assert grid.total == 10
    assert len(captured) <= queries + (start >= at_first)


class Dear(Filter):
    dear = ("q",)
    q = forms.CharField(required=False)


def test_what_a_dear_filter_matches_is_paged_so_far_and_the_page_says_that_there_is_more(rf: RequestFactory) -> None:
    for number in range(10):
        account(f"Acme {number}")
    listing = Listing("Accounts", (Column("name", "Name", sort=("name",)),), Empty("None"), sort="name",
                      page_size=3, at_first=6, filter=Dear)  # fmt: skip

    def shown(query: dict[str, str]) -> tuple[list[str], str]:
        request = rf.get("/", query)
        grid = listing.grid(request, Account.objects.all(), csv_url="/all.csv")
        page = render_to_string("components/_pager.html", {"grid": grid}, request)
        return [row.record.name for row in grid.rows], page

    assert "of <strong>10</strong> rows" in shown({})[1]
    page = shown({"q": "acme"})[1]
    assert "of <strong>more than 6</strong> rows" in page
    assert "There are more" not in page
    names, page = shown({"q": "acme", "page": "99"})
    assert names == ["Acme 3", "Acme 4", "Acme 5"]
    assert "There are more: narrow the filters, or take the CSV." in page
    file = b"".join(listing.csv(rf.get("/", {"q": "acme"}), Account.objects.all(), "all.csv")).decode()
    assert len(file.splitlines()) == 11


def test_a_number_that_is_known_is_not_counted_again() -> None:
    for number in range(10):
        account(f"Acme {number}")
    listing = Listing("Accounts", (Column("name", "Name", sort=("name",)),), Empty("None"), sort="name", at_first=1)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert listing.grid(RequestFactory().get("/"), Account.objects.all(), total=10).total == 10
    assert not any("COUNT" in each["sql"] for each in captured.captured_queries)


@pytest.mark.parametrize("query", [{"page": "99"}, {"page": "x"}, {"rows": "1000000"}, {"rows": "x"}])
def test_a_nonsense_page_is_still_a_page(reader: Client, query: dict[str, str]) -> None:
    account()
    assert names(reader.get(LIST, query)) == ["Acme"]


def test_a_list_with_nothing_says_what_to_do_next(reader: Client) -> None:
    page = text(reader.get(LIST))
    assert "No accounts yet" in page
    assert "<table" not in page


def test_filters_that_match_nothing_can_be_cleared(reader: Client) -> None:
    account()
    page = text(reader.get(LIST, {"q": "zzz"}))
    assert "Nothing matches" in page
    assert f'href="{LIST}">Clear filters' in page


def test_a_filter_that_cannot_be_read_matches_nothing_and_says_why(reader: Client) -> None:
    invoice()
    answer = reader.get("/finance/invoices/", {"due_from": "yesterday"})
    assert answer.context["grid"].total == 0
    assert "Enter a valid date." in text(answer)


@pytest.mark.parametrize(("path", "limit"), [(LIST, 8), ("/finance/invoices/", 12), ("/finance/payments/", 8)])
def test_the_number_of_queries_does_not_grow_with_the_rows(reader: Client, path: str, limit: int) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert reader.get(path, {"rows": "100"}).status_code == 200
        return len(captured)

    reader.get(path)
    payment(invoice(), "10")
    few = queries()
    for number in range(40):
        payment(invoice(of=account(f"Account {number}")), "10")
    assert queries() == few <= limit


THINGS = Listing("Things", (Column("name", "Name"),), Empty("No things"), sort="name")


def choose(**selection: Any) -> str:
    request: HttpRequest = RequestFactory().get("/")
    grid = THINGS.grid(request, Account.objects.all(), selection=Selection(**selection))
    return render_to_string("components/_grid.html", {"grid": grid, "request": request})


def test_a_row_is_chosen_by_a_box_with_a_name() -> None:
    made = account("Acme")
    shown = choose(label=lambda record: f"account {record}")
    assert re.search(rf'name="ids" value="{made.pk}" aria-label="Select account Acme"', shown)


def test_a_refused_row_is_disabled_and_says_why() -> None:
    account("Acme")
    shown = choose(refusal=lambda record: "It is in Job 7", chosen=lambda record: True)
    assert "disabled" in shown
    assert "checked" not in shown
    assert "It is in Job 7" in shown


def test_a_row_that_is_not_offered_has_no_box() -> None:
    account("Acme")
    assert 'name="ids"' not in choose(offered=lambda record: False)
