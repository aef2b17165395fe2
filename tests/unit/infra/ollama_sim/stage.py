"""A stage for the simulator: no sockets, and a clock that jumps to what comes next.

@played
async def test_a_thing_happens() -> None:
    stage = Stage(tokens_per_second=10)
    reply = await stage.post("/api/chat", HELLO)

    assert reply.times == [0.1, ...]
"""

import asyncio
import functools
import json
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

from ollama_sim.connection import Connection
from ollama_sim.router import Router
from ollama_sim.settings import Settings
from ollama_sim.simulator import Simulator

HELLO = {"model": "tiny-chat", "messages": [{"role": "user", "content": "Hello"}]}


class NothingToDoError(RuntimeError):
    """All tasks wait for something that nobody will do."""


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self.now


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise NothingToDoError
        self._loop.now += max(timeout, 0)
        return super().select(0)


def played(scene: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make a test of a coroutine."""

    @functools.wraps(scene)
    def test(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            runner.run(scene(*args, **kwargs))

    return test


def now() -> float:
    return round(asyncio.get_running_loop().time(), 6)


class Caller:
    """A socket's other end; it is the transport that the connection writes to."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.writes: list[tuple[float, bytes]] = []
        self.closed = False
        self._bodiless = False
        self._news = asyncio.Event()
        connection.connection_made(self)  # type: ignore[arg-type] # stands for one

    # What the connection calls.
    def write(self, data: bytes) -> None:
        self.writes.append((now(), data))
        self._news.set()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._news.set()
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    # What a test calls.
    def send(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        self._bodiless = method == "HEAD"
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        content = b"" if body is None else content
        lines = [f"{method} {path} HTTP/1.1", f"Content-Length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {v}" for name, v in headers.items()]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.connection.data_received(head + content)

    def leave(self) -> None:
        """Close the socket."""
        self.close()

    async def reply(self) -> "Reply":
        """Wait for the end of the response."""
        while not (self.closed or self._is_answered()):
            self._news.clear()
            await self._news.wait()
        return Reply(self.writes, closed=self.closed)

    async def first_write(self) -> None:
        while not self.writes and not self.closed:
            self._news.clear()
            await self._news.wait()

    def _is_answered(self) -> bool:
        return _is_whole(self.data) or (self._bodiless and bool(self.data))

    @property
    def data(self) -> bytes:
        return b"".join(data for _, data in self.writes)


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length: "):
            return len(body) >= int(line[16:])
    return body.endswith(b"0\r\n\r\n")


class Reply:
    """A response, with the time of each write."""

    def __init__(self, writes: list[tuple[float, bytes]], *, closed: bool) -> None:
        self.writes = writes
        self.times = [time for time, _ in writes]
        raw = b"".join(data for _, data in writes)
        self.head, _, body = raw.partition(b"\r\n\r\n")
        self.status = int(self.head.split(b" ")[1]) if self.head else 0
        chunked = b"transfer-encoding: chunked" in self.head.lower()
        self.body = _unchunked(body) if chunked else body
        self.whole = _is_whole(raw) and not closed

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def text(self) -> str:
        """The answer's text."""
        lines = self.lines
        parts = [line["message"]["content"] for line in lines if "message" in line]
        return "".join(parts)


def _unchunked(body: bytes) -> bytes:
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        parts.append(rest[: int(size, 16)])
        body = rest[int(size, 16) + 2 :]
    return b"".join(parts)


class Stage:
    """A simulator with callers."""

    def __init__(self, **settings: Any) -> None:
        self.sim = Simulator.build(Settings(**settings))
        self._router = Router(self.sim)

    def lose_time(self, seconds: float) -> None:
        """Let time pass in which the simulator's process does nothing."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        loop.now += seconds

    def caller(self) -> Caller:
        return Caller(Connection(self._router, self.sim.connections))

    def start(self, path: str, body: Any, method: str = "POST") -> Caller:
        caller = self.caller()
        caller.send(method, path, body)
        return caller

    async def post(self, path: str, body: Any) -> Reply:
        return await self.start(path, body).reply()

    async def get(self, path: str) -> Reply:
        return await self.start(path, None, "GET").reply()

    async def put(self, path: str, body: Any) -> Reply:
        return await self.start(path, body, "PUT").reply()

    async def records(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get("/_sim/requests")).json[
            "requests"
        ]
        return found

    async def stats(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.get("/_sim/stats")).json
        return found


def hello(model: str = "tiny-chat", **fields: Any) -> dict[str, Any]:
    """Return the body of a chat; unknown fields are options."""
    top = ("stream", "keep_alive", "format", "tools", "think", "truncate", "shift")
    body = {**HELLO, "model": model}
    body |= {name: fields.pop(name) for name in top if name in fields}
    return {**body, "options": fields}
