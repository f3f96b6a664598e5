"""Webhook listener: takes requests on this machine, verifies them, hands them on, and keeps what to show of each."""

import contextlib
import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from callplane_client.webhooks import NotVerified, WebhookEvent, WebhookVerifier
from cli.verbs.printing import shown

KEPT = 1000
LONGEST = 1024 * 1024
"""Bytes of a body; events have far fewer."""
FORWARD_SECONDS = 12.0
"""Callplane waits for 15."""
SECRET_SECONDS = 10.0
PASSED_ON = ("content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature")


@dataclass
class Listener:
    """What has come, and what it is verified with."""

    port: int
    forward: str | None
    _known: threading.Event = field(default_factory=threading.Event)
    _verifier: WebhookVerifier | None = None
    _come: "queue.Queue[tuple[WebhookEvent, int]]" = field(default_factory=lambda: queue.Queue(KEPT))

    def know(self, secret: str) -> None:
        """From now on requests can be verified."""
        self._verifier = WebhookVerifier(secret)
        self._known.set()

    def next_line(self, as_json: bool) -> str:
        """Wait for the next event; how it is shown."""
        event, status = self._come.get()
        if as_json:
            return json.dumps({"id": event.id, "status": status, "event": event.body}, ensure_ascii=False)
        return shown(
            f"{event.sent_at:%H:%M:%S}  {status}  {event.type:<24} {json.dumps(event.data, ensure_ascii=False)}"
        )

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """Deal with one request; the status that it is answered with."""
        if not self._known.wait(SECRET_SECONDS) or self._verifier is None:
            return 503
        try:
            event = self._verifier.verify(headers, body)
        except NotVerified:
            return 400
        status = self._forwarded(headers, body)
        with contextlib.suppress(queue.Full):  # nobody looks; it has been handed on all the same
            self._come.put_nowait((event, status))
        return status

    def _forwarded(self, headers: dict[str, str], body: bytes) -> int:
        if self.forward is None:
            return 200
        passed = {name: value for name, value in headers.items() if name.lower() in PASSED_ON}
        try:
            return httpx.post(self.forward, content=body, headers=passed, timeout=FORWARD_SECONDS).status_code
        except httpx.HTTPError:
            return 502


@contextlib.contextmanager
def listening(port: int, forward: str | None) -> Iterator[Listener]:
    """Serve on 127.0.0.1 for the block; port 0 is any free one."""
    made: list[Listener] = []

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """Take it, and say what became of it."""
            self.send_response(self._status(self.headers.get("Content-Length") or "0"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _status(self, length: str) -> int:
            if not (length.isascii() and length.isdecimal()):
                return 400
            if len(length) > len(str(LONGEST)) or int(length) > LONGEST:
                return 413
            return made[0].take(dict(self.headers.items()), self.rfile.read(int(length)))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Nothing: what comes is shown by who listens."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        made.append(Listener(server.server_address[1], forward))
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield made[0]
        finally:
            server.shutdown()
            serving.join()
