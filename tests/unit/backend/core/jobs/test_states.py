import pytest

from backend.core.jobs.states import NODE_WORK, Kind, Priority


def test_work_of_a_node_is_no_generation() -> None:
    assert NODE_WORK.isdisjoint({Kind.CHAT, Kind.GENERATE, Kind.EMBED})


@pytest.mark.parametrize("priority", list(Priority))
def test_the_name_of_a_priority_is_read_back(priority: Priority) -> None:
    assert Priority.of(priority.label) is priority


def test_an_unknown_priority_is_refused() -> None:
    with pytest.raises(KeyError):
        Priority.of("urgent")
