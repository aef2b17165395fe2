"""What happens to a request before Streamlit sees it: headers, and who is signed in."""

from collections.abc import Iterable
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontend.pages import PASSWORD_PATH
from frontend.session_cookie import COOKIE

# A model's text may ask the browser for pictures and frames; only our own are fetched,
# so that nothing a model knows leaves in an address. Forms that secrets are typed into
# need no script.
_APP_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:;"
    " media-src 'self' blob:; object-src 'none'; frame-src 'none';"
    " frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
_FORM_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
_FORMS = ("/login", PASSWORD_PATH)
# A link from another site comes without our SameSite=Strict cookie even when somebody
# is signed in. A page of ours that loads the same address once more brings it.
_ONCE_MORE = (
    '<!doctype html><html lang="en"><title>Corral</title>'
    '<meta http-equiv="refresh" content="0">'
)


class Gate:
    """Send those who are not signed in to the login page, and harden every reply.

    Args:
        app: The app behind the gate.
        pages: The paths of the pages that need a session; all else passes.
    """

    def __init__(self, app: ASGIApp, pages: Iterable[str]) -> None:
        self._app = app
        self._pages = frozenset(pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        app = self._turn_away(scope) or self._app
        await app(scope, receive, _hardened(scope["path"], send))

    def _turn_away(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if scope["path"] not in self._pages or _has_session(headers):
            return None
        if headers.get("sec-fetch-site") == "cross-site":
            return HTMLResponse(_ONCE_MORE, headers={"Cache-Control": "no-store"})
        return RedirectResponse(f"/login{_back(scope)}", status_code=303)


def _has_session(headers: Headers) -> bool:
    return bool(cookie_parser(headers.get("cookie", "")).get(COOKIE))


def _back(scope: Scope) -> str:
    query = scope["query_string"].decode("latin-1")
    path = scope["path"] + (f"?{query}" if query else "")
    return "" if path == "/" else f"?next={quote(path, safe='')}"


def _hardened(path: str, send: Send) -> Send:
    async def send_hardened(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            policy = _FORM_POLICY if path in _FORMS else _APP_POLICY
            headers.setdefault("Content-Security-Policy", policy)
            headers.setdefault("X-Content-Type-Options", "nosniff")
            # "no-referrer" would make browsers send `Origin: null` with our forms.
            headers.setdefault("Referrer-Policy", "same-origin")
        await send(message)

    return send_hardened
