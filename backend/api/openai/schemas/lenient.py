"""What OpenAI's request bodies are made of."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, WithJsonSchema

Object = dict[str, Any]  # JSON objects that we pass on as they are


class Lenient(BaseModel):
    """A part of a request: nothing is coerced, and what is unknown is ignored."""

    model_config = ConfigDict(extra="ignore", strict=True)


# Deeper ones make no sense, and nothing that reads them ends well.
_DEEPEST = 100


def _check_depth(value: Object) -> Object:
    level: list[Any] = [value]
    for _ in range(_DEEPEST):
        inner = (x.values() if isinstance(x, dict) else x for x in level)
        level = [y for x in inner for y in x if isinstance(y, dict | list)]
        if not level:
            return value
    raise ValueError(f"is nested more than {_DEEPEST} deep")


JsonSchema = Annotated[Object, AfterValidator(_check_depth)]

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
