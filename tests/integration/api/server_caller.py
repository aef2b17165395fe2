"""The API of a real server, over sockets, as tests call it."""

from pathlib import Path
from typing import Any

import httpx

from backend.core.settings import Settings
from tests.fakes.api_process import ApiProcess
from tests.integration.api.caller import Api

CHAT_LANE = ("gen:tiny-chat:latest",)


def start(settings: Settings, folder: Path, **more: str) -> ApiProcess:
    return ApiProcess(
        folder,
        database_url=settings.database_url.get_secret_value(),
        redis_url=settings.redis_url.get_secret_value(),
        SSE_KEEPALIVE="200",
        **more,
    )


def chat(text: str, **more: Any) -> dict[str, Any]:
    request = {"messages": [{"role": "user", "content": text}]}
    return {"kind": "chat", "model": "tiny-chat", "request": request} | more


def headers_of(api: Api, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.key}"} | more


def submit(server: ApiProcess, api: Api, body: dict[str, Any]) -> str:
    reply = httpx.post(
        f"{server.url}/api/v1/jobs", json=body, headers=headers_of(api), timeout=20
    )
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


def listen(
    server: ApiProcess, api: Api, job_id: str, *, after: str | None, size: int
) -> str:
    """Read a stream until so many bytes have come, then break the connection."""
    headers = headers_of(api, **({"Last-Event-ID": after} if after else {}))
    path = f"{server.url}/api/v1/jobs/{job_id}/events"
    read = b""
    with httpx.stream("GET", path, headers=headers, timeout=20) as reply:
        assert reply.status_code == 200
        for piece in reply.iter_raw(64):
            read += piece
            if len(read) >= size:
                break
    return read[:size].decode(errors="ignore")
