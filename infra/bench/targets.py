"""The same work asked of each: Ollama's own protocol, Corral's, LiteLLM's."""

import json

from infra.bench.caller import Target

MODEL = "tiny-chat"
PROMPT = "Write about the weather."
EMBED_MODEL = "nomic-embed-text"
TEXT = "The weather is fine today."


def _head(path: str, port: int, *lines: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    return "\r\n".join([*head, "Content-Type: application/json", *lines, ""]).encode()


def _messages() -> list[dict[str, str]]:
    return [{"role": "user", "content": PROMPT}]


def upstream(port: int, *, tokens: int, stream: bool) -> Target:
    """Ask the simulator itself."""
    body = {
        "model": MODEL,
        "messages": _messages(),
        "stream": stream,
        "options": _options(tokens),
    }
    done = b'"eval_count":%d' % tokens
    return Target(
        "upstream",
        port,
        _head("/api/chat", port),
        json.dumps(body).encode(),
        is_text=lambda data: b'"content":"' in data,
        is_right=lambda answer: done in answer,
    )


def corral(port: int, key: str, *, tokens: int, stream: bool) -> Target:
    """Ask Corral's native API: wait for the job, or follow its events."""
    body = {
        "kind": "chat",
        "model": MODEL,
        "request": {"messages": _messages(), "options": _options(tokens)},
    }
    wish = "Accept: text/event-stream" if stream else "Prefer: wait=60"
    done = b'"completion_tokens":%d' % tokens
    return Target(
        "corral",
        port,
        _head("/api/v1/jobs", port, f"Authorization: Bearer {key}", wish),
        json.dumps(body).encode(),
        is_text=lambda data: b"event: tokens" in data or b'"content":"' in data,
        is_right=lambda answer: done in answer and b'"succeeded"' in answer,
    )


def corral_openai(port: int, key: str, *, tokens: int, stream: bool) -> Target:
    """Ask Corral by OpenAI's protocol."""
    return _openai("corral /v1", port, key, tokens=tokens, stream=stream)


def litellm(port: int, key: str, *, tokens: int, stream: bool) -> Target:
    """Ask LiteLLM's proxy for the same by OpenAI's protocol."""
    return _openai("litellm", port, key, tokens=tokens, stream=stream)


def _openai(name: str, port: int, key: str, *, tokens: int, stream: bool) -> Target:
    body = {
        "model": MODEL,
        "messages": _messages(),
        "stream": stream,
        "max_tokens": tokens,
        "temperature": 0,
    }
    end = b"data: [DONE]" if stream else b'"choices"'
    return Target(
        name,
        port,
        _head("/v1/chat/completions", port, f"Authorization: Bearer {key}"),
        json.dumps(body).encode(),
        is_text=lambda data: b'"content":"' in data,
        is_right=lambda answer: end in answer and b'"error"' not in answer,
    )


def upstream_embedding(port: int) -> Target:
    """Ask the simulator itself for the vector of one short text."""
    body = {"model": EMBED_MODEL, "input": TEXT}
    return _embedding("upstream", port, _head("/api/embed", port), body)


def corral_embedding(name: str, port: int, key: str) -> Target:
    """Ask Corral for it, and wait."""
    body = {"kind": "embed", "model": EMBED_MODEL, "request": {"input": TEXT}}
    lines = (f"Authorization: Bearer {key}", "Prefer: wait=60")
    return _embedding(name, port, _head("/api/v1/jobs", port, *lines), body)


def _embedding(name: str, port: int, head: bytes, body: object) -> Target:
    # A vector of 768 numbers; what is not done, or failed, has none.
    return Target(
        name,
        port,
        head,
        json.dumps(body).encode(),
        is_text=lambda data: b'"embeddings"' in data,
        is_right=lambda answer: b'"embeddings":[[' in answer and len(answer) > 4_096,
    )


def _options(tokens: int) -> dict[str, int]:
    # At temperature 0 the simulator's model does not stop by itself.
    return {"num_predict": tokens, "temperature": 0}
