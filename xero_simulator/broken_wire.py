"""Connections that break: resets, answers that never come, work that is done after the caller has gone."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connections, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from xero_simulator.router import ALIAS

_STEP = 0.05  # seconds between two looks whether the caller is still there
_FLUSH = 0.1  # seconds that the first half of an answer gets to leave


class Era:
    """What was begun before a reset must not be done after it."""

    def __init__(self) -> None:
        self.number = 0

    def end(self) -> None:
        self.number += 1


ERA = Era()


def hang_up(request: HttpRequest) -> None:
    """Cut the connection under the answer. Raises `ConnectionResetError` where there is no connection."""
    connection = _socket(request)
    if connection is None:  # the test client
        raise ConnectionResetError("simulated")
    # With a linger of nothing, the caller gets a reset and not a polite end. The server closes it.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the caller was faster


def keep_waiting(request: HttpRequest, seconds: int) -> None:
    """Let the caller wait, until he goes or the time is over."""
    connection, end = _socket(request), time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(_STEP, left))
        if connection is not None and _has_gone(connection):
            return


def half_of(request: HttpRequest, response: HttpResponse) -> StreamingHttpResponse:
    """Return the answer that breaks off in its middle."""
    content = response.content
    headers = {name: value for name, value in response.items() if name != "Content-Length"}
    headers["Content-Length"] = str(len(content))

    def halves() -> Iterator[bytes]:
        yield content[: len(content) // 2]
        time.sleep(_FLUSH)
        hang_up(request)

    return StreamingHttpResponse(halves(), status=response.status_code, headers=headers)


def later(seconds: int, work: Callable[[], object]) -> None:
    """Do the work in a transaction of its own, so many seconds from now, unless there is a reset before."""
    era = ERA.number

    def run() -> None:
        time.sleep(seconds)
        try:
            with transaction.atomic(using=ALIAS):
                if ERA.number == era:
                    work()
        finally:
            connections[ALIAS].close()

    threading.Thread(target=run, daemon=True, name="late-commit").start()


def _has_gone(connection: socket.socket) -> bool:
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
    except (OSError, ValueError):
        return True


def _socket(request: HttpRequest) -> socket.socket | None:
    """Return the socket of the call, under waitress or under Django's own test server."""
    environ: dict[str, Any] = getattr(request, "environ", {})
    if check := environ.get("waitress.client_disconnected"):
        return check.__self__.socket  # type: ignore[no-any-return]
    raw = getattr(getattr(environ.get("wsgi.input"), "stream", None), "raw", None)
    return getattr(raw, "_sock", None)
