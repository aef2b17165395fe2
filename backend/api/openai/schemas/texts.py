"""A text or several, as prompts and inputs are."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from backend.api.openai.schemas.sampling import MOST_CHOICES

_NO_TOKENS = (
    "must be a text or texts: arrays of tokens say nothing here, since the models have"
    " other tokens than OpenAI's (LangChain sends texts with"
    " check_embedding_ctx_length=False)"
)


def _as_list(value: Any) -> list[Any]:  # whatever JSON can hold
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
        raise ValueError(_NO_TOKENS)
    return texts


def _check_alone(texts: list[str]) -> list[str]:
    if texts == [""]:
        raise ValueError("must not be empty")
    return texts


def _check_each(texts: list[str]) -> list[str]:
    if "" in texts:
        raise ValueError("none of them must be empty")
    return texts


def _written(*, least: int, **more: int) -> WithJsonSchema:
    text = {"type": "string", "minLength": 1}
    items = {"type": "string", "minLength": least}
    listed = {"type": "array", "items": items, "minItems": 1, **more}
    return WithJsonSchema({"anyOf": [text, listed]})


# How many there may be is the operator's to say (`input_limits`).
Inputs = Annotated[
    list[str],
    BeforeValidator(_as_list),
    Field(min_length=1),
    AfterValidator(_check_alone),
    _written(least=0),
]
Prompts = Annotated[
    list[str],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=MOST_CHOICES),
    AfterValidator(_check_each),
    _written(least=1, maxItems=MOST_CHOICES),
]
