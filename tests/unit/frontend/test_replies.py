import pytest

from frontend.replies import JobState, Model, Progress


def test_a_model_of_which_nothing_is_known_yet_is_offered_for_chat() -> None:
    model = Model.model_validate({"name": "m", "capabilities": None, "nodes": None})

    assert model.can_chat
    assert not model.can_think
    assert model.nodes == ()


def test_an_embedding_model_cannot_chat() -> None:
    assert not Model(name="m", capabilities=("embedding",)).can_chat


@pytest.mark.parametrize(
    ("completed", "total", "fraction"),
    [(1, 4, 0.25), (5, 4, 1.0), (None, 4, None), (1, None, None), (1, 0, None)],
)
def test_a_progress_is_a_fraction_where_that_is_known(
    completed: int | None, total: int | None, fraction: float | None
) -> None:
    assert Progress(completed=completed, total=total).fraction == fraction


def test_four_states_are_final() -> None:
    final = {state for state in JobState if state.is_final}

    assert final == {"succeeded", "failed", "cancelled", "expired"}
