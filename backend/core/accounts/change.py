"""What an administrator changes about a user, and what that means; pure."""

from dataclasses import dataclass
from typing import Any

from backend.core.accounts.roles import Role


@dataclass(frozen=True, slots=True)
class UserChange:
    """What becomes of a user; None leaves it as it is."""

    role: Role | None = None
    disabled: bool | None = None
    password: str | None = None


def takes_an_administrator(change: UserChange, *, role: str, disabled: bool) -> bool:
    """Tell whether somebody is an administrator before a change, but not after it."""
    stays = change.role in (None, Role.ADMIN) and not change.disabled
    return role == Role.ADMIN and not disabled and not stays


def told(change: UserChange, *, role: str, disabled: bool) -> dict[str, Any]:
    """List what really changes, as the audit log has it: of a password, only that."""
    said: dict[str, Any] = {}
    if change.role not in (None, role):
        said["role"] = [role, change.role]
    if change.disabled not in (None, disabled):
        said["disabled"] = change.disabled
    if change.password is not None:
        said["new_password"] = True
    return said
