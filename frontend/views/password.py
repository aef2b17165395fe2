"""The page on which one changes one's own password."""

from html import escape

from frontend.views.frame import Notice, about, is_wrong, page


def password_page(user: str, *, notice: Notice | None, field: str = "") -> str:
    """Render the page.

    Args:
        user: Who is signed in.
        notice: What to say above the form.
        field: The field that was wrong, if it was one.
    """
    wrong = is_wrong(notice)
    begin = field if wrong and field else "old"
    return page(
        "password.html",
        title="Change your password",
        notice=notice,
        user=escape(user, quote=True),
        about_old=about(focus=begin == "old", wrong=wrong and field == "old"),
        # Its rule describes it already.
        about_new=about(
            focus=begin == "new", wrong=wrong and field == "new", described=False
        ),
        describes_new="notice" if wrong and field == "new" else "",
        about_again=about(focus=begin == "again", wrong=wrong and field == "again"),
    )
