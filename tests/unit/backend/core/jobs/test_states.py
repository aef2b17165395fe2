import pytest

from backend.core.jobs.states import (
    FINAL,
    NODE_WORK,
    TRANSITIONS,
    Kind,
    Priority,
    State,
)


def test_every_state_says_where_it_may_go() -> None:
    assert set(TRANSITIONS) == set(State)


def test_rule_1_a_final_state_never_changes() -> None:
    for state in FINAL:
        assert TRANSITIONS[state] == frozenset()


def test_a_job_gets_to_success_only_by_running() -> None:
    leading = {
        state for state, after in TRANSITIONS.items() if State.SUCCEEDED in after
    }

    assert leading == {State.RUNNING}


def test_work_of_a_node_is_no_generation() -> None:
    assert NODE_WORK.isdisjoint({Kind.CHAT, Kind.GENERATE, Kind.EMBED})


@pytest.mark.parametrize("priority", list(Priority))
def test_the_name_of_a_priority_is_read_back(priority: Priority) -> None:
    assert Priority.of(priority.label) is priority


def test_an_unknown_priority_is_refused() -> None:
    with pytest.raises(KeyError):
        Priority.of("urgent")
