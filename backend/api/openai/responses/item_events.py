"""The events of a response's items, in their order (pure).

    item added ► (part added ► delta … ► text done ► part done) ► item done

Thoughts are over when something is said. A text stays open to the end, so that there is
one message, whatever is called in between; a call comes and is over at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from backend.api.calls.relay import Delta, ToolCall
from backend.api.openai.responses.items import (
    COMPLETED,
    IN_PROGRESS,
    function_call,
    logprobs,
    message,
    of_text,
    output_text,
    reasoning,
    summary,
)

Json = dict[str, Any]


@dataclass(slots=True)
class _Growing:
    """An item that is not complete."""

    place: Json
    number: int
    text: list[str] = field(default_factory=list)
    logprobs: list[Json] = field(default_factory=list)


class ItemEvents:
    """Makes events of what a model says, and keeps the items that it makes up."""

    def __init__(self, job_id: str) -> None:
        """Begin with no item."""
        self._job_id = job_id
        self.items: list[Json] = []
        self._thoughts: _Growing | None = None
        self._message: _Growing | None = None
        self._thought = self._called = 0

    def said(self, delta: Delta) -> Iterator[Json]:
        """Tell what the model said."""
        if delta.thinking:
            yield from self._think(delta.thinking)
        if delta.text:
            yield from self._end_thoughts(COMPLETED)
            yield from self._say(delta)
        for call in delta.tool_calls:
            yield from self._end_thoughts(COMPLETED)
            yield from self._call(call)

    def over(self, status: str) -> Iterator[Json]:
        """Tell that the items are complete, or that they never will be."""
        yield from self._end_thoughts(status)
        yield from self._end_message(status)

    def _think(self, text: str) -> Iterator[Json]:
        if self._thoughts is None:
            number, self._thought = self._thought, self._thought + 1
            item = reasoning(self._job_id, number, None, status=IN_PROGRESS)
            self._thoughts = _Growing(self._added(item), number)
            yield from self._begun(item)
            yield self._part("reasoning_summary_part.added", self._thoughts, "")
        grown = self._thoughts
        grown.text.append(text)
        told = {**grown.place, "summary_index": 0, "delta": text}
        yield {"type": "response.reasoning_summary_text.delta", **told}

    def _end_thoughts(self, status: str) -> Iterator[Json]:
        if self._thoughts is None:
            return
        grown, self._thoughts = self._thoughts, None
        text = "".join(grown.text)
        told = {**grown.place, "summary_index": 0, "text": text}
        yield {"type": "response.reasoning_summary_text.done", **told}
        yield self._part("reasoning_summary_part.done", grown, text)
        item = reasoning(self._job_id, grown.number, text, status=status)
        yield self._done(grown.place, item)

    @staticmethod
    def _part(event: str, grown: _Growing, text: str) -> Json:
        told = {**grown.place, "summary_index": 0, "part": summary(text)}
        return {"type": f"response.{event}", **told}

    def _say(self, delta: Delta) -> Iterator[Json]:
        if self._message is None:
            item = message(self._job_id, None, status=IN_PROGRESS)
            self._message = _Growing(self._added(item), 0)
            yield from self._begun(item)
            told = {**self._message.place, "content_index": 0, "part": output_text("")}
            yield {"type": "response.content_part.added", **told}
        grown = self._message
        grown.text.append(delta.text)
        known = of_text(delta.logprobs, delta.text)
        grown.logprobs += known
        told = {**grown.place, "content_index": 0, "delta": delta.text}
        told["logprobs"] = logprobs(known)
        yield {"type": "response.output_text.delta", **told}

    def _end_message(self, status: str) -> Iterator[Json]:
        if self._message is None:
            return
        grown, self._message = self._message, None
        part = output_text("".join(grown.text), grown.logprobs)
        place = {**grown.place, "content_index": 0}
        said = {"text": part["text"], "logprobs": part["logprobs"]}
        yield {"type": "response.output_text.done", **place, **said}
        yield {"type": "response.content_part.done", **place, "part": part}
        item = message(self._job_id, part, status=status)
        yield self._done(grown.place, item)

    def _call(self, call: ToolCall) -> Iterator[Json]:
        item = function_call(self._job_id, self._called, call)
        self._called += 1
        begun = item | {"arguments": "", "status": IN_PROGRESS}
        place, arguments = self._added(begun), item["arguments"]
        yield from self._begun(begun)
        event = "response.function_call_arguments"
        yield {"type": f"{event}.delta", **place, "delta": arguments}
        yield {"type": f"{event}.done", **place, "arguments": arguments}
        yield self._done(place, item)

    def _added(self, item: Json) -> Json:
        self.items.append(item)
        return {"item_id": item["id"], "output_index": len(self.items) - 1}

    def _begun(self, item: Json) -> Iterator[Json]:
        index = len(self.items) - 1
        yield {
            "type": "response.output_item.added",
            "output_index": index,
            "item": item,
        }

    def _done(self, place: Json, item: Json) -> Json:
        index = place["output_index"]
        self.items[index] = item
        return {
            "type": "response.output_item.done",
            "output_index": index,
            "item": item,
        }
