"""The gateway: exact JSON out, tolerant JSON in, one call per call, and never inside a transaction."""

from __future__ import annotations

import socket
import threading
import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from xero_python.accounting import Address, Contact, Invoice, LineAmountTypes, LineItem

from tests.xero_sync.simulated import SimulatedXero
from xero_sync import clock, mirror
from xero_sync.errors import NotReached, TimedOut, Unanswered
from xero_sync.gateway import Gateway, decode, encode, told
from xero_sync.models import MirrorStamp, XeroConnection


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("33.3350"), "33.3350"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.1") + Decimal("0.2"), "0.3"),
        (Decimal("9999999999999.9999"), "9999999999999.9999"),
        (date(2026, 11, 22), '"2026-11-22"'),
        (LineAmountTypes.EXCLUSIVE, '"Exclusive"'),
        ('a "quoted" naïve 😀', '"a \\"quoted\\" naïve 😀"'),
        (True, "true"),
        ([Address(city="Leeds")], '[{"City":"Leeds"}]'),
        (LineItem(quantity=Decimal(2), unit_amount=Decimal("0.005")), '{"Quantity":2,"UnitAmount":0.005}'),
        # Only what was set; nothing that the SDK adds by itself
        (Contact(name="Bolt"), '{"Name":"Bolt"}'),
        (Invoice(type="ACCREC", contact=Contact(contact_id="1")), '{"Type":"ACCREC","Contact":{"ContactID":"1"}}'),
    ],
)
def test_what_goes_out_is_exact_and_nothing_else(value: Any, text: str) -> None:
    assert encode(value) == text


def test_what_has_no_place_on_the_wire_is_refused() -> None:
    with pytest.raises(TypeError):
        encode(object())


def test_amounts_come_in_exactly() -> None:
    assert decode(b'{"Total": 0.10, "Big": 12345678901234567890.01}') == {
        "Total": Decimal("0.10"),
        "Big": Decimal("12345678901234567890.01"),
    }


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Invoices": [', b"\xff\xfe"])
def test_what_cannot_be_read_is_no_answer(body: bytes) -> None:
    with pytest.raises(Unanswered):
        decode(body)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("/Date(1439434356790+0000)/", date(2015, 8, 13)),
        ("/Date(1552521600000)/", date(2019, 3, 14)),
        ("/Date(1552521600000+1300)/", date(2019, 3, 14)),  # the zone is for show, the milliseconds are UTC
        ("2009-05-27T00:00:00", date(2009, 5, 27)),
        ("2019-07-09T23:40:30.1833130", date(2019, 7, 9)),
        (None, None),
        ("", None),
    ],
)
def test_xeros_dates_are_read(text: str | None, day: date | None) -> None:
    assert mirror.day(text) == day


def test_messages_are_found_however_deep_and_each_once() -> None:
    element = {
        "ValidationErrors": [{"Message": "A"}],
        "LineItems": [{"ValidationErrors": [{"Message": "B"}, {"Message": "A"}]}],
        "Contact": {"ValidationErrors": [{"Description": "C"}]},
        "Warnings": [{"Message": "D"}],
    }
    assert told(element) == (["A", "B", "C"], ["D"])


@pytest.mark.django_db
def test_a_call_inside_a_transaction_is_refused(connection: XeroConnection) -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        Gateway(connection).read("Organisation")


@pytest.mark.django_db
def test_answers_come_compressed_and_a_thousand_a_page(connection: XeroConnection, xero: SimulatedXero) -> None:
    xero.reset(organisations=[{"name": "Big", "country": "GB", "contacts": 2500}])
    from tests.xero_sync.conftest import connect

    big = connect(xero, connection.connected_by)  # type: ignore[arg-type]
    gateway = Gateway(big)
    mirror.read(gateway, "contacts")
    assert gateway.calls == 3
    MirrorStamp.objects.update(newest_utc=clock.now() + mirror.OVERLAP + timedelta(minutes=1))
    mirror.read(gateway, "contacts")
    assert gateway.calls == 4, "later only what changed is read"


