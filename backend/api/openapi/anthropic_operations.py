"""What Anthropic's addresses take and give."""

from pydantic import TypeAdapter

from backend.api.anthropic.schemas import views
from backend.api.anthropic.schemas.messages import (
    MessageCountTokensParams,
    MessageCreateParams,
)
from backend.api.openapi import examples
from backend.api.openapi.forms import ANTHROPIC
from backend.api.openapi.operation import (
    OF_A_MODEL,
    OF_ANSWERS,
    OF_SUBMISSION,
    STREAM,
    Gives,
    Operation,
)

ANTHROPIC_OPERATIONS: dict[str, Operation] = {
    "anthropic.create": Operation(
        "Anthropic",
        {200: (Gives(views.AnthropicMessage), STREAM)},
        OF_SUBMISSION,
        body=TypeAdapter(MessageCreateParams),
        examples=examples.MESSAGES,
        headers=OF_ANSWERS,
        form=ANTHROPIC,
    ),
    "anthropic_counting.count_tokens": Operation(
        "Anthropic",
        {200: (Gives(views.MessageTokensCount),)},
        OF_A_MODEL,
        body=TypeAdapter(MessageCountTokensParams),
        form=ANTHROPIC,
    ),
}
