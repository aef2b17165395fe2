"""An in-memory API with the shape of the native one, for tests of the UI.

Prompts choose what happens: with “think” it thinks first, “fail” fails after a few
tokens, “restart” begins again in mid-answer, “long” answers at length.
"""

import json
import secrets
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx

from tests.fakes.api_accounts import (
    ADMIN_KEY,
    EXPIRED_KEY,
    USER_KEY,
    FakeAccounts,
    account,
    may_administrate,
    who,
)
from tests.fakes.api_jobs import FakeJob, Json, Pace, now_utc

__all__ = ["ADMIN_KEY", "EXPIRED_KEY", "USER_KEY", "FakeApi", "Pace", "Refusal"]

ANSWER = (
    "Horses are kept in a **corral** for three reasons:\n\n"
    "1. They stay together.\n2. They are easy to reach.\n3. They feel safe.\n\n"
    "```python\nfor horse in corral:\n    horse.feed()\n```\n\n"
    "Ask me more about these. The word is Spanish; naïve readers 🐎 may say “coral”."
)
THOUGHT = "The person asks about corrals. I should be short and give three reasons."


class Refusal(Exception):  # noqa: N818 — what the API says no with
    """A problem to answer with."""

    def __init__(self, status: int, code: str, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.code, self.more = status, code, more


@dataclass
class FakeApi:
    """The whole state of the fake; give `handle` to `httpx.MockTransport`."""

    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], float] = time.monotonic
    simulated: bool = True
    models: list[Json] = field(default_factory=list)
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)  # token to key or name
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    refuse_next: list[Refusal] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    pulls: dict[str, float] = field(default_factory=dict)  # model to start
    pull_seconds: float = 30.0

    def __post_init__(self) -> None:
        if not self.models:
            self.models = default_models()

    def sign_in(self, key: str = USER_KEY) -> str:
        """Give a session token without the login page."""
        token = "sess-" + secrets.token_urlsafe(16)
        self.sessions[token] = key
        return token

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append((request.method, request.url.path))
        try:
            if self.refuse_next:
                raise self.refuse_next.pop(0)
            return self._route(request)
        except Refusal as refusal:
            return problem(refusal)

    def _route(self, request: httpx.Request) -> httpx.Response:  # noqa: C901, PLR0911 — one table
        method, parts = request.method, request.url.path.strip("/").split("/")[2:]
        if (method, parts) == ("POST", ["sessions"]):
            return self._open(json.loads(request.content))
        token, key = self._caller(request)
        match method, parts:
            case "DELETE", ["sessions"]:
                del self.sessions[token]
                return httpx.Response(204)
            case "GET", ["me"]:
                return httpx.Response(200, json=account(key))
            case "POST", ["me", "password"]:
                return self._change_password(json.loads(request.content), key)
            case "GET", ["models"]:
                return listed([*self.models, *self._pulling()])
            case "GET", ["nodes"]:
                version = "0.12.1-sim" if self.simulated else "0.12.1"
                return listed([{"id": "local", "ollama_version": version}])
            case "POST", ["jobs"]:
                return self._submit(json.loads(request.content), key)
            case "GET", ["jobs"]:
                return self._list(request)
            case "GET", ["jobs", job_id]:
                view = self._job(job_id).view(self.clock(), whole=True)
                return httpx.Response(200, json=view)
            case "GET", ["jobs", job_id, "tokens"]:
                return self._tokens(self._job(job_id), request)
            case "POST", ["jobs", job_id, "cancel"]:
                return self._cancel(self._job(job_id))
        raise Refusal(404, "not_found", "There is nothing here.")

    def _open(self, body: Json) -> httpx.Response:
        if refused := self.accounts.refusal(body):
            raise Refusal(401, *refused)
        token = self.sign_in(who(body))
        expires = now_utc() + timedelta(hours=12)
        user = account(who(body))["user"]
        body = {"token": token, "expires_at": expires.isoformat(), "user": user}
        return httpx.Response(201, json=body)

    def _change_password(self, body: Json, name: str) -> httpx.Response:
        if self.accounts.passwords.get(name) != body["old"]:
            raise wrong_field("old", "is not your password")
        if len(body["new"]) < 8:
            raise wrong_field("new", "must have 8 to 128 characters")
        self.accounts.passwords[name] = body["new"]
        return httpx.Response(204)

    def _caller(self, request: httpx.Request) -> tuple[str, str]:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.sessions:
            raise Refusal(401, "session_ended", "The session has ended; log in again.")
        return token, self.sessions[token]

    def _submit(self, body: Json, key: str) -> httpx.Response:
        self.bodies.append(body)
        if body["kind"] == "pull":
            return self._pull(body, key)
        prompt = str(body["request"]["messages"][-1]["content"])
        if "forbidden" in prompt:
            raise Refusal(403, "model_not_allowed", "Your key may not use this model.")
        job = self.add_job(body, prompt)
        return httpx.Response(202, json=job.view(self.clock(), whole=True))

    def add_job(self, body: Json, prompt: str) -> FakeJob:
        """Queue a job that answers as its prompt says."""
        text = ANSWER * (6 if "long" in prompt else 1)
        job = FakeJob(
            id=str(uuid.uuid4()),
            kind=body["kind"],
            model=body["model"],
            request=body["request"],
            metadata=body.get("metadata") or {},
            created=self.clock(),
            born=now_utc(),
            pace=self.pace,
            words=_words(text),
            thoughts=_words(THOUGHT) if "think" in prompt else [],
            fails_after=8 if "fail" in prompt else None,
            restarts_after=10 if "restart" in prompt else None,
        )
        self.jobs[job.id] = job
        return job

    def _pull(self, body: Json, key: str) -> httpx.Response:
        if not may_administrate(key):
            raise Refusal(403, "scope_missing", "Your key lacks the scope admin.")
        self.pulls[body["model"]] = self.clock()
        job = self.add_job(body | {"request": {}}, "")
        job.pace, job.words = Pace(load_seconds=self.pull_seconds), []
        return httpx.Response(202, json=job.view(self.clock(), whole=True))

    def _pulling(self) -> list[Json]:
        return [self._pulled(name, since) for name, since in self.pulls.items()]

    def _pulled(self, name: str, since: float) -> Json:
        total = 522_000_000
        done = min((self.clock() - since) / self.pull_seconds, 1.0)
        if done >= 1:
            return model(name, ["completion"], "on_disk", total)
        pull = {
            "job_id": "p",
            "status": "pulling 7f4030143c1c",
            "completed": int(done * total),
            "total": total,
        }
        return model(name, [], "pulling", None) | {"pull": pull}

    def _list(self, request: httpx.Request) -> httpx.Response:
        kind = request.url.params.get("kind")
        limit = int(request.url.params.get("limit", "20"))
        found = [job for job in self.jobs.values() if kind in (None, job.kind)]
        found.sort(key=lambda job: job.created, reverse=True)
        return listed([job.view(self.clock(), whole=False) for job in found[:limit]])

    def _job(self, job_id: str) -> FakeJob:
        if job_id not in self.jobs:
            raise Refusal(404, "job_not_found", "There is no such job.")
        return self.jobs[job_id]

    def _cancel(self, job: FakeJob) -> httpx.Response:
        if not job.is_final(self.clock()):
            job.cancelled = self.clock()
        return httpx.Response(200, json=job.view(self.clock(), whole=False))

    def _tokens(self, job: FakeJob, request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        deadline = self.clock() + int(request.url.params.get("wait", "0")) / 1000
        events = _later(job.events(self.clock()), after)
        while not events and self.clock() < deadline:
            time.sleep(0.02)
            events = _later(job.events(self.clock()), after)
        now = self.clock()
        body = {
            "state": job.state(now),
            "events": [job.state_event(now), *events],
            "next": events[-1]["id"] if events else after,
        }
        return httpx.Response(200, json=body)


def default_models() -> list[Json]:
    """Give a catalogue with one of each sort."""
    return [
        model("nomic-embed-text:latest", ["embedding"], "on_disk", 274_302_450),
        model("gemma3:4b", ["completion", "vision"], "on_disk", 3_338_801_804),
        model("qwen3:0.6b", ["completion", "tools", "thinking"], "loaded", 522_653_767),
        model("llama3.3:70b", ["completion", "tools"], "unavailable", None),
    ]


def model(
    name: str, capabilities: list[str], state: str, size_bytes: int | None
) -> Json:
    """Describe a model as `GET /api/v1/models` does."""
    return {
        "name": name,
        "capabilities": capabilities,
        "state": state,
        "context_length": 40_960,
        "nodes": ["local"] if state in ("loaded", "on_disk") else [],
        "size_bytes": size_bytes,
        "pull": None,
    }


def wrong_field(name: str, message: str) -> Refusal:
    """Refuse one field of a body."""
    errors = [{"field": name, "message": message}]
    return Refusal(422, "invalid_request", f"{name}: {message}", errors=errors)


def listed(items: list[Json]) -> httpx.Response:
    """Answer with a list."""
    return httpx.Response(200, json={"data": items, "next": None})


def problem(refusal: Refusal) -> httpx.Response:
    """Answer with an RFC 9457 problem."""
    body = {
        "type": "about:blank",
        "title": refusal.code,
        "status": refusal.status,
        "detail": str(refusal),
        "code": refusal.code,
        "request_id": "req-1",
        **refusal.more,
    }
    headers = {"Content-Type": "application/problem+json"}
    return httpx.Response(refusal.status, json=body, headers=headers)


def _words(text: str) -> list[str]:
    return [text[start : start + 6] for start in range(0, len(text), 6)]


def _later(events: list[Json], after: str | None) -> list[Json]:
    if not after:
        return events
    return [event for event in events if _order(event["id"]) > _order(after)]


def _order(entry: str) -> tuple[int, int]:
    attempt, _, seq = entry.partition("-")
    return int(attempt), int(seq)
