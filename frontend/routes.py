"""Sign in and out: the only routes that are ours, since a script cannot set a cookie.

A password or key travels once, in the body of a POST from our own page to `/login`, and
is traded for an opaque session token, which the browser keeps where no script can read
it. It is never in an address, a page, a log line or Streamlit's state.
"""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from frontend.api_client import ApiClient, log_in, open_session
from frontend.errors import ApiDownError, ApiError, SessionEndedError
from frontend.forms import TooLargeError, address, is_from_our_page, read_form
from frontend.login_limit import LoginLimit
from frontend.replies import Session
from frontend.session_cookie import COOKIE, clear, keep
from frontend.settings import UiSettings
from frontend.views.frame import Notice
from frontend.views.login import Attempt, login_page


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
        back = local_path(request.query_params.get("next"))
        return self._form(Attempt(back), notice)

    async def sign_in(self, request: Request) -> Response:
        """Trade a password or key for a session and keep its token in a cookie."""
        if not is_from_our_page(request):
            return self._form(Attempt(), _FOREIGN, status=403)
        try:
            fields = await read_form(request)
        except TooLargeError:
            return self._form(Attempt(), _TOO_LARGE, status=413)
        user, key = fields.get("user", "").strip(), fields.get("key", "").strip()
        password = fields.get("password", "")
        attempt = Attempt(local_path(fields.get("next")), user, by_key="key" in fields)
        if attempt.by_key and not key:
            return self._form(attempt, _NO_KEY, status=422)
        if not attempt.by_key and not (user and password):
            return self._form(attempt, _NO_PASSWORD, status=422)
        wait = self._limit.wait_seconds(address(request), time.monotonic())
        if wait > 0:
            return self._slow_down(attempt, wait)
        trade = (open_session, key) if attempt.by_key else (log_in, user, password)
        return await self._trade(request, attempt, *trade)

    async def sign_out(self, request: Request) -> Response:
        """End the session at the API and forget the cookie."""
        if not is_from_our_page(request):
            return self._form(Attempt(), _FOREIGN, status=403)
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

    async def _trade(
        self,
        request: Request,
        attempt: Attempt,
        trade: Callable[..., Session],
        *secrets: str,
    ) -> Response:
        try:
            session = await run_in_threadpool(trade, self._http(), *secrets)
        except ApiError as error:
            notice = notice_of(error, by_key=attempt.by_key)
            return self._form(attempt, notice, status=_status_of(error))
        self._limit.forgive(address(request))
        response = RedirectResponse(attempt.back, status_code=303)
        keep(response, request, self._settings, session, _seconds_left(session))
        return response

    def _slow_down(self, attempt: Attempt, wait_seconds: float) -> Response:
        seconds = math.ceil(wait_seconds)
        text = f"Wait {seconds} seconds, then try again."
        notice = Notice("Too many attempts", text)
        response = self._form(attempt, notice, status=429)
        response.headers["Retry-After"] = str(seconds)
        return response

    def _form(
        self, attempt: Attempt, notice: Notice | None, *, status: int = 200
    ) -> Response:
        simulated = self._settings.ui_simulated
        html = login_page(attempt, notice=notice, simulated=simulated)
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def notice_of(error: ApiError, *, by_key: bool) -> Notice:
    """Say why a sign-in failed: what was wrong, or that nobody could tell."""
    if isinstance(error, ApiDownError):
        return Notice("Corral's API does not answer", f"{_NOT_CHECKED} {error.advice}")
    if error.status in (400, 401, 422):
        usual = _REFUSALS["invalid_key" if by_key else "wrong_password"]
        return Notice(*_REFUSALS.get(error.code, usual))
    if error.status == 429:
        return Notice("Too many attempts", error.advice)
    return Notice("Corral cannot check that now", f"{error} {error.advice}")


def local_path(raw: str | None) -> str:
    """Give the path to go back to, if it is one of ours, else the start page."""
    path = raw or "/"
    parts = urlsplit(path)
    ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    clean = not (parts.scheme or parts.netloc) and path.isprintable()
    is_loop = parts.path in ("/login", "/logout")
    return path if ours and clean and not is_loop else "/"


def _seconds_left(session: Session) -> int:
    return max(int((session.expires_at - datetime.now(tz=UTC)).total_seconds()), 0)


def _status_of(error: ApiError) -> int:
    return 401 if error.status in (400, 401, 422) else error.status


_NOT_CHECKED = "What you typed was not checked."
_FOREIGN = Notice("That form came from somewhere else", "Sign in here instead.")
_TOO_LARGE = Notice("That is too long", "No password and no key is as long as that.")
_NO_KEY = Notice("There is no key yet", "Paste your key, then sign in.")
_NO_PASSWORD = Notice("Something is missing", "Type your user name and your password.")
_REFUSALS = {
    "wrong_password": (
        "User name or password is wrong",
        "Check both, letter by letter: capitals count.",
    ),
    "disabled_user": (
        "Your account is disabled",
        "Ask an administrator to enable it.",
    ),
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
