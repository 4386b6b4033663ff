from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import reverse

from bmsxero.roles import Role
from bmsxero.views import server_error
from tests.conftest import ClientOf
from tests.records import account, invoice

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return response.content.decode()


class TestSignIn:
    def test_a_user_signs_in_and_meets_the_page_that_was_asked_for(
        self, stranger: Client, user_of: Callable[[Role], User]
    ) -> None:
        user_of(Role.FINANCE)
        asked = stranger.get("/crm/accounts/?q=bolt")
        assert asked.url == "/login/?next=/crm/accounts/%3Fq%3Dbolt"
        answer = stranger.post(
            asked.url, {"username": "finance user", "password": "finance user", "next": "/crm/accounts/?q=bolt"}
        )
        assert answer.url == "/crm/accounts/?q=bolt"

    def test_a_wrong_password_is_said_in_words(self, stranger: Client) -> None:
        page = text(stranger.post("/login/", {"username": "finance", "password": "wrong"}))
        assert 'role="alert"' in page
        assert "Please enter a correct username and password" in page

    def test_sample_users_are_named_only_while_trying_out(self, stranger: Client, settings: Any) -> None:
        User.objects.create_user("support")
        settings.SIMULATOR = True
        assert "sign in as <strong>support</strong>" in text(stranger.get("/login/"))
        settings.SIMULATOR = False
        assert "sign in as" not in text(stranger.get("/login/"))

    def test_no_sample_users_are_named_where_there_are_none(self, stranger: Client, settings: Any) -> None:
        settings.SIMULATOR = True
        assert "sign in as" not in text(stranger.get("/login/"))

    def test_signing_out_takes_a_post(self, writer: Client) -> None:
        assert writer.get("/logout/").status_code == 405
        assert writer.post("/logout/").url == "/login/"
        assert writer.get("/").url == "/login/?next=/"

    def test_a_polled_fragment_reloads_the_page_when_the_session_is_over(self, stranger: Client) -> None:
        answer = stranger.get("/crm/accounts/", headers={"HX-Request": "true"})
        assert answer.headers["HX-Refresh"] == "true"


class TestFrame:
    def test_the_menu_shows_what_the_role_opens(self, client_of: ClientOf) -> None:
        assert 'href="/finance/invoices/"' in text(client_of(Role.VIEWER).get("/"))
        assert 'href="/finance/invoices/"' not in text(client_of(Role.SUPPORT).get("/"))

    def test_the_menu_marks_the_page_and_the_section(self, reader: Client) -> None:
        assert 'href="/crm/accounts/" aria-current="page"' in text(reader.get("/crm/accounts/"))
        assert 'href="/crm/accounts/" aria-current="true"' in text(reader.get(account().get_absolute_url()))

    def test_a_simulated_xero_is_said_on_every_page(self, reader: Client, settings: Any) -> None:
        settings.SIMULATOR = True
        assert "SIMULATED: nothing reaches Xero" in text(reader.get("/"))
        settings.SIMULATOR = False
        assert "SIMULATED" not in text(reader.get("/"))

    def test_a_page_has_one_main_heading(self, reader: Client) -> None:
        for path in ("/", "/crm/accounts/", "/finance/invoices/", "/finance/payments/", "/search/", "/nowhere/"):
            assert text(reader.get(path)).count("<h1") == 1, path

    def test_no_page_asks_for_anything_inline(self, reader: Client) -> None:
        for path in ("/login/", "/", "/crm/accounts/", "/finance/invoices/", "/finance/payments/"):
            page = text(reader.get(path))
            assert " style=" not in page, path
            assert "<style" not in page, path
            assert " onclick=" not in page, path


