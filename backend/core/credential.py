"""How a caller was recognised, so that what it asks for can depend on that."""

from dataclasses import dataclass


class CallerChangedError(Exception):
    """A caller is not who it was when it was recognised; nothing was committed."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller showed, and what the database said about it.

    Args:
        is_session: A session's token, else a key.
        hash: Of what was shown.
        row: The row that it led to, as text. While the database gives the same text,
            the caller is who it was and may do what it might.
    """

    is_session: bool
    hash: str
    row: str
