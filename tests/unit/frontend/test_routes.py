from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from frontend.gate import Gate
from frontend.pages import PATHS
from frontend.routes import SignIn, local_path
from frontend.session_cookie import COOKIE
from frontend.settings import UiSettings
from tests.fakes.api import EXPIRED_KEY, USER_KEY, FakeApi, Refusal
from tests.fakes.asgi_browser import AsgiBrowser

BASE = "http://ui.example"
SAME = {"Origin": BASE}
Make = Callable[..., AsgiBrowser]


def _page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("the page")


@pytest.fixture
def make_ui(http: httpx.Client) -> Make:
    def make(base: str = BASE, **settings: object) -> AsgiBrowser:
        sign_in = SignIn(UiSettings(**settings), lambda: http)
        pages = [Route(path, _page) for path in ("/", "/models", "/static/x.js")]
        app = Starlette(
            routes=[*sign_in.routes(), *pages],
            middleware=[Middleware(Gate, pages=PATHS)],
        )
        return AsgiBrowser(app, base)

    return make


@pytest.fixture
def ui(make_ui: Make) -> AsgiBrowser:
    return make_ui()


def sign_in(ui: AsgiBrowser, key: str = USER_KEY, **more: str) -> httpx.Response:
    return ui.post("/login", data={"key": key, **more}, headers=SAME)


def test_a_right_key_sets_a_cookie_that_no_script_can_read(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    reply = sign_in(ui)

    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    token = next(iter(api.sessions))
    assert cookie.startswith(f"{COOKIE}={token};")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    assert "Secure" not in cookie
    assert 43_100 < int(cookie.split("Max-Age=")[1].split(";")[0]) <= 43_200
    assert USER_KEY not in str(reply.headers)


def test_the_cookie_is_secure_over_https_or_when_told(make_ui: Make) -> None:
    told = sign_in(make_ui(ui_cookie_secure=True))
    https = make_ui("https://ui.example")
    origin = {"Origin": "https://ui.example"}
    over_https = https.post("/login", data={"key": USER_KEY}, headers=origin)

    assert "Secure" in told.headers["set-cookie"]
    assert "Secure" in over_https.headers["set-cookie"]


@pytest.mark.parametrize(
    ("key", "status", "title"),
    [
        ("corral-wrong", 401, "This key is not known"),
        (EXPIRED_KEY, 401, "This key has expired"),
        ("  ", 422, "There is no key yet"),
    ],
)
def test_a_key_that_does_not_work_says_why_and_sets_nothing(
    ui: AsgiBrowser, key: str, status: int, title: str
) -> None:
    reply = sign_in(ui, key)

    assert reply.status_code == status
    assert title in reply.text
    assert "set-cookie" not in reply.headers
    assert not key.strip() or key not in reply.text


def test_an_api_that_is_down_is_not_a_wrong_key(
    ui: AsgiBrowser, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    monkeypatch.setattr(api, "_route", refuse)
    reply = sign_in(ui)

    assert reply.status_code == 503
    assert "API does not answer" in reply.text
    assert "What you typed was not checked" in reply.text


def test_an_api_without_its_database_is_told_apart(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    api.refuse_next = [Refusal(503, "database_unavailable", "The database is down.")]
    reply = sign_in(ui)

    assert reply.status_code == 503
    assert "cannot check that now" in reply.text
    assert "The database is down." in reply.text


def test_too_many_attempts_have_to_wait(make_ui: Make, api: FakeApi) -> None:
    ui = make_ui(ui_login_attempts=2)
    replies = [sign_in(ui, "corral-wrong") for _ in range(3)]

    assert [reply.status_code for reply in replies] == [401, 401, 429]
    assert int(replies[2].headers["retry-after"]) > 0
    assert len(api.requests) == 2


def test_a_huge_body_is_refused_without_asking_the_api(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    assert sign_in(ui, "k" * 9000).status_code == 413
    assert not api.requests


@pytest.mark.parametrize("path", ["/login", "/logout"])
@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "null"}, {"Origin": "http://evil.example"}]
)
def test_a_form_from_elsewhere_does_nothing(
    ui: AsgiBrowser, api: FakeApi, path: str, headers: dict[str, str]
) -> None:
    reply = ui.post(path, data={"key": USER_KEY}, headers=headers)

    assert reply.status_code == 403
    assert "set-cookie" not in reply.headers
    assert not api.requests


def test_sign_in_leads_back_to_where_one_came_from(ui: AsgiBrowser) -> None:
    turned_away = ui.get("/?job=1")
    form = ui.get(turned_away.headers["location"])

    assert turned_away.headers["location"] == "/login?next=%2F%3Fjob%3D1"
    assert 'name="next" value="/?job=1"' in form.text
    assert sign_in(ui, next="/?job=1").headers["location"] == "/?job=1"


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/\\evil", "/login", "/a\nb", "", None],
)
def test_sign_in_never_leads_elsewhere(path: str | None) -> None:
    assert local_path(path) == "/"


def test_what_comes_back_into_the_page_is_escaped(ui: AsgiBrowser) -> None:
    form = ui.get("/login", params={"next": '/"><script>alert(1)</script>'})

    assert "<script" not in form.text


def test_logout_ends_the_session_and_forgets_the_cookie(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    sign_in(ui)
    reply = ui.post("/logout", headers=SAME)

    assert reply.headers["location"] == "/login?reason=bye"
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert not api.sessions
    assert "You are signed out" in ui.get("/login?reason=bye").text


def test_logout_works_twice_and_without_a_session(ui: AsgiBrowser) -> None:
    assert ui.post("/logout", headers=SAME).status_code == 303
    ui.cookies.set(COOKIE, "stale")
    reply = ui.post("/logout", headers=SAME)

    assert reply.headers["location"] == "/login?reason=bye"


def test_logout_without_the_api_says_that_the_session_lives_on(
    ui: AsgiBrowser, api: FakeApi
) -> None:
    sign_in(ui)
    api.refuse_next = [Refusal(503, "draining", "Restarting.")]
    reply = ui.post("/logout", headers=SAME)

    assert reply.headers["location"] == "/login?reason=bye-locally"
    assert "Max-Age=0" in reply.headers["set-cookie"]


def test_pages_need_a_session_and_all_else_does_not(ui: AsgiBrowser) -> None:
    assert ui.get("/models").headers["location"] == "/login?next=%2Fmodels"
    assert ui.get("/static/x.js").text == "the page"
    sign_in(ui)
    assert ui.get("/models").text == "the page"


def test_a_link_from_another_site_is_loaded_once_more_with_the_cookie(
    ui: AsgiBrowser,
) -> None:
    reply = ui.get("/?job=1", headers={"Sec-Fetch-Site": "cross-site"})

    assert reply.status_code == 200
    assert 'http-equiv="refresh"' in reply.text


def test_no_reply_lets_other_sites_frame_it_or_pictures_leak(ui: AsgiBrowser) -> None:
    sign_in(ui)
    for path in ("/", "/login"):
        policy = ui.get(path).headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "img-src 'self' data: blob:" in policy or "img-src data:" in policy


def test_the_login_page_says_when_answers_are_simulated(make_ui: Make) -> None:
    assert "simulated" in make_ui(ui_simulated=True).get("/login").text
    assert "Demo:" not in make_ui().get("/login").text
