"""The proxy of docker-compose.yml in front of gunicorn: who drips costs nothing, and nobody speaks for it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import urllib3

from tests.production.stack import HOST, ROOT, Stack, free_port, wait_for
from tests.services import needs_a_run_of_its_own
from xero_sync.models import XeroConnection

pytestmark = [
    pytest.mark.worker,
    pytest.mark.django_db(transaction=True),
    needs_a_run_of_its_own,
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server, to start one of its own"),
    pytest.mark.skipif(not shutil.which("nginx"), reason="needs nginx"),
    pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl, to make a certificate"),
]
#: More than gunicorn has threads.
DRIPS = 20


class Proxy:
    def __init__(self, stack: Stack) -> None:
        self.port = free_port()
        folder = stack.folder
        certificate, key = folder / "certificate", folder / "key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={HOST}",
             "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        conf = (ROOT / "proxy" / "nginx.conf").read_text()
        for there, here in {
            "/tmp/": f"{folder}/",  # the container's
            "/run/secrets/tls_certificate": str(certificate),
            "/run/secrets/tls_key": str(key),
            "/etc/nginx/bms.conf": str(ROOT / "proxy" / "bms.conf"),
            "listen 8443": f"listen 127.0.0.1:{self.port}",
            "listen 8080": f"listen 127.0.0.1:{free_port()}",
            "127.0.0.1:8081": f"127.0.0.1:{free_port()}",
            "web:8000": f"127.0.0.1:{stack.port}",
        }.items():
            assert there in conf
            conf = conf.replace(there, here)
        (folder / "nginx.conf").write_text(conf)
        root = "user root; " if os.geteuid() == 0 else ""
        self.process = stack.start("nginx", "-c", str(folder / "nginx.conf"), "-g", f"{root}daemon off;")
        wait_for(lambda: Stack.answers(self.port), "nginx", 10)
        self.trust = ssl.create_default_context(cafile=str(certificate))
        self.http = urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.port, ssl_context=self.trust, server_hostname=HOST, assert_hostname=HOST,
            retries=False, timeout=20,
        )  # fmt: skip

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        return self.http.request("GET", path, headers={"Host": HOST, **headers}, redirect=False)

    def line(self) -> ssl.SSLSocket:
        bare = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        return self.trust.wrap_socket(bare, server_hostname=HOST)


@pytest.fixture
def proxy(stack: Stack) -> Iterator[Proxy]:
    stack.web()
    made = Proxy(stack)
    yield made
    made.http.close()
    Stack.end(made.process)  # killed, it would leave its workers behind


#: The page reads what is posted only where cookie and referrer are right.
HALF = (
    f"POST /login/ HTTP/1.1\r\nHost: {HOST}\r\nReferer: https://{HOST}/login/\r\nCookie: csrftoken={'a' * 32}\r\n"
    "X-Forwarded-Proto: https\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
    "username="
).encode()


def test_twenty_that_drip_their_posts_hold_up_nobody(stack: Stack, proxy: Proxy) -> None:
    with ExitStack() as lines:
        slow = [lines.enter_context(proxy.line()) for _ in range(DRIPS)]
        for line in slow:
            line.sendall(HALF)
        for _ in range(5):
            assert proxy.get("/login/").status == 200
            for line in slow:
                line.sendall(b"x")
        assert stack.get("/healthz").status == 200


def test_without_it_they_would_hold_up_everybody(stack: Stack, connection: XeroConnection) -> None:
    """Why it is needed: should gunicorn ever do without, this fails, and the documentation can say so."""
    stack.environment["WEB_CONCURRENCY"] = "1"  # else chance decides which of two processes is full
    stack.web()
    with ExitStack() as lines:
        for _ in range(DRIPS):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", stack.port), timeout=20))
            line.sendall(HALF)
        time.sleep(2)  # until its threads have taken them
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            stack.http.request("GET", f"http://127.0.0.1:{stack.port}/healthz", timeout=5)


def test_nobody_outside_speaks_for_the_proxy(stack: Stack, proxy: Proxy) -> None:
    page = proxy.get("/login/", **{"X-Forwarded-Proto": "http", "X-Forwarded-For": "127.0.0.1"})
    assert page.status == 200, "it came by https, whatever it says"
    assert page.headers.getlist("Strict-Transport-Security") == ["max-age=31536000; includeSubDomains; preload"]
    for path in ("/metrics", "/readyz"):
        assert proxy.get(path).status == 403
    large = proxy.http.request("POST", "/login/", body=b"x" * 5_000_000, headers={"Host": HOST}, redirect=False)
    assert large.status == 413
    style = page.data.decode().split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in proxy.get(style).headers["Cache-Control"]
    # gunicorn goes: what is for ever is still there, and pages say what is the matter
    Stack.end(stack.running[1])
    assert proxy.get(style).status == 200
    away = proxy.get("/login/")
    assert (away.status, away.headers["Retry-After"]) == (503, "30")
    assert "Back in a moment" in away.data.decode()
