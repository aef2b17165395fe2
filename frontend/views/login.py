"""The login page: a name and a password, or a key."""

from dataclasses import dataclass
from html import escape

from frontend.views.frame import Notice, about, is_wrong, page


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody tried before, so that the page goes on from there.

    Args:
        back: Where to go afterwards.
        user: The name that was typed.
        by_key: Whether it was a key.
    """

    back: str = "/"
    user: str = ""
    by_key: bool = False


def login_page(attempt: Attempt, *, notice: Notice | None, simulated: bool) -> str:
    """Render the page; everything that varies is escaped."""
    wrong, by_key = is_wrong(notice), attempt.by_key
    by_password = wrong and not by_key
    return page(
        "login.html",
        title="Sign in",
        notice=notice,
        back=escape(attempt.back, quote=True),
        user=escape(attempt.user, quote=True),
        about_user=about(focus=not by_key and not attempt.user, wrong=by_password),
        about_password=about(
            focus=not by_key and bool(attempt.user), wrong=by_password
        ),
        about_key=about(focus=by_key, wrong=wrong and by_key),
        open="open" if by_key else "",
        simulated=_SIMULATED if simulated else "",
    )


_SIMULATED = (
    '<p class="simulated">Demo: no model runs here, all answers are simulated.</p>'
)
