"""Accounts: users, their log-ins, and the keys that they make for themselves."""

from collections.abc import Callable
from dataclasses import dataclass

import redis

from backend.core.accounts.login_limit import LoginLimit
from backend.core.accounts.logins import Logins
from backend.core.accounts.own_keys import OwnKeys
from backend.core.accounts.passwords import Passwords
from backend.core.accounts.users import Users
from backend.core.db import Database
from backend.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Accounts:
    """What there is to do with accounts."""

    users: Users
    logins: Logins
    own_keys: OwnKeys


def wire_accounts(
    settings: Settings,
    database: Database,
    client: redis.Redis,
    *,
    run: Callable[[Callable[[], bool | str]], bool | str],
) -> Accounts:
    """Put them together; `run` runs what holds its thread for long."""
    passwords = Passwords(run)
    limit = LoginLimit(
        client,
        by_name=settings.login_attempts,
        in_all=settings.login_attempts_total,
        window_ms=settings.login_window,
    )
    return Accounts(
        Users(database, passwords),
        Logins(database, passwords, limit, lifetime_ms=settings.session_lifetime),
        OwnKeys(database),
    )
