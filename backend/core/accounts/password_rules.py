"""What a password may be: long enough, and little else (NIST SP 800-63B); pure."""

import unicodedata

from backend.core.errors import InvalidRequestError

SHORTEST = 8
LONGEST = 128


def plain(text: str) -> str:
    """Give a password the one form it has, whichever keyboard it is typed on."""
    return unicodedata.normalize("NFKC", text)


def why_not(password: str, *, user: str) -> str | None:
    """Say what is wrong with a new password, if anything is."""
    text = plain(password)
    if not SHORTEST <= len(text) <= LONGEST:
        return f"must have {SHORTEST} to {LONGEST} characters"
    if not text.isprintable():
        return "must have no control characters"
    if text.casefold() == plain(user).casefold():
        return "must not be the user's name"
    return None


def check_password(password: str, *, user: str, field: str = "password") -> None:
    """Let a new password pass.

    Raises:
        InvalidRequestError: If it is none.
    """
    why = why_not(password, user=user)
    if why is not None:
        raise InvalidRequestError.of(field, why)
