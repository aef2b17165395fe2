"""What is said where nothing is."""

import pytest

from tests.integration.api.caller import Api


def test_an_address_that_is_not_there_is_404(ann: Api) -> None:
    reply = ann.get("/api/v1/nothing")

    assert (reply.status_code, reply.json["code"]) == (404, "not_found")
    assert "`/docs`" in reply.json["detail"]


@pytest.mark.parametrize(
    ("method", "wrong", "meant"),
    [
        ("POST", "/chat/completions", "/v1/chat/completions"),
        ("POST", "/messages", "/v1/messages"),
        ("POST", "/v1/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("POST", "//v1/chat/completions", "/v1/chat/completions"),
        ("POST", "/openai/deployments/x/embeddings", "/v1/embeddings"),
        ("GET", "/models", "/v1/models"),
        ("GET", "/models/qwen3:0.6b", "/v1/models/qwen3:0.6b"),
    ],
)
def test_whoever_has_a_wrong_base_url_is_told_the_address(
    ann: Api, method: str, wrong: str, meant: str
) -> None:
    reply = ann(method, wrong)

    assert reply.status_code == 404
    assert f"but at `{meant}`" in reply.get_data(as_text=True)


@pytest.mark.parametrize("wrong", ["/v1/files", "/v1/batches/messages", "/", "//"])
def test_no_address_is_made_up(ann: Api, wrong: str) -> None:
    assert "but at" not in ann.get(wrong).get_data(as_text=True)
