import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from frontend.gate import Gate
from frontend.pages import PATHS
from frontend.password_routes import ChangePassword
from frontend.session_cookie import COOKIE
from tests.fakes.api import USER_KEY, FakeApi, Refusal
from tests.fakes.api_accounts import PASSWORD, USER_NAME
from tests.fakes.asgi_browser import AsgiBrowser

BASE = "http://ui.example"
SAME = {"Origin": BASE}
NEW = "quite another one"


@pytest.fixture
def ui(http: httpx.Client, api: FakeApi) -> AsgiBrowser:
    routes = ChangePassword(lambda: http).routes()
    app = Starlette(routes=routes, middleware=[Middleware(Gate, pages=PATHS)])
    browser = AsgiBrowser(app, BASE)
    browser.cookies.set(COOKIE, api.sign_in(USER_NAME))
    return browser


def change(ui: AsgiBrowser, **over: str) -> httpx.Response:
    fields = {"old": PASSWORD, "new": NEW, "again": NEW} | over
    return ui.post("/password", data=fields, headers=SAME)


def test_a_password_is_changed_and_that_is_said(ui: AsgiBrowser, api: FakeApi) -> None:
    reply = change(ui)
    page = ui.get(reply.headers["location"])

    assert (reply.status_code, reply.headers["location"]) == (303, "/password?changed")
    assert api.accounts.passwords[USER_NAME] == NEW
    assert "Your password is changed" in page.text
    assert 'role="status"' in page.text


def test_the_page_says_whose_password_it_is_to_people_and_their_browsers(
    ui: AsgiBrowser,
) -> None:
    page = ui.get("/password")

    assert page.status_code == 200
    assert f'value="{USER_NAME}" autocomplete="username"' in page.text
    assert page.text.count('autocomplete="new-password"') == 2
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("over", "field", "title"),
    [
        ({"old": "wrong password"}, "old", "That is not your password"),
        ({"new": "short", "again": "short"}, "new", "This cannot be a password"),
        ({"again": "something else"}, "again", "The new passwords differ"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_changed(
    ui: AsgiBrowser, api: FakeApi, over: dict[str, str], field: str, title: str
) -> None:
    reply = change(ui, **over)

    assert reply.status_code == 422
    assert f"<title>{title} · Corral</title>" in reply.text
    assert re.search(rf'id="{field}"[^>]*autofocus aria-invalid="true"', reply.text)
    assert re.search(rf'id="{field}"[^>]*aria-describedby="[^"]*notice"', reply.text)
    assert reply.text.count('aria-invalid="true"') == 1
    assert api.accounts.passwords[USER_NAME] == PASSWORD
    assert not [value for value in over.values() if value in reply.text]


def test_who_is_not_signed_in_is_sent_to_the_login_page(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    api.sessions.clear()

    assert ui.get("/password").headers["location"] == "/login?reason=ended"
    assert change(ui).headers["location"] == "/login?reason=ended"
    ui.cookies.clear()
    assert ui.get("/password").headers["location"] == "/login?next=%2Fpassword"


def test_an_api_that_is_away_is_said_to_be(ui: AsgiBrowser, api: FakeApi) -> None:
    down = Refusal(503, "database_unavailable", "The database is down.")
    api.refuse_next = [down]
    shown = ui.get("/password")
    api.refuse_next = [down]
    changed = change(ui)

    for reply in (shown, changed):
        assert reply.status_code == 503
        assert "Your password was not changed" in reply.text
        assert "The database is down." in reply.text


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}])
def test_a_form_from_elsewhere_does_nothing(
    ui: AsgiBrowser, api: FakeApi, headers: dict[str, str]
) -> None:
    fields = {"old": PASSWORD, "new": NEW, "again": NEW}
    reply = ui.post("/password", data=fields, headers=headers)

    assert reply.status_code == 403
    assert api.accounts.passwords[USER_NAME] == PASSWORD


def test_a_huge_body_is_refused(ui: AsgiBrowser, api: FakeApi) -> None:
    assert change(ui, new="k" * 9000).status_code == 413
    assert ("POST", "/api/v1/me/password") not in api.requests


def test_who_signed_in_by_a_key_is_told_that_there_is_no_password(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    ui.cookies.set(COOKIE, api.sign_in(USER_KEY))
    api.refuse_next = []
    reply = change(ui)

    assert reply.status_code == 422
    assert api.accounts.passwords[USER_NAME] == PASSWORD