class Peer(threading.Thread):
    """A server that takes a call and then behaves as told."""

    def __init__(self, answer: bytes, dripped: bytes = b"", pause: int = 0) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.answer, self.dripped, self.pause, self.calls = answer, dripped, pause, 0
        self.start()

    def run(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                client.recv(65536)
                self.calls += 1
                client.sendall(self.answer)
                for byte in self.dripped:
                    time.sleep(self.pause)
                    try:
                        client.sendall(bytes([byte]))
                    except OSError:
                        break


@pytest.fixture
def gateway(db: None, settings: Any) -> Gateway:
    settings.XERO_LEASE_SECONDS = 4
    return Gateway(XeroConnection.objects.create(tenant_id="t", name="Acme", client_id="x"))


@pytest.mark.parametrize(
    "answer",
    [
        b"",  # hangs up
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",  # cut short
        b"nonsense\r\n\r\n",
    ],
)
def test_a_write_whose_answer_is_lost_is_made_once_and_in_doubt(gateway: Gateway, settings: Any, answer: bytes) -> None:
    peer = Peer(answer)
    settings.XERO_API_URL = f"http://127.0.0.1:{peer.port}"
    with pytest.raises(Unanswered):
        gateway.exchange("PUT", "Invoices", token="t", body=b"{}")
    assert peer.calls == 1
    peer.listener.close()


@pytest.mark.parametrize(
    ("at_once", "dripped"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", b'"12345678"'),
        (b"HTTP/1.1 200 OK\r\n", b"X-Padding: for ever and ever and ever\r\n" * 3),
        (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
    ],
    ids=["its body", "its headers", "all"],
)
def test_a_peer_that_drips_cannot_stretch_the_deadline(
    gateway: Gateway, settings: Any, at_once: bytes, dripped: bytes
) -> None:
    peer = Peer(at_once, dripped, pause=1)
    settings.XERO_API_URL = f"http://127.0.0.1:{peer.port}"
    started = time.monotonic()
    with pytest.raises(TimedOut):
        gateway.exchange("PUT", "Invoices", token="t", body=b"{}")
    assert time.monotonic() - started < 3.5  # the deadline is 2.4 seconds, where a lease is four
    peer.listener.close()


def test_what_was_refused_before_connecting_was_not_sent(gateway: Gateway, settings: Any) -> None:
    settings.XERO_API_URL = "http://127.0.0.1:9"
    with pytest.raises(NotReached):
        gateway.exchange("PUT", "Invoices", token="t", body=b"{}")


def test_an_error_carries_neither_token_nor_body(gateway: Gateway, settings: Any) -> None:
    settings.XERO_API_URL = "http://127.0.0.1:9"
    with pytest.raises(NotReached) as caught:
        gateway.exchange("PUT", "Invoices", token="canary-token", body=b"canary-body")
    seen, error = "", caught.value
    while error is not None:
        seen += repr(error) + repr(getattr(error, "args", ""))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert "canary" not in seen


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'{"Name": "Bo\u0000lt"}', "Bolt"),
        (b'{"Name": "Bo\0lt"}', "Bolt"),
        (rb'{"Name": "half \ud83d"}', "half \N{REPLACEMENT CHARACTER}"),
        (rb'{"Name": "half \uDE00 other"}', "half \N{REPLACEMENT CHARACTER} other"),
        (b'{"Name": "raw \xed\xa0\xbd"}', "raw \N{REPLACEMENT CHARACTER}"),
        (rb'{"Name": "whole \ud83d\ude00"}', "whole \N{GRINNING FACE}"),
        (rb'{"Name": "said \\u0000"}', r"said \u0000"),
    ],
)
def test_what_no_database_keeps_never_gets_past_the_gateway(body: bytes, text: str) -> None:
    assert decode(body) == {"Name": text}
    assert decode(b'[{"Lines": [' + body + b"]}]") == [{"Lines": [{"Name": text}]}]
