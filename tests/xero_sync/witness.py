"""A sign-in service that answers what a test tells it, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKENS = {"access_token": "canary-access", "refresh_token": "canary-refresh", "expires_in": 1800, "scope": "openid"}


class Witness:
    """Answers by path: (status, body). What isn't JSON is sent as it is."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answers: dict[str, tuple[int, Any]] = {"/token": (200, TOKENS), "/connections": (200, [])}
        witness = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path = self.path.partition("?")[0]
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                witness.asked.append((self.command, path))
                status, body = witness.answers.get(path, (503, ""))
                data = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def gives(self, *names: str) -> None:
        """Let the consent be for these organisations."""
        found = [
            {"id": f"c-{name}", "tenantId": f"t-{name}", "tenantType": "ORGANISATION", "tenantName": name}
            for name in names
        ]
        self.answers["/connections"] = (200, found)

    def settings(self) -> dict[str, str]:
        return {
            "XERO_TOKEN_URL": f"{self.url}/token",
            "XERO_CONNECTIONS_URL": f"{self.url}/connections",
            "XERO_API_URL": f"{self.url}/api",
        }

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
