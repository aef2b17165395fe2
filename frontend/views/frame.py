"""The pages that Streamlit has no part in: plain HTML without scripts.

Secrets are typed into them, so nothing but the browser and our own routes sees those.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent
_FOCUS = "autofocus"
_INVALID = 'aria-invalid="true"'
_DESCRIBED = 'aria-describedby="notice"'


@dataclass(frozen=True, slots=True)
class Notice:
    """What a page says above its form.

    Args:
        calm: True for news, False for something that went wrong.
    """

    title: str
    text: str
    calm: bool = False


def is_wrong(notice: Notice | None) -> bool:
    """Tell whether a notice is of something that went wrong."""
    return notice is not None and not notice.calm


def page(name: str, *, title: str, notice: Notice | None, **parts: str) -> str:
    """Render a page; `parts` are HTML, and what varies in them is escaped."""
    shown = _notice(notice) if notice else ""
    content = _template(name).substitute(notice=shown, **parts)
    # What went wrong is the first that a screen reader tells of a new page.
    told = notice.title if notice is not None and is_wrong(notice) else title
    return _template("frame.html").substitute(title=escape(told), content=content)


def about(*, focus: bool = False, wrong: bool = False, described: bool = True) -> str:
    """Write what is said of an input: where to begin, and what was wrong."""
    words = [_FOCUS] if focus else []
    words += [_INVALID] if wrong else []
    words += [_DESCRIBED] if wrong and described else []
    return " ".join(words)


def _template(name: str) -> Template:
    return Template((_FOLDER / name).read_text(encoding="utf-8"))


def _notice(notice: Notice) -> str:
    kind, role = ("calm", "status") if notice.calm else ("wrong", "alert")
    title, text = escape(notice.title), escape(notice.text)
    return (
        f'<div class="notice {kind}" id="notice" role="{role}">'
        f"<strong>{title}</strong><span>{text}</span></div>"
    )
