"""Reading OpenAI's bodies into their models."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backend.api.field_paths import path_in
from backend.core.errors import FieldError, InvalidRequestError

Shape = TypeVar("Shape", bound=BaseModel)


def read(shape: type[Shape], body: Any) -> Shape:
    """Read a body as a model.

    Raises:
        AppError: If it is not of that shape; each mistake has its field.
    """
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise _invalid(error, body) from None


def _invalid(error: ValidationError, body: Any) -> InvalidRequestError:
    found = [
        FieldError(
            ".".join(
                map(str, path_in(body, one["loc"], missing=one["type"] == "missing"))
            )
            or "body",
            one["msg"].removeprefix("Value error, "),
        )
        for one in error.errors(include_url=False)
    ]
    fields = tuple(dict.fromkeys(found))
    return InvalidRequestError(f"{fields[0].field}: {fields[0].message}", errors=fields)
