"""Usage as the API and the command line show it: flat, so that CSV and JSON agree."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from backend.core.usage.calls import CallRecord
from backend.core.usage.grouping import Dimension
from backend.core.usage.sums import Counts, Line

_OF_COUNTS = (*Counts.__slots__, "total_tokens")
_OF_GROUPS = {
    Dimension.KEY: ("key_id", "key_prefix", "key_name"),
    Dimension.USER: ("user_id", "user"),
}
CALL_FIELDS = (
    "id",
    "finished_at",
    "created_at",
    "user_id",
    "user",
    "key_id",
    "key_prefix",
    "key_name",
    "model",
    "served_model",
    "node",
    "kind",
    "protocol",
    "state",
    "attempts",
    "error_code",
    "prompt_tokens",
    "completion_tokens",
    "queue_ms",
    "first_token_ms",
    "total_ms",
)


def line_fields(by: Sequence[Dimension]) -> list[str]:
    """Name what the lines of these groups have."""
    groups = [name for one in by for name in _OF_GROUPS.get(one, (one.value,))]
    return [*groups, *_OF_COUNTS]


def counts_view(counts: Counts) -> dict[str, int]:
    """Show counts."""
    total = counts.prompt_tokens + counts.completion_tokens
    return asdict(counts) | {"total_tokens": total}


def line_view(line: Line) -> dict[str, Any]:
    """Show a group."""
    return line.group | counts_view(line.counts)


def call_view(call: CallRecord) -> dict[str, Any]:
    """Show a call."""
    return {name: getattr(call, name) for name in CALL_FIELDS}
