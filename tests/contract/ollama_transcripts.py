"""Read the exchanges that were recorded from a real Ollama.

`data/README.md` says what they are. The simulator is held against them, and the
worker's client is fed with them.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
# A long prompt is described, not recorded: "word (3000 times)".
_REPEATED = re.compile(r"(\w+) \((\d+) times\)")


@dataclass(frozen=True)
class Reply:
    """What a server answered.

    Attributes:
        lines: Of a stream, else None.
        lines_left_out: How many the record lacks in its middle.
    """

    status: int
    headers: dict[str, str]
    body: Any = None
    lines: list[str] | None = None
    lines_left_out: int = 0


@dataclass(frozen=True)
class Recorded:
    """One exchange.

    Attributes:
        content: The body as it was sent, None where there was none.
        cut_after_lines: After how many lines the caller hung up.
    """

    name: str
    method: str
    path: str
    content: bytes | None
    json: Any
    reply: Reply
    cut_after_lines: int | None


def recorded(file: str) -> list[Recorded]:
    """Read a file of exchanges."""
    with (DATA / file).open() as lines:
        return [_exchange(json.loads(line)) for line in lines]


def _exchange(entry: dict[str, Any]) -> Recorded:
    request = entry["request"]
    body = _expanded(request.get("json"))
    content = request["raw"].encode() if "raw" in request else None
    if "json" in request:
        content = json.dumps(body).encode()
    return Recorded(
        name=entry["name"],
        method=request["method"],
        path=request["path"],
        content=content,
        json=body,
        reply=_reply(entry["response"]),
        cut_after_lines=entry.get("cut_after_lines"),
    )


def _reply(response: dict[str, Any]) -> Reply:
    return Reply(
        status=response["status"],
        headers=response["headers"],
        body=response.get("json", response.get("text")),
        lines=response.get("lines"),
        lines_left_out=response.get("lines_left_out", 0),
    )


def _expanded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _expanded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item) for item in value]
    match = _REPEATED.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else f"{match[1]} " * int(match[2])
