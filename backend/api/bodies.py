"""Reading bodies and what stands after the question mark into their models."""

from typing import TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from backend.api.errors import invalid_fields
from backend.api.limits import read_json

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


def read_query(shape: type[Shape]) -> Shape:
    """Read the address's parameters as a model.

    Raises:
        InvalidRequestError: If they are not of that shape; each mistake has its name.
    """
    try:
        return shape.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise invalid_fields(error.errors(include_url=False)) from None
