"""Loading and unloading by Ollama's clients, under the platform's own policy."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import ollama
import pytest
from sqlalchemy import select

from backend.core.db import transaction
from backend.core.jobs.states import Kind, State
from backend.core.keys import shown_prefix
from backend.core.models import ApiKey
from tests.integration.protocols.ollama_python import (
    ENDLESS,
    HELLO,
    SHORT,
    client_of,
)
from tests.platform import Platform

IGNORED = "X-Corral-Ignored-Options"


def in_memory(client: ollama.Client) -> set[str | None]:
    return {model.model for model in client.ps().models}


def unload(http: httpx.Client, model: str = "tiny-chat") -> httpx.Response:
    reply = http.post("/api/generate", json={"model": model, "keep_alive": 0})
    assert reply.json().get("done_reason") == "unload", reply.text
    return reply


def test_a_model_is_loaded_and_unloaded_by_any_key(
    platform: Platform, ollama_client: ollama.Client, http: httpx.Client
) -> None:
    loaded = ollama_client.generate("tiny-chat")
    assert (loaded.response, loaded.done_reason) == ("", "load")
    assert "tiny-chat:latest" in in_memory(ollama_client)
    assert platform.jobs()[0].kind is Kind.LOAD

    assert IGNORED not in unload(http).headers
    assert "tiny-chat:latest" not in in_memory(ollama_client)
    assert platform.jobs()[0].kind is Kind.UNLOAD


def test_an_embedding_model_is_loaded_by_embedding_nothing(
    ollama_client: ollama.Client, http: httpx.Client
) -> None:
    unload(http, "tiny-embed")

    assert list(ollama_client.embed("tiny-embed", []).embeddings) == []
    assert list(ollama_client.embeddings("tiny-embed", "").embedding) == []
    assert "tiny-embed:latest" in in_memory(ollama_client)


def test_a_model_that_somebody_uses_stays_unless_an_administrator_asks(
    platform: Platform,
    ollama_client: ollama.Client,
    ollama_admin: ollama.Client,
    http: httpx.Client,
    slowly: None,
) -> None:
    with client_of(platform, platform.key("bob")) as busy:
        stream = busy.chat("tiny-tools", HELLO, stream=True, options=ENDLESS)
        next(stream)
        assert unload(http, "tiny-tools").headers[IGNORED] == "keep_alive"
        next(stream)
        stream.close()
    ollama_client.generate("tiny-tools")

    assert ollama_admin.generate("tiny-tools", keep_alive=0).done_reason == "unload"
    assert "tiny-tools:latest" not in in_memory(ollama_client)


def test_an_answer_under_way_is_not_cut_by_an_unload(
    platform: Platform, ollama_admin: ollama.Client, slowly: None
) -> None:
    options = {"num_predict": 40, "temperature": 0}
    with ThreadPoolExecutor(1) as threads, client_of(platform, platform.key()) as busy:
        answer = threads.submit(busy.chat, "tiny-chat", HELLO, options=options)
        platform.ollama.wait_for(
            lambda seen: any(
                r["state"] == "open" and r["path"] == "/api/chat" for r in seen
            )
        )
        ollama_admin.generate("tiny-chat", keep_alive=0)

        assert answer.result(timeout=30).eval_count == 40


def test_the_time_in_memory_is_the_platforms(
    ollama_client: ollama.Client, http: httpx.Client
) -> None:
    body = {"model": "tiny-chat", "messages": HELLO, "options": SHORT, "stream": False}
    reply = http.post("/api/chat", json=body | {"keep_alive": "10h"})
    ollama_client.generate("tiny-chat", keep_alive=-1)
    (model,) = (m for m in ollama_client.ps().models if m.model == "tiny-chat:latest")

    assert reply.headers[IGNORED] == "keep_alive"
    assert model.expires_at
    assert model.expires_at.year < 2100


def test_a_load_of_the_native_api_is_a_job(http: httpx.Client) -> None:
    reply = http.post(
        "/api/v1/jobs",
        json={"kind": "load", "model": "tiny-chat"},
        headers={"Prefer": "wait=20"},
    )

    assert reply.json()["state"] == State.SUCCEEDED
    assert reply.json()["result"] == {"status": "loaded"}


@pytest.mark.parametrize("keep_alive", [0, None])
def test_a_key_that_was_disabled_stops_at_once(
    platform: Platform, keep_alive: int | None
) -> None:
    key = platform.key("carol")
    with client_of(platform, key) as client:
        client.chat("tiny-chat", HELLO, options=SHORT)
        disable(platform, key)

        with pytest.raises(ollama.ResponseError) as caught:
            client.generate("tiny-chat", keep_alive=keep_alive)

    assert caught.value.status_code == 401


def disable(platform: Platform, key: str) -> None:
    with transaction(platform.database.sessions) as session:
        found = session.scalars(
            select(ApiKey).where(ApiKey.prefix == shown_prefix(key))
        )
        found.one().disabled_at = datetime.now(UTC)
