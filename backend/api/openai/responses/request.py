"""From a response's request to the native one (pure)."""

from collections.abc import Sequence
from typing import Any

import orjson

from backend.api.calls.asking import Asked
from backend.api.calls.naming import names
from backend.api.calls.tooling import Tooling
from backend.api.openai.chat_request import think
from backend.api.openai.naming import COMMON
from backend.api.openai.responses.input_messages import messages
from backend.api.openai.schemas.responses import ResponseCreateParams
from backend.core.jobs.states import Kind

Json = dict[str, Any]
_NAMES = (
    *names(
        (r"request\.options\.num_predict$", "max_output_tokens"),
        # Items are not numbered as messages are: several may be one message.
        (r"request\.messages\b.*", "input"),
        (r"request\.think$", "reasoning.effort"),
        (r"request\.format\b", "text.format"),
        (r"request\.logprobs$", "include"),
        (r"request$", "input"),
    ),
    *COMMON,
)


def asked(
    body: ResponseCreateParams,
    sent: Any,  # as it came
    tools: Tooling,
    before: Sequence[Json],
) -> Asked:
    """Say in the native API's words what is asked.

    Args:
        body: What is asked.
        sent: The same as it came: it is kept, to be told again.
        tools: What the answer is held to.
        before: The conversation that it goes on with.

    Raises:
        AppError: If an item answers a call that was not made.
    """
    request: Json = {
        "messages": [*_instructions(body), *before, *messages(body.input, before)],
        "options": _options(body),
        "tools": list(tools.tools) or None,
        "format": tools.form,
        "logprobs": body.with_logprobs or None,
        "top_logprobs": body.top_logprobs or None,
    }
    if body.reasoning is not None and body.reasoning.effort is not None:
        request["think"] = think(body.reasoning.effort)
    return Asked(
        Kind.CHAT,
        body.model,
        {name: value for name, value in request.items() if value is not None},
        metadata=body.metadata,
        original=orjson.dumps(sent),
        kept=body.stored,
        goes_on=bool(body.background),
        names=_NAMES,
    )


def _instructions(body: ResponseCreateParams) -> list[Json]:
    if not body.instructions:
        return []
    return [{"role": "system", "content": body.instructions}]


def without_instructions(body: ResponseCreateParams, request: Json) -> list[Json]:
    """Give the messages of a request of ours; its instructions go for it alone."""
    said: list[Json] = request["messages"]
    return said[len(_instructions(body)) :]


def _options(body: ResponseCreateParams) -> Json:
    options = {
        "temperature": body.temperature,
        "top_p": body.top_p,
        "num_predict": body.max_output_tokens,
    }
    return {name: value for name, value in options.items() if value is not None}
