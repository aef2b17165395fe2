import pytest

from worker.generation.pace import Pace


def test_the_first_answer_is_the_pace_and_later_ones_move_it() -> None:
    pace = Pace()
    pace.took("m", 2.0)
    assert pace.seconds(["m"]) == {"m": 2.0}
    pace.took("m", 4.0)
    assert pace.seconds(["m"]) == {"m": 2.2}
    for _ in range(100):
        pace.took("m", 4.0)

    assert pace.seconds(["m"])["m"] == pytest.approx(4.0, abs=0.01)


def test_a_model_that_never_answered_has_no_pace() -> None:
    pace = Pace()
    pace.took("m", 2.0)

    assert pace.seconds(["other"]) == {}
