"""The fake API on a port of this machine, for the UI in a browser."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import httpx

from tests.fakes.api import FakeApi


class FakeApiServer:
    """Serve a `FakeApi` from a thread while the `with` block runs."""

    def __init__(self, api: FakeApi, *, port: int = 0) -> None:
        self.api = api
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(api))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Give the base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(api: FakeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            request = httpx.Request(
                self.command,
                f"http://fake{self.path}",
                headers=list(self.headers.items()),
                content=self.rfile.read(length),
            )
            reply = api.handle(request)
            self.send_response(reply.status_code)
            for name, value in reply.headers.items():
                if name != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 — names of http.server

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    return Handler
