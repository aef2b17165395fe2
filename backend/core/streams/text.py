"""A job's text as it grows, and the `tokens` frames that carry it.

Offsets count Unicode code points; a reader keeps `old[:offset] + new` of each frame, so
a frame that comes twice changes nothing.
"""

from typing import Any

import orjson


class GrowingText:
    """What an attempt has said so far, and what of it no frame has carried yet."""

    __slots__ = (
        "_calls_sent",
        "_logprobs_sent",
        "_parts",
        "_sent_text",
        "_sent_thinking",
        "_thinking_parts",
        "logprobs",
        "tool_calls",
    )

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._thinking_parts: list[str] = []
        self.tool_calls: list[dict[str, Any]] = []
        # Of each token, in Ollama's form; only where the caller asked for them.
        self.logprobs: list[dict[str, Any]] = []
        # (parts already carried, their length in code points)
        self._sent_text = (0, 0)
        self._sent_thinking = (0, 0)
        self._calls_sent = self._logprobs_sent = 0

    @property
    def text(self) -> str:
        """All text so far."""
        return "".join(self._parts)

    @property
    def thinking(self) -> str:
        """All thinking so far."""
        return "".join(self._thinking_parts)

    @property
    def empty(self) -> bool:
        """Tell whether nothing was said yet."""
        return not (
            self._parts or self._thinking_parts or self.tool_calls or self.logprobs
        )

    @property
    def pending(self) -> bool:
        """Tell whether something waits for a frame."""
        return (
            self._sent_text[0] < len(self._parts)
            or self._sent_thinking[0] < len(self._thinking_parts)
            or self._calls_sent < len(self.tool_calls)
            or self._logprobs_sent < len(self.logprobs)
        )

    def add(
        self,
        text: str = "",
        thinking: str = "",
        tool_calls: list[dict[str, Any]] | None = None,
        logprobs: list[dict[str, Any]] | None = None,
    ) -> None:
        """Append what the model said."""
        if text:
            self._parts.append(text)
        if thinking:
            self._thinking_parts.append(thinking)
        for call in tool_calls or ():
            self.tool_calls.append({"index": len(self.tool_calls), **call})
        if logprobs:
            self.logprobs += logprobs

    def take(self) -> bytes:
        """Write what waits as the data of one `tokens` frame."""
        text, thinking = self._take_text(), self._take_thinking()
        offset = self._sent_text[1] - len(text)
        data: dict[str, Any] = {"text_offset": offset, "text": text}
        if thinking:
            data["thinking_offset"] = self._sent_thinking[1] - len(thinking)
            data["thinking"] = thinking
        if self._calls_sent < len(self.tool_calls):
            data["tool_calls"] = self.tool_calls[self._calls_sent :]
            self._calls_sent = len(self.tool_calls)
        if self._logprobs_sent < len(self.logprobs):
            data["logprobs_offset"] = self._logprobs_sent
            data["logprobs"] = self.logprobs[self._logprobs_sent :]
            self._logprobs_sent = len(self.logprobs)
        return orjson.dumps(data)

    def _take_text(self) -> str:
        text = "".join(self._parts[self._sent_text[0] :])
        self._sent_text = (len(self._parts), self._sent_text[1] + len(text))
        return text

    def _take_thinking(self) -> str:
        text = "".join(self._thinking_parts[self._sent_thinking[0] :])
        sent = self._sent_thinking[1] + len(text)
        self._sent_thinking = (len(self._thinking_parts), sent)
        return text

    def rewind(self) -> None:
        """Forget what was carried: the next frame has the whole text."""
        self._sent_text = self._sent_thinking = (0, 0)
        self._calls_sent = self._logprobs_sent = 0


def whole_text_data(result: dict[str, Any] | None) -> bytes | None:
    """Write a stored result as one `tokens` frame; None if it has no text."""
    if not result or "embeddings" in result:
        return None
    message = result.get("message", result)
    growing = GrowingText()
    growing.add(
        message.get("content", message.get("text", "")) or "",
        message.get("thinking") or "",
        [
            {k: v for k, v in call.items() if k != "index"}
            for call in message.get("tool_calls") or ()
        ],
        result.get("logprobs"),
    )
    return None if growing.empty else growing.take()
