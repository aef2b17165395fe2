"""Changing one's own password."""

import pytest
from flask import Flask

from backend.api.container import Services
from tests.integration.api.caller import Api
from tests.integration.api.people import PASSWORD, log_in, login_of
from tests.integration.api.test_access import code_of


@pytest.fixture
def nobody(app: Flask) -> Api:
    return Api(app.test_client(), None)


def test_ones_own_password_is_changed_and_other_sessions_end(
    nobody: Api, services: Services
) -> None:
    ada = login_of(services, nobody, "ada")
    other = nobody.with_key(log_in(nobody, "ada").json["token"])
    body = {"old": PASSWORD, "new": "quite another one"}

    assert ada.post("/api/v1/me/password", json=body).status_code == 204

    assert ada.get("/api/v1/me").status_code == 200
    assert code_of(other.get("/api/v1/me")) == (401, "session_ended")
    assert code_of(log_in(nobody, "ada")) == (401, "wrong_password")
    assert log_in(nobody, "ada", "quite another one").status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"old": "wrong password", "new": "quite another one"}, "old"),
        ({"old": PASSWORD, "new": "short"}, "new"),
        ({"old": PASSWORD, "new": "x" * 129}, "new"),
        ({"old": PASSWORD, "new": "ADA-the-8"}, "new"),
        ({"old": PASSWORD, "new": "line\nbreaks\n"}, "new"),
        ({"old": PASSWORD}, "new"),
    ],
)
def test_a_password_that_is_none_changes_nothing(
    nobody: Api, services: Services, body: dict[str, str], field: str
) -> None:
    ada = login_of(services, nobody, "ada-the-8")
    reply = ada.post("/api/v1/me/password", json=body)

    assert code_of(reply) == (422, "invalid_request")
    assert reply.json is not None
    assert [error["field"] for error in reply.json["errors"]] == [field]
    assert log_in(nobody, "ada-the-8").status_code == 201


def test_who_has_no_password_is_told_who_can_set_one(ann: Api) -> None:
    body = {"old": "there is none", "new": "quite another one"}

    assert code_of(ann.post("/api/v1/me/password", json=body)) == (409, "no_password")
