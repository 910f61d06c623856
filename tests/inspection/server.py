"""A small real HTTP server that says what it is told to, for whatever asks one question."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Path → status, JSON body.
Answers = Mapping[str, tuple[int, Any]]

ALIVE: Answers = {"/healthz": (200, {"status": "alive"})}


def keys(*kids: str) -> Answers:
    """Return the answer of a tgauth that signs with these keys."""
    jwks = {"keys": [{"kid": kid, "kty": "EC"} for kid in kids]}
    return {**ALIVE, "/.well-known/jwks.json": (200, jwks)}


def bot(token: str, *, username: str = "the_bot", webhook: str = "", **more: Any) -> Answers:
    """Return the answers of a Bot API that knows one token; `more` is said of its webhook."""
    me = {"id": 1, "is_bot": True, "first_name": "Bot", "username": username}
    hook: dict[str, object] = {
        "url": webhook,
        "has_custom_certificate": False,
        "pending_update_count": 0,
    } | more
    return {
        f"/bot{token}/getMe": (200, {"ok": True, "result": me}),
        f"/bot{token}/getWebhookInfo": (200, {"ok": True, "result": hook}),
    }


@contextmanager
def serving(
    answers: Answers, *, otherwise: int = 404, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve these answers on 127.0.0.1; give the origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            refusal = {"ok": False, "error_code": otherwise, "description": "no"}
            status, body = answers.get(self.path, (otherwise, refusal))
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Let clients break off."""

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            scheme = "http" if tls is None else "https"
            yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
