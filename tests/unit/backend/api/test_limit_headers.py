import pytest

from backend.api.limit_headers import duration, limit_headers
from backend.core.limits.decision import Limits, Whose
from tests.unit.backend.core.limits.standings import balance, standing


@pytest.mark.parametrize(
    ("milliseconds", "written"),
    [
        (0, "0s"),
        (120, "120ms"),
        (1_000, "1s"),
        (8_640, "8.64s"),
        (59_999, "59.999s"),
        (60_000, "1m0s"),
        (360_000, "6m0s"),
        (90_500, "1m30.5s"),
        (3_600_000, "1h0m0s"),
    ],
)
def test_a_span_is_written_as_openai_does(milliseconds: int, written: str) -> None:
    assert duration(milliseconds) == written


def test_only_what_is_limited_has_headers() -> None:
    used = standing(requests=3, tokens=70, reset_ms=59_000)

    assert limit_headers([balance(Limits(max_concurrency=2), used)]) == {}
    assert limit_headers([balance(Limits(rpm=5), used)]) == {
        "x-ratelimit-limit-requests": "5",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "59s",
    }


def test_what_was_used_beyond_a_limit_leaves_nothing_and_nothing_used_is_whole() -> (
    None
):
    used = standing(requests=1, tokens=0, reset_ms=59_000)

    headers = limit_headers([balance(Limits(rpm=1, tpm=10), used)])

    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert headers["x-ratelimit-remaining-tokens"] == "10"
    assert headers["x-ratelimit-reset-tokens"] == "0s"
    lowered = limit_headers([balance(Limits(tpm=10), standing(tokens=25))])
    assert lowered["x-ratelimit-remaining-tokens"] == "0"


def test_of_a_key_and_its_user_what_has_less_left_is_told() -> None:
    key = balance(Limits(rpm=10, tpm=500), standing(requests=3, tokens=1))
    used = standing(requests=8, tokens=9, reset_ms=5_000)
    user = balance(Limits(rpm=9, tpm=1_000), used, Whose.USER)

    for balances in ([key, user], [user, key]):
        headers = limit_headers(balances)
        assert headers["x-ratelimit-limit-requests"] == "9"
        assert headers["x-ratelimit-remaining-requests"] == "1"
        assert headers["x-ratelimit-reset-requests"] == "5s"
        assert headers["x-ratelimit-limit-tokens"] == "500"
        assert headers["x-ratelimit-remaining-tokens"] == "499"
