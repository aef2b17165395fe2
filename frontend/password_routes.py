"""Changing one's own password: a page of ours, since a script would remember it."""

from collections.abc import Callable

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from frontend.api_client import ApiClient
from frontend.errors import ApiError, SessionEndedError
from frontend.forms import TooLargeError, is_from_our_page, read_form
from frontend.pages import PASSWORD_PATH
from frontend.session_cookie import COOKIE
from frontend.views.frame import Notice
from frontend.views.password import password_page

_ENDED = "/login?reason=ended"


class ChangePassword:
    """The page and what its form posts to.

    Args:
        http: Gives the connection pool to the API, when it is first needed.
    """

    def __init__(self, http: Callable[[], httpx.Client]) -> None:
        self._http = http

    def routes(self) -> list[Route]:
        """List the routes for Streamlit's app."""
        return [
            Route(PASSWORD_PATH, self.page, methods=["GET"]),
            Route(PASSWORD_PATH, self.change, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """Show the form."""
        notice = _CHANGED if "changed" in request.query_params else None
        return await self._form(request, notice)

    async def change(self, request: Request) -> Response:
        """Change the password, if the old one is right."""
        if not is_from_our_page(request):
            return await self._form(request, _FOREIGN, status=403)
        try:
            fields = await read_form(request)
        except TooLargeError:
            return await self._form(request, _TOO_LARGE, status=413)
        old, new = fields.get("old", ""), fields.get("new", "")
        if new != fields.get("again", ""):
            return await self._form(request, _DIFFERENT, field="again", status=422)
        try:
            await run_in_threadpool(self._client(request).change_password, old, new)
        except SessionEndedError:
            return RedirectResponse(_ENDED, status_code=303)
        except ApiError as error:
            field = next((name for name in ("old", "new") if name in error.fields), "")
            notice = _notice_of(error, field)
            return await self._form(request, notice, field=field, status=error.status)
        return RedirectResponse(f"{PASSWORD_PATH}?changed", status_code=303)

    def _client(self, request: Request) -> ApiClient:
        return ApiClient(self._http(), request.cookies.get(COOKIE, ""))

    async def _form(
        self,
        request: Request,
        notice: Notice | None,
        *,
        field: str = "",
        status: int = 200,
    ) -> Response:
        try:
            account = await run_in_threadpool(self._client(request).me)
        except SessionEndedError:
            return RedirectResponse(_ENDED, status_code=303)
        except ApiError as error:
            user, notice, status = "", _notice_of(error, ""), error.status
        else:
            user = account.user.name
        html = password_page(user, notice=notice, field=field)
        return HTMLResponse(html, status, headers={"Cache-Control": "no-store"})


def _notice_of(error: ApiError, field: str) -> Notice:
    if field == "old":
        return Notice("That is not your password", "Type the one you signed in with.")
    if field == "new":
        return Notice("This cannot be a password", f"It {error.fields['new']}.")
    return Notice("Your password was not changed", f"{error} {error.advice}")


_CHANGED = Notice("Your password is changed", "Your other sessions ended.", calm=True)
_DIFFERENT = Notice("The new passwords differ", "Type the same one twice.")
_TOO_LARGE = Notice("That is too long", "A password has at most 128 characters.")
_FOREIGN = Notice("That form came from somewhere else", "Use this one instead.")
