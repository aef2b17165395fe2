"""What pydantic found wrong, in words for callers: which field, and what is allowed."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic_core import ErrorDetails

from backend.api.field_paths import path_in
from backend.api.schemas.patterns import WORDS
from backend.core.errors import FieldError

_OBJECT = "must be an object"
_TIME = "must be a time with its zone, such as 2026-01-31T12:00:00Z"
_WHOLE_NUMBER = "must be a whole number"
_NUMBER = "must be a number"
_BOOLEAN = "must be true or false"
_TAG_INVALID = "union_tag_invalid"
_TAG_MISSING = "union_tag_not_found"
# By pydantic's type of error; in braces what it tells beside.
_MESSAGES = {
    "missing": "is required",
    _TAG_MISSING: "is required",
    "extra_forbidden": "is not a field here",
    "string_type": "must be a string",
    "int_type": _WHOLE_NUMBER,
    "int_parsing": _WHOLE_NUMBER,
    "int_parsing_size": _WHOLE_NUMBER,
    "int_from_float": _WHOLE_NUMBER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "list_type": "must be an array",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "timezone_aware": _TIME,
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    _TAG_INVALID: "must be {expected_tags}",
    "value_error": "{error}",
}


def field_error(found: ErrorDetails, sent: Any) -> FieldError:
    """Say one thing that pydantic found in what was sent."""
    context, steps = found.get("ctx", {}), found["loc"]
    is_missing = found["type"] == "missing"
    path = [str(step) for step in path_in(sent, steps, missing=is_missing)]
    words = _words(found["type"], found["msg"], context)
    if found["type"] in {_TAG_MISSING, _TAG_INVALID}:
        path.append(context["discriminator"].strip("'"))
    if steps[-1:] == ("[key]",):
        path, words = path[:-1], f"each of its names {words}"
    return FieldError(".".join(path) or "body", words)


def _words(kind: str, message: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return WORDS.get(pattern, f"must match {pattern}")
    if context.get("min_length") == 1:
        return "must not be empty"
    known = _MESSAGES.get(kind)
    if known is None:
        # What no schema of ours leads to yet; pydantic's own words say it well.
        return re.sub(r"^[A-Z]\w+ should ", "must ", message)
    return known.format_map({name: _shown(it) for name, it in context.items()})


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return _choice(value)
    return str(value)


def _choice(quoted: str) -> str:
    """Write Python's quoted choices as JSON's, with an "or" before the last."""
    last = quoted.rfind(", ")
    if last > 0 and " or " not in quoted:
        quoted = f"{quoted[:last]} or{quoted[last + 1 :]}"
    return quoted.replace("'", '"')
