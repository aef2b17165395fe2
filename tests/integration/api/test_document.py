"""The OpenAPI document: complete, valid, and true whatever is sent."""

import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import jsonschema
import pytest
import schemathesis
from flask import Flask
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backend.api.container import Services
from backend.api.openapi.examples import SUBMISSIONS
from backend.api.openapi.operations import HEADERS, OPERATIONS
from backend.api.schemas.patterns import WORDS
from backend.api.schemas.submit import SUBMIT_JOB
from backend.api.schemas.views.problem import Problem
from backend.core.db import Database
from backend.core.keys import Scope
from backend.core.settings import Settings
from backend.core.streams.frames import LAST_SEQ
from tests.fakes.worker import FakeWorker
from tests.integration.api.caller import Api, make_key

NEGATIVE = schemathesis.GenerationMode.NEGATIVE
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Only these are no part of it: the document itself, and the page that shows it.
OUTSIDE = {"documents.openapi", "documents.docs"}
LANES = ("gen:qwen3:0.6b", "gen:nomic-embed-text:latest", "node:local")


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/api/v1/openapi.json").json
    return found


def test_every_route_is_in_the_document(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}

    assert endpoints - OUTSIDE == set(OPERATIONS)


def test_every_form_of_a_string_has_words_for_those_who_miss_it(
    document: dict[str, Any],
) -> None:
    def patterns(part: Any) -> Iterator[str]:
        # Wrong headers are told elsewhere, each in its own words.
        if isinstance(part, dict) and part.get("in") != "header":
            if isinstance(part.get("pattern"), str):
                yield part["pattern"]
            part = list(part.values())
        if isinstance(part, list):
            for one in part:
                yield from patterns(one)

    found = set(patterns(document))

    assert found
    assert found - WORDS.keys() == set()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    named = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "$ref" in part:
                named.add(part["$ref"].rsplit("/", 1)[-1])
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(document)
    assert named - set(schemas) == set()
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_no_two_shapes_have_the_same_name() -> None:
    shapes = {Problem}
    for operation in OPERATIONS.values():
        adapters = [operation.body] if operation.body else []
        given = [one.model for many in operation.gives.values() for one in many]
        for schema in [a.core_schema for a in adapters]:
            shapes |= models_in(schema)
        for model in filter(None, given):
            shapes |= models_in(model.__pydantic_core_schema__)

    names = [shape.__name__ for shape in shapes]
    assert sorted(names) == sorted(set(names))


def models_in(schema: Any) -> set[type]:
    """Collect the models in a core schema."""
    if isinstance(schema, dict):
        own = {schema["cls"]} if schema.get("type") == "model" else set()
        return own.union(*(models_in(part) for part in schema.values()))
    if isinstance(schema, list | tuple):
        return set().union(*(models_in(part) for part in schema))
    return set()


def test_what_needs_a_key_says_so(document: dict[str, Any]) -> None:
    free = {
        path
        for path, methods in document["paths"].items()
        if any(operation["security"] == [] for operation in methods.values())
    }

    assert free == {
        "/",
        "/health",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/api/v1/sessions",
    }


@pytest.mark.parametrize("place", ["1-5", f"12-{LAST_SEQ}"])
def test_every_events_id_is_a_place_to_go_on_from(place: str) -> None:
    _, shape = HEADERS["Last-Event-ID"]

    assert re.fullmatch(shape["pattern"], place)


@pytest.mark.parametrize("name", list(SUBMISSIONS))
def test_the_examples_are_valid(name: str) -> None:
    SUBMIT_JOB.validate_python(SUBMISSIONS[name]["value"])


def test_the_page_needs_nothing_from_elsewhere(app: Flask) -> None:
    reply = app.test_client().get("/docs")

    assert reply.status_code == 200
    assert "<script" not in reply.text
    assert "https://" not in reply.text
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    for path in ("/api/v1/jobs", "error-job_not_found", "schema-JobView"):
        assert path in reply.text


# Everything that the document allows, and much that it does not.
@pytest.fixture
def admin_key(
    services: Services, settings: Settings, database: Database
) -> Iterator[str]:
    services.catalogue.seed(["qwen3:0.6b", "nomic-embed-text:latest"])
    for number in range(30):
        # Small numbers are what is tried first when a key is to be deleted.
        make_key(services, f"user{number}")
    with FakeWorker(settings, database, lanes=LANES):
        yield make_key(services, "tester", *Scope)


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_nothing_that_is_sent_brings_a_5xx_or_an_undocumented_answer(
    app: Flask, admin_key: str, mode: schemathesis.GenerationMode
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is NEGATIVE and not _takes_anything(operation):
            continue

        @hypothesis.settings(
            max_examples=12,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            headers = {"Authorization": f"Bearer {admin_key}"}
            case.call_and_validate(headers=headers, checks=_checks(case))

        send()
        tried += 1

    assert tried > 5


def _checks(case: Any) -> list[Any]:
    """Give the checks; where nothing is offered that is told by a 501."""
    offered = "501" not in case.operation.definition.raw["responses"]
    return CHECKS if offered else CHECKS[1:]


def _takes_anything(operation: Any) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters)


def test_the_document_is_where_the_page_says(ann: Api) -> None:
    assert ann.with_key(None).get("/api/v1/openapi.json").status_code == 200
