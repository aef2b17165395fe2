"""A server that stops: its readers come back, and nothing holds it up."""

import threading
import time
from pathlib import Path
from typing import Any

import httpx

from backend.core.settings import Settings
from tests.integration.api.caller import Api
from tests.integration.api.server_caller import chat, headers_of, listen, start, submit


def test_a_server_that_stops_invites_its_readers_to_come_back(
    ann: Api, settings: Settings, tmp_path: Path
) -> None:
    server = start(settings, tmp_path).start()
    job_id = submit(server, ann, chat("x", on_disconnect="cancel"))
    texts: dict[str, Any] = {}

    def stream() -> None:
        texts["stream"] = listen(server, ann, job_id, after=None, size=100_000)

    def wait() -> None:
        headers = headers_of(ann, Prefer="wait=30")
        url = f"{server.url}/api/v1/jobs"
        texts["wait"] = httpx.post(url, json=chat("y"), headers=headers, timeout=20)

    threads = [threading.Thread(target=work) for work in (stream, wait)]
    for thread in threads:
        thread.start()
    time.sleep(1.0)
    began = time.monotonic()
    server.stop()
    for thread in threads:
        thread.join(20)

    assert time.monotonic() - began < 5
    assert ": this server is stopping" in texts["stream"]
    assert texts["wait"].status_code == 202
    # A drain is no caller that vanished.
    job = ann.get(f"/api/v1/jobs/{job_id}").json
    assert job is not None
    assert job["state"] == "queued"


def test_an_idle_connection_does_not_hold_up_a_server_that_stops(
    settings: Settings, tmp_path: Path
) -> None:
    server = start(settings, tmp_path).start()
    with httpx.Client() as client:
        client.get(f"{server.url}/health")
        began = time.monotonic()
        server.stop()

    assert time.monotonic() - began < 8
