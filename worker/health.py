"""Health and metrics of a worker or beat process, on a port of their own."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Health:
    """The checks: each gives None when all is well, else what is wrong."""

    live: Mapping[str, Check]
    ready: Mapping[str, Check]

    def report(self, checks: Mapping[str, Check]) -> tuple[bool, dict[str, Any]]:
        """Run checks; gives whether all passed, and each one's answer."""
        answers = {name: check() for name, check in checks.items()}
        failed = {name: answer for name, answer in answers.items() if answer}
        words = {name: failed.get(name, "ok") for name in answers}
        status = "unhealthy" if failed else "ok"
        return not failed, {"status": status, "checks": words}


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base's name
        """Say nothing: probes come every few seconds."""


def serve(health: Health, port: int) -> WSGIServer:
    """Answer probes on a port in the background; 0 picks a free one."""
    server = make_server(
        "", port, application(health), server_class=_Server, handler_class=_QuietHandler
    )
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server


def application(health: Health) -> Callable[..., Iterable[bytes]]:
    """Make the WSGI application."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        status, kind, body = _route(health, environ.get("PATH_INFO", "/"))
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    return answer


def _route(health: Health, path: str) -> tuple[str, str, bytes]:
    if path == "/metrics":
        return "200 OK", CONTENT_TYPE_LATEST, generate_latest()
    routes = {"/health/live": health.live, "/health/ready": health.ready}
    everything = {**health.live, **health.ready}
    checks = everything if path == "/health" else routes.get(path)
    if checks is None:
        return _json("404 Not Found", {"status": "not_found"})
    passed, report = health.report(checks)
    return _json("200 OK" if passed else "503 Service Unavailable", report)


def _json(status: str, document: dict[str, Any]) -> tuple[str, str, bytes]:
    return status, "application/json", orjson.dumps(document)
