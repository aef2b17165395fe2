"""The login page's two forms: a name and a password, or a key."""

import re

import httpx
import pytest
from starlette.applications import Starlette

from frontend.routes import SignIn
from frontend.session_cookie import COOKIE
from frontend.settings import UiSettings
from tests.fakes.api import FakeApi, Refusal
from tests.fakes.api_accounts import DISABLED_NAME, PASSWORD, USER_NAME
from tests.fakes.asgi_browser import AsgiBrowser

BASE = "http://ui.example"
SAME = {"Origin": BASE}


@pytest.fixture
def ui(http: httpx.Client) -> AsgiBrowser:
    routes = SignIn(UiSettings(), lambda: http).routes()
    return AsgiBrowser(Starlette(routes=routes), BASE)


def by_key(ui: AsgiBrowser, key: str) -> httpx.Response:
    return ui.post("/login", data={"key": key}, headers=SAME)


def by_password(
    ui: AsgiBrowser, user: str = USER_NAME, password: str = PASSWORD, **more: str
) -> httpx.Response:
    fields = {"user": user, "password": password, **more}
    return ui.post("/login", data=fields, headers=SAME)


def test_a_right_password_sets_the_same_cookie(ui: AsgiBrowser, api: FakeApi) -> None:
    reply = by_password(ui, next="/?job=1")

    assert (reply.status_code, reply.headers["location"]) == (303, "/?job=1")
    token, who = next(iter(api.sessions.items()))
    assert reply.headers["set-cookie"].startswith(f"{COOKIE}={token};")
    assert who == USER_NAME
    assert PASSWORD not in str(reply.headers)


@pytest.mark.parametrize(
    ("user", "password", "status", "title"),
    [
        (USER_NAME, "a guess of mine", 401, "User name or password is wrong"),
        ("nobody", PASSWORD, 401, "User name or password is wrong"),
        (DISABLED_NAME, PASSWORD, 401, "Your account is disabled"),
        (USER_NAME, "", 422, "Something is missing"),
        (" ", PASSWORD, 422, "Something is missing"),
    ],
)
def test_a_password_that_does_not_work_says_why_and_keeps_the_name(
    ui: AsgiBrowser, user: str, password: str, status: int, title: str
) -> None:
    reply = by_password(ui, user, password)

    assert reply.status_code == status
    assert title in reply.text
    assert f"<title>{title} · Corral</title>" in reply.text
    assert f'name="user" type="text" value="{user.strip()}"' in reply.text
    assert reply.text.count('aria-invalid="true" aria-describedby="notice"') == 2
    assert "set-cookie" not in reply.headers
    assert not password or password not in reply.text


def test_spaces_in_a_password_are_its_own(ui: AsgiBrowser, api: FakeApi) -> None:
    api.accounts.passwords[USER_NAME] = " with spaces "

    assert by_password(ui, f" {USER_NAME} ", " with spaces ").status_code == 303
    assert by_password(ui, USER_NAME, "with spaces").status_code == 401


def test_a_wrong_key_opens_the_place_for_keys_again(ui: AsgiBrowser) -> None:
    wrong = by_key(ui, "corral-wrong").text
    first = ui.get("/login").text

    assert "<details open>" in wrong
    assert wrong.count('aria-invalid="true"') == 1
    assert re.search(r'<input id="key"[^>]*autofocus', wrong)
    assert "<details >" in first
    assert re.search(r'<input id="user"[^>]*autofocus', first)


def test_a_key_that_the_api_cannot_read_is_a_wrong_key(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    api.refuse_next = [Refusal(422, "invalid_request", "key: is too long")]

    assert "This key is not known" in by_key(ui, "k" * 300).text


def test_the_api_says_how_long_to_wait(ui: AsgiBrowser, api: FakeApi) -> None:
    api.refuse_next = [Refusal(429, "too_many_logins", "Too many.")]
    reply = by_password(ui)

    assert reply.status_code == 429
    assert "Wait a few minutes" in reply.text
