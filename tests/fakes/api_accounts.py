"""Who the fake API knows: keys, and people with passwords."""

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ADMIN_KEY = "corral-admin-" + "a" * 32
USER_KEY = "corral-user-" + "b" * 32
EXPIRED_KEY = "corral-gone-" + "c" * 32
ADMIN_NAME, USER_NAME, DISABLED_NAME = "ada", "grace", "gone"
PASSWORD = "correct horse battery"
_NAMES = {ADMIN_KEY: "Ada", USER_KEY: "Grace"}
_SCOPES = {"admin": ["inference", "read", "admin"], "user": ["inference", "read"]}


@dataclass
class FakeAccounts:
    """Passwords by name, which can be changed."""

    passwords: dict[str, str] = field(
        default_factory=lambda: dict.fromkeys(
            (ADMIN_NAME, USER_NAME, DISABLED_NAME), PASSWORD
        )
    )

    def refusal(self, body: Json) -> tuple[str, str] | None:
        """Tell why a log-in is refused, as code and sentence."""
        if "key" in body:
            if body["key"] == EXPIRED_KEY:
                return "expired_key", "This key expired on 1 May."
            known = body["key"] in (ADMIN_KEY, USER_KEY)
            return None if known else ("invalid_key", "This key is not known.")
        if self.passwords.get(body["user"]) != body["password"]:
            return "wrong_password", "There is no such user, or the password is wrong."
        if body["user"] == DISABLED_NAME:
            return "disabled_user", "The user is disabled; ask an administrator."
        return None


def who(body: Json) -> str:
    """Give what a session stands for: a key, or a name that logged in."""
    return str(body.get("key") or body.get("user"))


def account(session: str) -> Json:
    """Describe the caller as `GET /api/v1/me` does."""
    is_login = session not in (ADMIN_KEY, USER_KEY)
    role = "admin" if session in (ADMIN_KEY, ADMIN_NAME) else "user"
    user = {"id": "u1", "name": _NAMES.get(session, session), "role": role}
    key = {
        "id": "k1",
        "prefix": "login" if is_login else session[:12],
        "name": "login" if is_login else "laptop",
        "scopes": _SCOPES[role],
        "expires_at": None,
        "is_login": is_login,
    }
    return {"user": user, "key": key}


def may_administrate(session: str) -> bool:
    """Tell whether a session has the scope `admin`."""
    return "admin" in account(session)["key"]["scopes"]
