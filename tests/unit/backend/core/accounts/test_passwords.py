import subprocess
import sys
import threading

import pytest
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY

from backend.core.account_errors import (
    TooManyLoginsError,
)
from backend.core.accounts import passwords
from backend.core.accounts.password_rules import check_password
from backend.core.accounts.passwords import Passwords
from backend.core.errors import (
    InvalidRequestError,
)

WORDS = "a few words"


@pytest.fixture
def cheap() -> Passwords:
    return Passwords(parameters=CHEAPEST)


def test_what_is_kept_says_how_it_was_made_as_rfc_9106_has_it() -> None:
    kept = Passwords().hash(WORDS)

    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert len(kept) <= 255
    assert passwords.PARAMETERS == RFC_9106_LOW_MEMORY


def test_only_the_right_password_matches(cheap: Passwords) -> None:
    kept = cheap.hash(WORDS)

    assert cheap.matches(kept, WORDS)
    assert not cheap.matches(kept, WORDS.upper())
    assert not cheap.matches(None, WORDS)
    assert cheap.hash(WORDS) != kept


def test_one_password_typed_in_two_ways_is_one(cheap: Passwords) -> None:
    composed, decomposed = "pässword ①", "pa\u0308ssword 1"

    assert cheap.matches(cheap.hash(composed), decomposed)


def test_what_was_made_with_other_parameters_is_outdated(cheap: Passwords) -> None:
    kept = Passwords().hash(WORDS)

    assert cheap.is_outdated(kept)
    assert cheap.matches(kept, WORDS)
    assert not cheap.is_outdated(cheap.hash(WORDS))


@pytest.mark.parametrize("text", ["12345678", "x" * 128, "🐎" * 8, "pass word ä"])
def test_length_is_all_that_a_password_needs(text: str) -> None:
    check_password(text, user="ada")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1234567", "8 to 128"),
        ("x" * 129, "8 to 128"),
        ("🐎" * 7, "8 to 128"),
        ("Lovelace", "name"),
        ("with\x00zero", "control"),
        ("torn \ud800 apart", "control"),
    ],
)
def test_a_password_that_is_none_says_why(text: str, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why) as caught:
        check_password(text, user="lovelace", field="new")

    assert [error.field for error in caught.value.errors] == ["new"]
    assert text not in str(caught.value)


def test_no_more_than_a_few_are_computed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "_PATIENCE_SECONDS", 0.01)
    at_work, go_on = threading.Barrier(3), threading.Event()

    def slow(_work: object) -> str:
        at_work.wait(10)
        go_on.wait(10)
        return "kept"

    busy = Passwords(slow, CHEAPEST)
    threads = [threading.Thread(target=busy.hash, args=(WORDS,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    at_work.wait(10)

    with pytest.raises(TooManyLoginsError, match="Too many people"):
        busy.matches(None, WORDS)
    go_on.set()
    for thread in threads:
        thread.join()
    assert Passwords(lambda work: work(), CHEAPEST).hash(WORDS)


# Greenlets of others run while a password is computed; in the hub none would.
_UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent
from backend.api.native_thread import in_native_thread
from backend.core.accounts.passwords import Passwords

turns = 0
def others():
    global turns
    while True:
        turns += 1
        gevent.sleep(0.001)

gevent.spawn(others)
passwords = Passwords(in_native_thread)
kept = passwords.hash("a few words")
before = turns
assert passwords.matches(kept, "a few words")
assert not passwords.matches(kept, "other words")
print(turns - before)
"""


def test_a_gevent_hub_goes_on_while_a_password_is_computed() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _UNDER_GEVENT],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert int(done.stdout) > 3
    assert done.stderr == ""
