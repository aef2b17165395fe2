"""The cookie that keeps somebody signed in."""

from starlette.requests import Request
from starlette.responses import Response

from frontend.replies import Session
from frontend.settings import UiSettings

COOKIE = "corral_session"


def keep(
    response: Response,
    request: Request,
    settings: UiSettings,
    session: Session,
    seconds: int,
) -> None:
    """Hand the token to the browser, where no script can read it."""
    response.set_cookie(
        COOKIE,
        session.token,
        max_age=seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=is_secure(request, settings),
    )


def clear(response: Response, request: Request, settings: UiSettings) -> None:
    """Make the browser forget the token."""
    response.delete_cookie(
        COOKIE,
        path="/",
        httponly=True,
        samesite="strict",
        secure=is_secure(request, settings),
    )


def is_secure(request: Request, settings: UiSettings) -> bool:
    """Tell whether the cookie may travel over https only."""
    return settings.ui_cookie_secure or request.url.scheme == "https"
