"""Reading bodies into their models."""

from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from backend.api.errors import invalid_fields
from backend.api.limits import read_json

T = TypeVar("T")
Shape = TypeVar("Shape", bound=BaseModel)


def read_body(shape: type[Shape]) -> Shape:
    """Read the request's body as a model.

    Raises:
        AppError: If it is not JSON, or not of that shape; each mistake has its field.
    """
    try:
        return shape.model_validate(read_json())
    except ValidationError as error:
        raise invalid_fields(error.errors(include_url=False)) from None


def read_as(adapter: TypeAdapter[T], *, leave_out: frozenset[str] = frozenset()) -> T:
    """Read the request's body as one of several models.

    Args:
        adapter: Of these models.
        leave_out: The names by which they are told apart, which no caller knows.

    Raises:
        AppError: If it is not JSON, or of none of them; each mistake has its field.
    """
    try:
        return adapter.validate_python(read_json())
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise invalid_fields(found, leave_out=leave_out) from None
