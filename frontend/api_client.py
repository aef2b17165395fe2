"""The only code of the UI that talks to the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from frontend.errors import ApiDownError, ApiError, UnexpectedReplyError, error_of
from frontend.replies import Account, Job, Model, Session, Tail
from frontend.settings import UiSettings

Shape = TypeVar("Shape", bound=BaseModel)
Json = dict[str, Any]  # what JSON objects are
_CONNECTIONS = 64  # a poll holds one; this many people may wait at once


def connect(settings: UiSettings) -> httpx.Client:
    """Make the connection pool that all sessions of this process share."""
    timeout = httpx.Timeout(
        settings.ui_api_timeout / 1000, connect=settings.ui_api_connect_timeout / 1000
    )
    return httpx.Client(
        base_url=settings.corral_api_url,
        timeout=timeout,
        limits=httpx.Limits(max_connections=_CONNECTIONS),
        headers={"Accept": "application/json"},
        # The address is explicit; a proxy in the environment is for other things.
        trust_env=False,
    )


def open_session(http: httpx.Client, key: str) -> Session:
    """Trade a key for an opaque session token."""
    return _session(http, {"key": key})


def log_in(http: httpx.Client, user: str, password: str) -> Session:
    """Trade a name and a password for an opaque session token."""
    return _session(http, {"user": user, "password": password})


def _session(http: httpx.Client, body: Json) -> Session:
    return _read(Session, _ask(http, "POST", "/api/v1/sessions", token=None, json=body))


@dataclass(frozen=True, slots=True)
class ApiClient:
    """The API as one signed-in person sees it."""

    http: httpx.Client
    token: str

    def close_session(self) -> None:
        """End the session; its token is worth nothing afterwards."""
        self._call("DELETE", "/api/v1/sessions")

    def me(self) -> Account:
        """Tell who is signed in."""
        return _read(Account, self._call("GET", "/api/v1/me"))

    def change_password(self, old: str, new: str) -> None:
        """Change the password of whoever is signed in; other sessions end."""
        self._call("POST", "/api/v1/me/password", json={"old": old, "new": new})

    def models(self) -> list[Model]:
        """List the models that this key may see."""
        return _read_list(Model, self._call("GET", "/api/v1/models"))

    def is_simulated(self) -> bool:
        """Tell whether a node's model server says that it is a simulator."""
        reply = self._call("GET", "/api/v1/nodes").json()
        nodes = reply.get("data", []) if isinstance(reply, dict) else []
        return any("-sim" in str(node.get("ollama_version", "")) for node in nodes)

    def submit(self, body: Mapping[str, object], *, idempotency_key: str) -> Job:
        """Hand in a job; the same idempotency key never makes a second one."""
        headers = {"Idempotency-Key": idempotency_key}
        reply = self._call("POST", "/api/v1/jobs", json=dict(body), headers=headers)
        return _read(Job, reply)

    def job(self, job_id: str) -> Job:
        """Read one job with its request."""
        return _read(Job, self._call("GET", f"/api/v1/jobs/{_segment(job_id)}"))

    def chats(self, *, limit: int) -> list[Job]:
        """List the newest chats of whoever is signed in, also of an administrator."""
        params: dict[str, str | int] = {"kind": "chat", "mine": "true", "limit": limit}
        return _read_list(Job, self._call("GET", "/api/v1/jobs", params=params))

    def tail(self, job_id: str, *, after: str | None, wait_ms: int) -> Tail:
        """Read what a job's stream has after an entry; wait if there is nothing yet."""
        params: dict[str, str | int] = {"wait": wait_ms}
        if after:
            params["after"] = after
        path = f"/api/v1/jobs/{_segment(job_id)}/tokens"
        return _read(Tail, self._call("GET", path, params=params))

    def cancel(self, job_id: str) -> None:
        """Ask for a job to be stopped."""
        self._call("POST", f"/api/v1/jobs/{_segment(job_id)}/cancel")

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: Json | None = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        return _ask(
            self.http,
            method,
            path,
            token=self.token,
            json=json,
            params=params,
            headers=headers,
        )


def _ask(
    http: httpx.Client,
    method: str,
    path: str,
    *,
    token: str | None,
    json: Json | None = None,
    params: Mapping[str, str | int] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    sent = dict(headers or {})
    if token:
        sent["Authorization"] = f"Bearer {token}"
    try:
        reply = http.request(method, path, json=json, params=params, headers=sent)
    except httpx.TransportError as error:
        raise ApiDownError(str(http.base_url).rstrip("/")) from error
    if reply.is_success:
        return reply
    raise _problem(reply)


def _problem(reply: httpx.Response) -> ApiError:
    try:
        problem = reply.json()
    except ValueError:
        problem = {}
    fields = problem if isinstance(problem, dict) else {}
    return error_of(reply.status_code, fields, reply.headers)


def _read(shape: type[Shape], reply: httpx.Response) -> Shape:
    try:
        return shape.model_validate_json(reply.content)
    except ValidationError as error:
        raise UnexpectedReplyError(reply.request.url.path) from error


def _read_list(shape: type[Shape], reply: httpx.Response) -> list[Shape]:
    try:
        data = reply.json()["data"]
        return TypeAdapter(list[shape]).validate_python(data)  # type: ignore[valid-type]  # a type known only at run time
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise UnexpectedReplyError(reply.request.url.path) from error


def _segment(job_id: str) -> str:
    # The id comes from the address bar: it must stay one segment of the path.
    return "".join(c for c in job_id if c.isalnum() or c == "-") or "-"
