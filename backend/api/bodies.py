"""Reading bodies and what stands after the question mark into their models."""

from typing import Any, TypeVar

import orjson
from flask import Flask, request
from pydantic import BaseModel, TypeAdapter, ValidationError

from backend.api.errors import invalid_fields
from backend.core.errors import MalformedJsonError, UnsupportedMediaTypeError
from backend.core.nesting import DEEPEST, is_too_deep

T = TypeVar("T")
Shape = TypeVar("Shape", bound=BaseModel)

_JSON = "application/json"


def register(app: Flask, *, max_body_bytes: int) -> None:
    """Refuse larger bodies: by their announced length, or while they are read."""
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes


def read_json(*, any_type: bool = False) -> Any:  # whatever JSON can hold
    """Read the request's body; with `any_type` it need not say that it is JSON.

    Raises:
        UnsupportedMediaTypeError: If it is not sent as JSON.
        MalformedJsonError: If it is not JSON. Lone surrogates, NaN and what is nested
            more than 200 deep are none (JOBS.md 30).
    """
    if not any_type and request.mimetype != _JSON:
        raise UnsupportedMediaTypeError
    data = request.get_data()
    try:
        body = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise MalformedJsonError(f"The body is not valid JSON: {error}.") from None
    if is_too_deep(body, data):
        raise MalformedJsonError(f"The body is nested more than {DEEPEST} deep.")
    return body


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
