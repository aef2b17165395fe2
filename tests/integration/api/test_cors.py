"""Which web pages may call the API from a browser."""

from collections.abc import Iterator

import pytest
from flask import Flask

from backend.api import create_app
from backend.api.container import Services, close
from backend.core.db import Database
from tests.factories import settings_for
from tests.integration.api.caller import Api, make_key
from tests.servers import RedisServer

PAGE = "https://chat.example"
OTHER = "https://evil.example"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type",
}


@pytest.fixture(scope="module", params=[(PAGE, "http://localhost:3000"), ("*",)])
def shared(
    request: pytest.FixtureRequest, database_url: str, redis_server: RedisServer
) -> Iterator[Flask]:
    settings = settings_for(
        database_url,
        redis_url=redis_server.url(),
        cors_allowed_origins=request.param,
    )
    app = create_app(settings)
    yield app
    close(app.extensions["corral"])


@pytest.fixture
def open_to_all(shared: Flask) -> bool:
    services: Services = shared.extensions["corral"]
    return services.settings.cors_allowed_origins == ("*",)


@pytest.fixture
def page(shared: Flask, database: Database) -> Api:
    key = make_key(shared.extensions["corral"], "page")
    return Api(shared.test_client(), key)


@pytest.mark.parametrize("path", ["/api/v1/jobs", "/v1/models", "/health", "/none"])
def test_a_preflight_is_answered_without_a_key_whatever_the_address(
    page: Api, path: str, *, open_to_all: bool
) -> None:
    reply = page.with_key(None)("OPTIONS", path, headers=PREFLIGHT)

    assert (reply.status_code, reply.data) == (204, b"")
    origin = "*" if open_to_all else PAGE
    assert reply.headers["Access-Control-Allow-Origin"] == origin
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert reply.headers["Access-Control-Allow-Headers"] == (
        "authorization, content-type"
    )
    assert reply.headers["Access-Control-Max-Age"] == "7200"
    assert "Access-Control-Allow-Credentials" not in reply.headers
    assert reply.headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        (
            "authorization,x-stainless-retry-count, Anthropic-Version",
            "authorization, x-stainless-retry-count, anthropic-version",
        ),
        ("idempotency-key, last-event-id, prefer, x-api-key", None),
        ("content-type, x-other, x-stainless-\u00e9", "content-type"),
        ("", ""),
    ],
)
def test_only_headers_that_clients_send_are_allowed(
    page: Api, asked: str, allowed: str | None
) -> None:
    headers = PREFLIGHT | {"Access-Control-Request-Headers": asked}

    reply = page("OPTIONS", "/api/v1/jobs", headers=headers)

    expected = asked if allowed is None else allowed
    assert reply.headers["Access-Control-Allow-Headers"] == expected


def test_answers_and_errors_may_be_read_by_the_page(
    page: Api, *, open_to_all: bool
) -> None:
    headers = {"Origin": PAGE}
    replies = [
        page.submit(headers=headers, model="nobody-has-this"),
        page.get("/api/v1/jobs", headers=headers),
        page.with_key(None).get("/api/v1/jobs", headers=headers),
        page.with_key("corral-wrong").get("/api/v1/jobs", headers=headers),
        page.get("/api/v1/none", headers=headers),
    ]

    assert [reply.status_code for reply in replies] == [404, 200, 401, 401, 404]
    for reply in replies:
        origin = "*" if open_to_all else PAGE
        assert reply.headers["Access-Control-Allow-Origin"] == origin
        assert reply.headers["Access-Control-Expose-Headers"] == "*"
        assert ("Origin" in reply.headers.get("Vary", "")) is not open_to_all


def test_another_page_is_answered_without_what_lets_it_read(
    page: Api, *, open_to_all: bool
) -> None:
    preflight = page("OPTIONS", "/api/v1/jobs", headers=PREFLIGHT | {"Origin": OTHER})
    reply = page.get("/api/v1/jobs", headers={"Origin": OTHER})

    assert (preflight.status_code, reply.status_code) == (204, 200)
    for one in (preflight, reply):
        assert ("Access-Control-Allow-Origin" in one.headers) is open_to_all
        assert ("Access-Control-Allow-Methods" in preflight.headers) is open_to_all
        assert ("Origin" in one.headers.get("Vary", "")) is not open_to_all


@pytest.mark.parametrize(
    "origin", ["null", "https://chat.example.evil", "http://chat.example", ""]
)
def test_an_origin_is_allowed_whole_or_not_at_all(
    page: Api, origin: str, *, open_to_all: bool
) -> None:
    reply = page.get("/api/v1/jobs", headers={"Origin": origin})

    assert ("Access-Control-Allow-Origin" in reply.headers) is open_to_all


def test_what_no_page_asks_is_as_it_was(page: Api) -> None:
    plain = page.get("/api/v1/jobs")
    options = page("OPTIONS", "/api/v1/jobs")

    assert plain.status_code == options.status_code == 200
    for reply in (plain, options):
        assert "Vary" not in reply.headers
        assert not any(name.startswith("Access-Control") for name, _ in reply.headers)


def test_without_the_setting_no_page_may_read_anything(ann: Api) -> None:
    reply = ann.get("/api/v1/jobs", headers={"Origin": PAGE})
    preflight = ann.with_key(None)("OPTIONS", "/api/v1/jobs", headers=PREFLIGHT)

    assert preflight.status_code == 401
    for one in (reply, preflight):
        assert not any(name.startswith("Access-Control") for name, _ in one.headers)
