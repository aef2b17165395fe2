"""The login page: plain HTML without scripts, since a key is typed into it."""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page says above the form.

    Args:
        calm: True for news, False for something that went wrong.
    """

    title: str
    text: str
    calm: bool = False


def login_page(*, back: str, notice: Notice | None, simulated: bool) -> str:
    """Render the page; everything that varies is escaped."""
    template = Template((_FOLDER / "login.html").read_text(encoding="utf-8"))
    return template.substitute(
        back=escape(back, quote=True),
        notice=_notice(notice) if notice else "",
        invalid="" if notice is None or notice.calm else _INVALID,
        simulated=_SIMULATED if simulated else "",
    )


def _notice(notice: Notice) -> str:
    kind, role = ("calm", "status") if notice.calm else ("wrong", "alert")
    title, text = escape(notice.title), escape(notice.text)
    return (
        f'<div class="notice {kind}" id="notice" role="{role}">'
        f"<strong>{title}</strong><span>{text}</span></div>"
    )


_INVALID = 'aria-invalid="true" aria-describedby="notice"'
_SIMULATED = (
    '<p class="simulated">Demo: no model runs here, all answers are simulated.</p>'
)
