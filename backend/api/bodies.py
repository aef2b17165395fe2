"""Reading bodies and what stands after the question mark into their models."""

from typing import Any, TypeVar

from flask import request
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
    return read_as(shape, read_json())


def read_as(shape: type[Shape], body: Any) -> Shape:
    """Read what was sent as a model.

    Raises:
        AppError: If it is not of that shape; each mistake has its field.
    """
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise invalid_fields(error, body) from None


def read_one_of(adapter: TypeAdapter[T]) -> T:
    """Read the request's body as one of several models.

    Raises:
        AppError: If it is not JSON, or of none of them; each mistake has its field.
    """
    sent = read_json()
    try:
        return adapter.validate_python(sent)
    except ValidationError as error:
        raise invalid_fields(error, sent) from None


def read_query(shape: type[Shape]) -> Shape:
    """Read the address's parameters as a model.

    Raises:
        InvalidRequestError: If they are not of that shape; each mistake has its name.
    """
    sent = request.args.to_dict()
    try:
        return shape.model_validate(sent)
    except ValidationError as error:
        raise invalid_fields(error, sent) from None
