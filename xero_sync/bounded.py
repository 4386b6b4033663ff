"""HTTP connections on which a call ends in time, whatever the peer does.

http.client and urllib3 bound each piece that arrives. A peer that drips a byte a second, of the headers or of the
body, could keep a call going for ever, and its worker's lease would end while Xero may still be at work.
"""

from __future__ import annotations

import io
import socket
import time
from http.client import HTTPResponse
from typing import Any

import urllib3


class _Until(io.RawIOBase):
    """What comes from a socket, until the time is over."""

    def __init__(self, raw: Any, sock: socket.socket, end: Any) -> None:
        self._raw, self._sock, self._end = raw, sock, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)  # type: ignore[no-any-return]

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
            super().close()


def _bounded_response(seconds: Any) -> Any:
    end = time.monotonic() + seconds

    def response(sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        made = HTTPResponse(sock, *args, **kwargs)
        made.fp = io.BufferedReader(_Until(made.fp.detach(), sock, end))
        return made

    return response


class _Plain(urllib3.connection.HTTPConnection):
    def getresponse(self) -> Any:
        # By now urllib3 has set this to what is left of the call
        self.response_class = _bounded_response(self.timeout)
        return super().getresponse()


class _Secure(urllib3.connection.HTTPSConnection):
    def getresponse(self) -> Any:
        self.response_class = _bounded_response(self.timeout)
        return super().getresponse()


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


#: For PoolManager.pool_classes_by_scheme. Calls must be given a `total` timeout.
POOLS = {"http": _PlainPool, "https": _SecurePool}
