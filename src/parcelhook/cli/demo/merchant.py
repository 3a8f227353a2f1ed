"""A small real merchant's server: it checks the signature, answers JSON, and fails once on purpose.

Under /yours it is a server to try the dashboard with: it takes whatever comes, or answers wrongly as the path says.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from parcelhook.receiving import NotGenuine, verify

YOURS = "/yours"
WRONG = {  # what somebody may want to see the dashboard explain
    "/yours/html": (200, "text/html", b"<h1>Thank you</h1>"),
    "/yours/403": (403, "application/json", b'{"ok":false}'),
    "/yours/500": (500, "application/json", b'{"ok":false}'),
}
FAILS_FIRST = "ORDER_ERROR"  # the first of these is answered with 500, so that a Retry can be watched


class Merchant:
    """Listens on loopback; `taken` counts the webhooks that it accepted, each once."""

    def __init__(self, port: int = 0) -> None:
        self.secret = ""  # until the endpoint is saved, only the first connection arrives
        self._seen: set[str] = set()
        self._failed_once = False
        merchant = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or every answer on a new connection would wait 40 ms

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, content_type, content = merchant.answer(self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class's name)
                """Silent: what arrives is shown as the log has it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="merchant", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The URL to connect."""
        return f"http://127.0.0.1:{self.port}/webhooks"

    @property
    def yours(self) -> str:
        """The URL for a webhook that somebody adds by hand."""
        return f"http://127.0.0.1:{self.port}{YOURS}"

    @property
    def taken(self) -> int:
        """How many different webhooks it has accepted, not counting tests."""
        return len(self._seen)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Status, Content-Type and body of the answer."""
        if path in WRONG:
            return WRONG[path]
        status, answer = (200, {"ok": True}) if path == YOURS else self.receive(headers, body)
        return status, "application/json", msgspec.json.encode(answer)

    def receive(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, object]]:
        """What it answers: status and JSON."""
        if not self.secret:
            return 200, {"ok": True}
        try:
            webhook = verify(self.secret, headers, body)
        except NotGenuine as reason:
            return 401, {"ok": False, "reason": str(reason)}
        if webhook.event == FAILS_FIRST and not self._failed_once:
            self._failed_once = True
            return 500, {"ok": False, "reason": "the merchant's database is locked (on purpose, once)"}
        if not webhook.is_test:
            self._seen.add(webhook.id)
        return 200, {"ok": True}

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
