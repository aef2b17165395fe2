"""What a user may be called; pure."""

import re

from backend.core.errors import InvalidRequestError

_NAME = re.compile(r"[\w.@+-]{1,64}")
_RULE = "must be 1 to 64 letters, digits and . _ @ + -"


def check_user_name(name: str, *, field: str) -> None:
    """Let a new user's name pass.

    Raises:
        InvalidRequestError: If it is none.
    """
    if _NAME.fullmatch(name) is None:
        raise InvalidRequestError.of(field, _RULE)
