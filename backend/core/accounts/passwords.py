"""Passwords: how they are kept and verified (argon2id).

A computation takes a tenth of a second and 64 MiB, which is its point; so only a few
are made at once, or a flood of log-ins would take the memory of the whole process.
Whoever has no password costs the same as whoever has one, so that nobody learns from
the time of an answer which names there are.
"""

import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from argon2 import Parameters, PasswordHasher, profiles
from argon2.exceptions import VerifyMismatchError

from backend.core.account_errors import TooManyLoginsError
from backend.core.accounts.password_rules import plain

T = TypeVar("T")

# RFC 9106, 4: the second recommended option, for where 2 GiB a log-in is too much.
PARAMETERS = profiles.RFC_9106_LOW_MEMORY
# 64 MiB and four lanes each.
_AT_ONCE = 2
_PATIENCE_SECONDS = 5.0


def _directly(work: Callable[[], bool | str]) -> bool | str:
    return work()


class Passwords:
    """Hashes and verifies passwords.

    Args:
        run: How to run what holds its thread for long.
        parameters: Of argon2id.
    """

    def __init__(
        self,
        run: Callable[[Callable[[], bool | str]], bool | str] = _directly,
        parameters: Parameters = PARAMETERS,
    ) -> None:
        """Prepare the hasher, and the hash of a password that nobody has."""
        self._run = run
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._nobodys = _random_hash(parameters)
        self._free = threading.BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        """Give what is kept of a password.

        Raises:
            TooManyLoginsError: If too many are computed just now.
        """
        with self._one_at_a_time():
            return str(self._run(lambda: self._hasher.hash(plain(password))))

    def matches(self, kept: str | None, password: str) -> bool:
        """Tell whether a password is right; None, which takes as long, never is.

        Raises:
            TooManyLoginsError: If too many are computed just now.
        """
        with self._one_at_a_time():
            right = self._run(lambda: self._verify(kept or self._nobodys, password))
        return bool(right) and kept is not None

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, plain(password))
        except VerifyMismatchError:
            return False

    def is_outdated(self, kept: str) -> bool:
        """Tell whether what is kept was made with other parameters."""
        return self._hasher.check_needs_rehash(kept)

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        if not self._free.acquire(timeout=_PATIENCE_SECONDS):
            raise TooManyLoginsError("Too many people log in just now; try again.")
        try:
            yield
        finally:
            self._free.release()


def _random_hash(parameters: Parameters) -> str:
    """Write a hash that no password leads to, without computing one."""
    cost = f"m={parameters.memory_cost},t={parameters.time_cost}"
    salt, digest = (
        b64encode(secrets.token_bytes(length)).decode().rstrip("=")
        for length in (parameters.salt_len, parameters.hash_len)
    )
    version = f"v={parameters.version}"
    return f"$argon2id${version}${cost},p={parameters.parallelism}${salt}${digest}"
