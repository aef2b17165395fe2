"""The OpenAPI 3.1 document, made of the routes and the pydantic models.

Paths, methods and summaries come from the application itself, so none can be missing;
`operations` says what else there is to say.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from backend.api.openapi.forms import FORMS, OPENAI
from backend.api.openapi.operation import OF_BODIES, OF_KEYS, Gives, Operation
from backend.api.openapi.operations import HEADERS, OPERATIONS
from backend.api.schemas.queries import Query
from backend.core.errors import AppError, InvalidRequestError
from backend.core.version import VERSION

Json = dict[str, Any]
_REF = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")
_NUMBERS = re.compile(r"<int[^:]*:([^<>]+)>")
_METHODS = ("GET", "POST", "PATCH", "DELETE")


def document(app: Flask, public: frozenset[str]) -> Json:
    """Write the document.

    Args:
        app: With all its routes.
        public: The blueprints that need no key.
    """
    paths: dict[str, Json] = {}
    for rule, method in _routes(app):
        path = _PARAMETER.sub(r"{\1}", rule.rule)
        operation = _operation(app, rule, public)
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Corral",
            "version": VERSION,
            "description": "Durable LLM jobs, resumable streams.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key (corral-…) or a session's token.",
                }
            },
        },
    }


def _routes(app: Flask) -> Iterator[tuple[Rule, str]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint in OPERATIONS:
            yield from ((rule, m) for m in _METHODS if m in (rule.methods or ()))


def _operation(app: Flask, rule: Rule, public: frozenset[str]) -> Json:
    known = OPERATIONS[rule.endpoint]
    summary = (app.view_functions[rule.endpoint].__doc__ or "").split("\n", 1)[0]
    is_public = rule.endpoint.split(".")[0] in public
    written: Json = {
        "operationId": _operation_id(rule),
        "summary": summary,
        "tags": [known.tag],
        "parameters": [*_path(rule), *_query(known.query), *_headers(known.headers)],
        "responses": _responses(known, is_public=is_public),
        "security": [] if is_public else [{"bearer": []}],
    }
    if known.body is not None:
        content: Json = {"schema": _body_schema(known.body)}
        if known.examples:
            content["examples"] = known.examples
        written["requestBody"] = {
            "required": known.needs_body,
            "content": {"application/json": content},
        }
    return written


def _operation_id(rule: Rule) -> str:
    # Two addresses of health share a route.
    first, last = rule.rule.split("/")[1], rule.rule.rsplit("/", 1)[-1]
    if last == "health":
        return f"{rule.endpoint}.{last}"
    # An alias under the native API's address.
    alias = first == "api" and OPERATIONS[rule.endpoint].form is OPENAI
    return f"{rule.endpoint}.alias" if alias else rule.endpoint


def _path(rule: Rule) -> list[Json]:
    numbers = set(_NUMBERS.findall(rule.rule))
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "integer" if name in numbers else "string"},
        }
        for name in _PARAMETER.findall(rule.rule)
    ]


def _query(shape: type[Query] | None) -> list[Json]:
    if shape is None:
        return []
    schema = _inlined(shape.model_json_schema())
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": field.get("description", ""),
            "schema": _without_null(field),
        }
        for name, field in schema["properties"].items()
    ]


def _without_null(field: Json) -> Json:
    choices = [c for c in field.get("anyOf", ()) if c.get("type") != "null"]
    chosen = choices[0] if len(choices) == 1 else field
    return {k: v for k, v in chosen.items() if k not in {"title", "description"}}


def _inlined(schema: Json) -> Json:
    """Put the enums of a query in the places where they are named."""
    named = schema.pop("$defs", {})

    def filled(part: Any) -> Any:  # any part of a schema
        if isinstance(part, list):
            return [filled(one) for one in part]
        if not isinstance(part, Mapping):
            return part
        if "$ref" in part:
            return filled(named[part["$ref"].rsplit("/", 1)[-1]])
        return {key: filled(value) for key, value in part.items()}

    result: Json = filled(schema)
    return result


def _headers(names: tuple[str, ...]) -> list[Json]:
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": HEADERS[name][0],
            "schema": HEADERS[name][1],
        }
        for name in names
    ]


def _responses(known: Operation, *, is_public: bool) -> Json:
    answers: Json = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            **({"content": _content(given)} if _content(given) else {}),
        }
        for status, given in known.gives.items()
    }
    for status, errors in _errors(known, is_public=is_public).items():
        codes = "; ".join(f"`{e.code}`: {(e.__doc__ or '').strip()}" for e in errors)
        ref = _REF.format(model=known.form.model.__name__)
        told = {known.form.content_type: {"schema": {"$ref": ref}}}
        entry = answers.setdefault(str(status), {"description": codes, "content": {}})
        entry["content"] |= told
    return answers


def _content(given: tuple[Gives, ...]) -> Json:
    content: Json = {}
    for one in given:
        if one.model is not None:
            ref = _REF.format(model=one.model.__name__)
            content[one.content_type] = {"schema": {"$ref": ref}}
        elif one.content_type != "application/json":
            content[one.content_type] = {"schema": {"type": "string"}}
    return content


def _errors(known: Operation, *, is_public: bool) -> dict[int, list[type[AppError]]]:
    all_of: list[type[AppError]] = [*known.errors, *(() if is_public else OF_KEYS)]
    all_of += OF_BODIES if known.body is not None else ()
    all_of += [InvalidRequestError] if known.query or known.headers else []
    by_status: dict[int, list[type[AppError]]] = {}
    for error in dict.fromkeys(all_of):
        by_status.setdefault(known.form.status_of(error), []).append(error)
    return dict(sorted(by_status.items()))


def _body_schema(body: TypeAdapter[Any]) -> Json:
    schema = body.json_schema(ref_template=_REF)
    schema.pop("$defs", None)
    if "title" in schema and schema.get("type") == "object":
        return {"$ref": _REF.format(model=schema["title"])}
    return schema


def _schemas() -> Json:
    schemas: Json = {}
    for operation in OPERATIONS.values():
        if operation.body is not None:
            written = operation.body.json_schema(ref_template=_REF)
            schemas |= written.pop("$defs", {})
            if written.get("type") == "object":
                schemas[written["title"]] = written
    _, outside = models_json_schema(
        [(model, "serialization") for model in _answered()], ref_template=_REF
    )
    return dict(sorted((schemas | outside["$defs"]).items()))


def _answered() -> list[type[BaseModel]]:
    given = (
        one.model
        for operation in OPERATIONS.values()
        for answers in operation.gives.values()
        for one in answers
    )
    return [
        *dict.fromkeys(m for m in given if m is not None),
        *(form.model for form in FORMS),
    ]
