"""The API through Flask's client, as tests call it."""

from dataclasses import dataclass, replace
from typing import Any, Protocol

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from backend.api.container import Services
from backend.core.keys import Scope

CHAT = {"messages": [{"role": "user", "content": "one two three"}]}
# The tokens that it may use: 13 characters', and as many as a prompt gets.
COST = 4 + 2_048


@dataclass(frozen=True)
class Api:
    """The API through Flask's client, with one key."""

    client: FlaskClient
    key: str | None

    def __call__(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = dict(more.pop("headers", {}))
        if self.key:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        return self.client.open(path, method=method, headers=headers, **more)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self("GET", path, **more)

    def post(self, path: str, **more: Any) -> TestResponse:
        return self("POST", path, **more)

    def submit(self, **over: Any) -> TestResponse:
        """Submit a chat, or what `over` says."""
        headers = over.pop("headers", {})
        body = {"kind": "chat", "model": "tiny-chat", "request": CHAT} | over
        return self.post("/api/v1/jobs", json=body, headers=headers)

    def with_key(self, key: str | None) -> "Api":
        return replace(self, key=key)


def make_key(services: Services, user: str, *scopes: Scope, **more: Any) -> str:
    scopes = scopes or (Scope.INFERENCE, Scope.READ)
    secret, _ = services.keys.create(user=user, name="test", scopes=scopes, **more)
    return secret


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


def submit(api: Api, **over: Any) -> str:
    reply = api.submit(**over)
    assert reply.status_code == 202
    assert reply.json is not None
    return str(reply.json["id"])


def waited(api: Api, **over: Any) -> Any:
    return api.submit(headers={"Prefer": "wait=20"}, **over)


def code_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json["code"]


class MakeCaller(Protocol):
    """Makes a caller whose key has limits."""

    def __call__(self, **limits: int) -> Api: ...


def used(services: Services, api: Api) -> tuple[int, int, int, int, int]:
    """Tell what a key with limits uses: requests, tokens, charged, reserved, places."""
    limits = services.keys.recognise(str(api.key)).limits
    assert limits is not None
    at = services.reservations.standing(limits.subjects[0])
    return at.requests, at.tokens, at.charged, at.reserved, at.places
