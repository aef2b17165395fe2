"""Sign in and out: the only routes that are ours, since a script cannot set a cookie.

The key travels once, in the body of a POST from our own page to `/login`, and is traded
for an opaque session token, which the browser keeps where no script can read it. It is
never in an address, a page, a log line or Streamlit's state.
"""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from frontend.api_client import ApiClient, open_session
from frontend.errors import ApiDownError, ApiError, SessionEndedError
from frontend.login_limit import LoginLimit
from frontend.replies import Session
from frontend.session_cookie import COOKIE, clear, keep
from frontend.settings import UiSettings
from frontend.views.login import Notice, login_page

_BODY_LIMIT = 4096  # a key has about 60 characters


class TooLargeError(Exception):
    """The body is larger than any sign-in."""


class SignIn:
    """The login page, what its form posts to, and logout.

    Args:
        settings: How the UI is set up.
        http: Gives the connection pool to the API, when it is first needed.
    """

    def __init__(self, settings: UiSettings, http: Callable[[], httpx.Client]) -> None:
        self._settings = settings
        self._http = http
        self._limit = LoginLimit(settings.ui_login_attempts)

    def routes(self) -> list[Route]:
        """List the routes for Streamlit's app."""
        return [
            Route("/login", self.page, methods=["GET"]),
            Route("/login", self.sign_in, methods=["POST"]),
            Route("/logout", self.sign_out, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """Show the form."""
        notice = _NOTICES.get(request.query_params.get("reason", ""))
        return self._form(local_path(request.query_params.get("next")), notice)

    async def sign_in(self, request: Request) -> Response:
        """Trade the key for a session and keep its token in a cookie."""
        if not is_from_our_page(request):
            return self._form("/", _FOREIGN, status=403)
        try:
            fields = parse_qs((await _body(request)).decode("utf-8", "replace"))
        except TooLargeError:
            return self._form("/", _TOO_LARGE, status=413)
        back = local_path(_first(fields, "next"))
        key = _first(fields, "key").strip()
        if not key:
            return self._form(back, _EMPTY, status=422)
        wait = self._limit.wait_seconds(_address(request), time.monotonic())
        if wait > 0:
            return self._slow_down(back, wait)
        return await self._trade(request, key, back)

    async def sign_out(self, request: Request) -> Response:
        """End the session at the API and forget the cookie."""
        if not is_from_our_page(request):
            return self._form("/", _FOREIGN, status=403)
        token = request.cookies.get(COOKIE)
        reason = "bye"
        if token:
            try:
                client = ApiClient(self._http(), token)
                await run_in_threadpool(client.close_session)
            except SessionEndedError:
                pass  # that is what was wanted
            except ApiError:
                reason = "bye-locally"
        response = RedirectResponse(f"/login?reason={reason}", status_code=303)
        clear(response, request, self._settings)
        return response

    async def _trade(self, request: Request, key: str, back: str) -> Response:
        try:
            session = await run_in_threadpool(open_session, self._http(), key)
        except ApiError as error:
            return self._form(back, notice_of(error), status=_status_of(error))
        self._limit.forgive(_address(request))
        response = RedirectResponse(back, status_code=303)
        keep(response, request, self._settings, session, _seconds_left(session))
        return response

    def _slow_down(self, back: str, wait_seconds: float) -> Response:
        seconds = math.ceil(wait_seconds)
        text = f"Wait {seconds} seconds, then try again."
        response = self._form(back, Notice("Too many attempts", text), status=429)
        response.headers["Retry-After"] = str(seconds)
        return response

    def _form(self, back: str, notice: Notice | None, *, status: int = 200) -> Response:
        html = login_page(
            back=back, notice=notice, simulated=self._settings.ui_simulated
        )
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def notice_of(error: ApiError) -> Notice:
    """Say why a sign-in failed: a wrong key and an absent API are different things."""
    if isinstance(error, ApiDownError):
        return Notice("Corral's API does not answer", f"{_NOT_CHECKED} {error.advice}")
    if error.status in (400, 401, 422):
        return Notice(*_KEY_NOTICES.get(error.code, _KEY_NOTICES["invalid_key"]))
    if error.status == 429:
        return Notice("Too many attempts", error.advice)
    return Notice("Corral cannot check keys now", f"{error} {error.advice}")


def local_path(raw: str | None) -> str:
    """Give the path to go back to, if it is one of ours, else the start page."""
    path = raw or "/"
    parts = urlsplit(path)
    ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    clean = not (parts.scheme or parts.netloc) and path.isprintable()
    is_loop = parts.path in ("/login", "/logout")
    return path if ours and clean and not is_loop else "/"


def is_from_our_page(request: Request) -> bool:
    """Tell whether a form was posted from our own page; browsers always send Origin."""
    origin = request.headers.get("origin")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise TooLargeError
    return body


def _first(fields: dict[str, list[str]], name: str) -> str:
    return fields.get(name, [""])[0]


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _seconds_left(session: Session) -> int:
    return max(int((session.expires_at - datetime.now(tz=UTC)).total_seconds()), 0)


def _status_of(error: ApiError) -> int:
    return 401 if error.status in (400, 401, 422) else error.status


_NOT_CHECKED = "Your key was not checked."
_FOREIGN = Notice("That form came from somewhere else", "Sign in here instead.")
_TOO_LARGE = Notice("That is too long for a key", "Paste the key and nothing else.")
_EMPTY = Notice("There is no key yet", "Paste your key, then sign in.")
_KEY_NOTICES = {
    "invalid_key": (
        "This key is not known",
        "Check that you pasted all of it. A key starts with “corral-”.",
    ),
    "expired_key": ("This key has expired", "Ask an administrator for a new one."),
    "disabled_key": ("This key is disabled", "Ask an administrator to enable it."),
}
_NOTICES = {
    "ended": Notice("Your session has ended", "Sign in again to go on.", calm=True),
    "bye": Notice("You are signed out", "See you soon.", calm=True),
    "bye-locally": Notice(
        "You are signed out of this browser",
        "The API did not answer, so the session itself ends only when it expires.",
        calm=True,
    ),
}
