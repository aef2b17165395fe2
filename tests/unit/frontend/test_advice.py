import pytest

from frontend.advice import advice_for


def test_a_known_code_has_advice_for_people_at_a_chat() -> None:
    advice = advice_for("worker_lost", otherwise="Look at why workers die.")

    assert advice == "The machine that answered went away. Try again."


def test_a_code_that_is_newer_than_the_ui_has_the_apis_advice() -> None:
    assert advice_for("brand_new", otherwise="Do this.") == "Do this."
    assert "administrator" in advice_for("brand_new")


@pytest.mark.parametrize(("seconds", "text"), [(1, "1 second"), (7, "7 seconds")])
def test_a_wait_that_the_api_named_is_told(seconds: int, text: str) -> None:
    advice = advice_for("draining", retry_after_seconds=seconds)

    assert advice == f"Try again in {text}."


def test_a_wait_that_is_too_long_to_count_is_told_in_words() -> None:
    advice = advice_for("insufficient_quota", retry_after_seconds=40_000)

    assert "tomorrow" in advice
