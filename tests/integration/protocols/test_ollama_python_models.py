"""Ollama's own Python client, unchanged: what models there are."""

import ollama
import pytest

from tests.integration.protocols.ollama_python import HELLO, PNG, SHORT, client_of
from tests.platform import Platform


def test_models_are_listed_and_shown(ollama_client: ollama.Client) -> None:
    ollama_client.chat("tiny-chat")
    listed = {model.model: model for model in ollama_client.list().models}
    loaded = {model.model: model for model in ollama_client.ps().models}
    shown = ollama_client.show("tiny-chat")

    assert listed["tiny-chat:latest"].digest
    assert listed["tiny-chat:latest"].size
    assert listed["tiny-chat:latest"].modified_at
    assert loaded["tiny-chat:latest"].expires_at
    assert loaded["tiny-chat:latest"].context_length == 2048
    assert shown.template
    assert shown.parameters
    assert shown.capabilities == ["completion"]
    assert shown.modelinfo
    assert shown.modelinfo["llama.context_length"] == 8192


def test_a_key_sees_only_its_models(platform: Platform) -> None:
    key = platform.key("one-model", allowed_models=["tiny-embed:latest"])
    with client_of(platform, key) as client:
        listed = [model.model for model in client.list().models]
        with pytest.raises(ollama.ResponseError) as caught:
            client.show("tiny-chat")

    assert listed == ["tiny-embed:latest"]
    assert caught.value.status_code == 403


def test_a_model_is_pulled_and_used_copied_and_deleted(
    ollama_admin: ollama.Client,
) -> None:
    steps = list(ollama_admin.pull("from-python:1b", stream=True))
    assert steps[0].status == "pulling manifest"
    assert steps[-1].status == "success"
    assert any(step.total and step.digest for step in steps)

    assert ollama_admin.chat("from-python:1b", HELLO, options=SHORT).message.content
    assert ollama_admin.pull("from-python:1b").status == "success"

    assert ollama_admin.copy("from-python:1b", "second-name").status == "success"
    names = {model.model for model in ollama_admin.list().models}
    assert {"from-python:1b", "second-name:latest"} <= names

    for name in ("from-python:1b", "second-name"):
        assert ollama_admin.delete(name).status == "success"
        with pytest.raises(ollama.ResponseError, match=f"model '{name}' not found"):
            ollama_admin.chat(name, HELLO)
        with pytest.raises(ollama.ResponseError, match="not found"):
            ollama_admin.delete(name)


def test_a_pull_that_fails_says_why(ollama_admin: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="file does not exist") as caught:
        list(ollama_admin.pull("missing:1b", stream=True))

    assert caught.value.status_code == 404


def test_only_administrators_change_models(ollama_client: ollama.Client) -> None:
    for change in (
        lambda: ollama_client.pull("another:1b"),
        lambda: ollama_client.copy("tiny-chat", "another"),
        lambda: ollama_client.delete("tiny-chat"),
    ):
        with pytest.raises(ollama.ResponseError, match="admin") as caught:
            change()
        assert caught.value.status_code == 403


def test_an_image_is_seen_by_a_model_with_vision(ollama_admin: ollama.Client) -> None:
    ollama_admin.pull("llava:7b")
    seen = [{"role": "user", "content": "What is it?", "images": [PNG]}]

    assert ollama_admin.chat("llava:7b", seen, options=SHORT).message.content
    assert ollama_admin.generate(
        "llava:7b", "What?", images=[PNG], options=SHORT
    ).response
    with pytest.raises(ollama.ResponseError, match="does not support vision"):
        ollama_admin.chat("tiny-chat", seen)
