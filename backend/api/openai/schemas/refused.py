"""Fields of OpenAI's that are known and refused."""

from typing import Any

from pydantic import AfterValidator, WithJsonSchema

# What is left of the type of a field that is refused.
NOTHING = WithJsonSchema(
    {"type": ["null", "array", "object"], "maxItems": 0, "maxProperties": 0}
)


def refuse(why: str, *, also_empty: bool = False) -> AfterValidator:
    """Refuse a field that changes the meaning and cannot be done.

    Args:
        why: The sentence for the caller.
        also_empty: An empty list or object means something, too.
    """

    def check(value: Any) -> None:  # whatever JSON can hold
        if value is None or (not also_empty and value in ([], {})):
            return
        raise ValueError(why)

    return AfterValidator(check)
