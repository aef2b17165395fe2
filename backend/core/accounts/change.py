"""What an administrator changes about a user, and what that means; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.core.accounts.roles import Role


@dataclass(frozen=True, slots=True)
class UserChange:
    """What becomes of a user; None leaves it as it is.

    `bounds` are those columns of `User` that bound its keys, with their new values;
    what is not named stays.
    """

    role: Role | None = None
    disabled: bool | None = None
    password: str | None = None
    bounds: Mapping[str, Any] = field(default_factory=dict)


def takes_an_administrator(change: UserChange, *, role: str, disabled: bool) -> bool:
    """Tell whether somebody is an administrator before a change, but not after it."""
    stays = change.role in (None, Role.ADMIN) and not change.disabled
    return role == Role.ADMIN and not disabled and not stays


def told(change: UserChange, before: Mapping[str, Any]) -> dict[str, Any]:
    """List what really changes, as the audit log has it: of a password, only that.

    Args:
        change: What was asked for.
        before: The role, whether the user was disabled, and what the bounds were.
    """
    said: dict[str, Any] = {}
    if change.role not in (None, before["role"]):
        said["role"] = [before["role"], change.role]
    if change.disabled not in (None, before["disabled"]):
        said["disabled"] = change.disabled
    if change.password is not None:
        said["new_password"] = True
    return said | {n: v for n, v in change.bounds.items() if v != before[n]}
