"""Small things that tests of the UI's pages share."""

from streamlit.testing.v1 import AppTest


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def said(page: AppTest) -> str:
    """Give everything that a page says, as one text."""
    kinds = [page.markdown, page.caption, page.error, page.info, page.success]
    kinds += [page.warning, page.header, page.get("html")]
    return "\n".join(
        str(getattr(element, "value", None) or getattr(element.proto, "body", ""))
        for kind in kinds
        for element in kind
    )
