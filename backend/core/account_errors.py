"""What can be wrong with users, their passwords and sessions, and with keys."""

from backend.core.errors import AppError, NotFoundError


class DisabledUserError(AppError):
    """The user is disabled; ask an administrator."""

    code, status = "disabled_user", 401


class SessionEndedError(AppError):
    """The session has ended; log in again."""

    code, status = "session_ended", 401


class WrongPasswordError(AppError):
    """There is no such user, or the password is wrong."""

    code, status = "wrong_password", 401


class UserNotFoundError(NotFoundError):
    """There is no such user."""

    code = "user_not_found"


class UserExistsError(AppError):
    """There is a user of this name already."""

    code, status = "user_exists", 409


class UserInUseError(AppError):
    """The user owns something, so it cannot be deleted; disable it instead."""

    code, status = "user_in_use", 409


class LastAdministratorError(AppError):
    """Nobody else is an administrator: make another one first."""

    code, status = "last_administrator", 409


class NoPasswordError(AppError):
    """The user has no password yet; an administrator can set one."""

    code, status = "no_password", 409


class TooManyKeysError(AppError):
    """You have as many keys as a user may make; disable one first."""

    code, status = "too_many_keys", 409


class TooManyLoginsError(AppError):
    """Too many wrong passwords; wait before you try again."""

    code, status, retryable = "too_many_logins", 429, True


class KeyNotFoundError(NotFoundError):
    """There is no such key."""

    code = "key_not_found"


class KeyWasUsedError(AppError):
    """Jobs name this key, so it cannot be deleted; disable it instead."""

    code, status = "key_was_used", 409


class KeyInactiveError(AppError):
    """The key is disabled or has expired, so there is nothing to hand over to."""

    code, status = "key_inactive", 409


class KeyWasRotatedError(AppError):
    """The key has a successor already; rotate that one."""

    code, status = "key_was_rotated", 409