class TestHome:
    def test_home_counts_invoices_and_adds_up_each_currency_on_its_own(self, reader: Client) -> None:
        invoice(status="ready", price="100")
        invoice(status="ready", price="50.50")
        invoice(status="ready", price="7", currency="EUR")
        ready = reader.get("/").context["tiles"][1]
        assert (ready.label, ready.number) == ("Ready to Send", 3)
        assert [(str(amount), currency) for amount, currency in ready.amounts] == [("150.50", ""), ("7.00", "EUR")]

    def test_each_figure_opens_the_list_it_counts(self, reader: Client) -> None:
        for status in ("draft", "ready", "sent", "paid", "void"):
            invoice(status=status)
        for tile in reader.get("/").context["tiles"]:
            assert reader.get(tile.url).context["grid"].total == tile.number

    def test_support_sees_no_amounts(self, client_of: ClientOf) -> None:
        invoice(status="ready", price="123.45")
        assert "123.45" not in text(client_of(Role.SUPPORT).get("/"))


class TestSearch:
    def test_an_invoice_number_leads_straight_to_the_invoice(self, reader: Client) -> None:
        found = invoice("INV-7")
        invoice("INV-77")
        assert reader.get("/search/?q=inv-7").url == found.get_absolute_url()

    def test_several_hits_are_listed(self, reader: Client) -> None:
        account("Bolt Logistics")
        account("Boltons")
        page = text(reader.get("/search/?q=bolt"))
        assert "Bolt Logistics" in page
        assert "Boltons" in page

    def test_nothing_found_says_what_can_be_typed(self, reader: Client) -> None:
        assert "Nothing found" in text(reader.get("/search/?q=zzz"))

    def test_support_finds_no_accounts(self, client_of: ClientOf) -> None:
        account("Bolt Logistics")
        assert "Nothing found" in text(client_of(Role.SUPPORT).get("/search/?q=bolt"))


class TestTrouble:
    def test_health_needs_neither_sign_in_nor_session(self, stranger: Client) -> None:
        answer = stranger.get("/healthz")
        assert (answer.status_code, text(answer)) == (200, "ok")
        assert not answer.cookies

    def test_a_missing_page_says_so_inside_the_frame(self, reader: Client) -> None:
        answer = reader.get("/finance/invoices/999/")
        assert answer.status_code == 404
        assert "There is no such page" in text(answer)
        assert 'aria-label="Main"' in text(answer)

    def test_a_missing_page_tells_a_stranger_nothing_more(self, stranger: Client) -> None:
        answer = stranger.get("/nowhere/")
        assert answer.status_code == 404
        assert 'aria-label="Main"' not in text(answer)

    def test_a_closed_page_names_the_role_and_who_can_give_it(self, client_of: ClientOf) -> None:
        User.objects.create_superuser("ada", first_name="Ada", last_name="Byron")
        answer = client_of(Role.SUPPORT).get(reverse("crm:accounts"))
        assert answer.status_code == 403
        page = text(answer)
        for role in ("Finance admin", "Finance user", "Viewer"):
            assert f"<strong>{role}</strong>" in page
        assert "Ada Byron can give it to you" in page

    def test_a_form_that_is_too_old_says_so(self) -> None:
        answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "x", "password": "y"})
        assert answer.status_code == 403
        assert "The page was too old to be sent" in text(answer)

    def test_an_error_shows_an_id_that_the_log_has_and_nothing_else(
        self, rf: RequestFactory, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = server_error(rf.get("/finance/invoices/"))
        error_id = caplog.records[0].getMessage().split()[1]
        assert answer.status_code == 500
        assert error_id in text(answer)
        assert "ERROR-ID" not in text(answer)

    def test_a_database_that_can_not_be_asked_is_no_error_of_ours(self, rf: RequestFactory) -> None:
        def ask() -> None:
            raise OperationalError("database is locked")

        try:
            ask()
        except OperationalError:
            answer = server_error(rf.get("/finance/invoices/"))
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert "The database doesn't answer just now" in text(answer)


def test_the_four_roles_are_there_from_the_start() -> None:
    assert {role.value for role in Role} <= set(Group.objects.values_list("name", flat=True))
