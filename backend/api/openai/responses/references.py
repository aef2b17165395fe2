"""References to items of responses that are kept, replaced by the items themselves.

A client that knows its responses to be kept sends the names of their items instead of
them (Vercel's AI SDK does).
"""

import re
from typing import Any

from backend.api.errors import invalid
from backend.api.openai.responses.answer import response
from backend.api.openai.responses.input_items import input_items
from backend.api.openai.responses.stored import find
from backend.core.errors import ResponseNotFoundError

Json = dict[str, Any]
_ITEM = re.compile(r"(?:msg|rs|fc|in)_([0-9a-f]{32})_\d{1,9}")
# Each is read from the database; longer conversations have `previous_response_id`.
_MOST_RESPONSES = 100


def resolved(sent: Any, owner_id: int) -> Any:  # whatever JSON can hold
    """Put items into a body in the place of references to them.

    Raises:
        AppError: If there is no such item.
    """
    items = sent.get("input") if isinstance(sent, dict) else None
    if not isinstance(items, list):
        return sent
    kept = _Kept(owner_id)
    return sent | {"input": [kept.item(n, item) for n, item in enumerate(items)]}


class _Kept:
    """The items of an owner's responses, each response read once."""

    def __init__(self, owner_id: int) -> None:
        """Begin with none."""
        self._owner_id = owner_id
        self._found: dict[str, dict[str, Json]] = {}

    def item(self, index: int, item: Any) -> Any:  # whatever JSON can hold
        """Give an item, or that which it only refers to.

        Raises:
            AppError: If there is none.
        """
        if not isinstance(item, dict) or item.get("type") != "item_reference":
            return item
        name, field = item.get("id"), f"input.{index}.id"
        match = _ITEM.fullmatch(name) if isinstance(name, str) else None
        found = None if match is None else self._of(match[1], field).get(match[0])
        if found is None:
            raise invalid(field, "no response of yours has an item of this id")
        return found

    def _of(self, digits: str, field: str) -> dict[str, Json]:
        if digits not in self._found:
            if len(self._found) == _MOST_RESPONSES:
                text = f"is of one more than {_MOST_RESPONSES} responses"
                raise invalid(field, text)
            self._found[digits] = self._read(digits)
        return self._found[digits]

    def _read(self, digits: str) -> dict[str, Json]:
        try:
            stored = find(f"resp_{digits}", self._owner_id)
        except ResponseNotFoundError:
            return {}
        output = response(stored.row, stored.body)["output"]
        asked = input_items(stored.row.id, stored.body.input)
        return {item["id"]: item for item in (*asked, *output)}
