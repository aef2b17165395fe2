"""Reading Ollama's bodies: JSON under any content type, as `curl -d` sends it."""

from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from backend.api.calls.asking import sent_body
from backend.api.errors import invalid_fields
from backend.api.ollama.schemas.parts import OLLAMAS_WORDS
from backend.core.errors import FieldError, InvalidRequestError, MalformedJsonError

Shape = TypeVar("Shape", bound=BaseModel)


def read(shape: type[Shape]) -> Shape:
    """Read the body as a model.

    Raises:
        AppError: If it is not of that shape; the text names the field.
    """
    if not request.get_data():
        raise MalformedJsonError("missing request body")
    body = sent_body(any_type=True)
    if not isinstance(body, dict):
        raise InvalidRequestError("the body must be a JSON object")
    try:
        return shape.model_validate(body)
    except ValidationError as error:
        raise _refusal(error, body) from None


def _refusal(error: ValidationError, body: Any) -> InvalidRequestError:
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == OLLAMAS_WORDS:
        said = first["msg"]
    elif first["type"] == "missing" and field == "model":
        said = "model is required"
    else:
        return invalid_fields(error, body)
    return InvalidRequestError(said, errors=(FieldError(field, said),))
