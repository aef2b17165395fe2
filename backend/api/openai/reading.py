"""Reading OpenAI's bodies into their models."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from backend.api.errors import invalid_fields

Shape = TypeVar("Shape", bound=BaseModel)


def read(shape: type[Shape], body: Any) -> Shape:
    """Read a body as a model.

    Raises:
        AppError: If it is not of that shape; each mistake has its field.
    """
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise invalid_fields(error.errors(include_url=False)) from None
