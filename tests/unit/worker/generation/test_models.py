from datetime import UTC, datetime

import pytest

from backend.core.catalogue import KnownModel
from tests.factories import settings_for
from worker.generation.models import NodeModels


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def known(name: str, **over: object) -> KnownModel:
    values: dict[str, object] = {
        "name": name,
        "allowed": True,
        "preload": False,
        "capabilities": None,
        "context_length": None,
        "keep_alive_seconds": None,
        "slots": None,
        "created_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return KnownModel(**(values | over))  # type: ignore[arg-type]  # as the fields say


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def models(clock: Clock) -> NodeModels:
    settings = settings_for(
        model_preload_list=("kept:1",), model_keep_alive=90_000, ollama_num_parallel=4
    )
    models = NodeModels(settings, clock=clock)
    everything = {
        "plain:1": known("plain:1"),
        "kept:1": known("kept:1"),
        "embeds:1": known("embeds:1", capabilities=frozenset({"embedding"})),
        "tuned:1": known("tuned:1", slots=9, keep_alive_seconds=5),
        "elsewhere:1": known("elsewhere:1"),
    }
    on_disk = dict.fromkeys(
        ["plain:1", "kept:1", "embeds:1", "tuned:1", "unknown:1"], "d"
    )
    models.update(everything, on_disk, {"plain:1": 4_096})
    return models


def test_what_is_on_disk_and_in_the_catalogue_is_served(models: NodeModels) -> None:
    assert models.served() == ["embeds:1", "kept:1", "plain:1", "tuned:1"]
    assert models.digest("plain:1") == "d"
    assert models.digest("elsewhere:1") is None


def test_the_context_of_a_model_is_known_while_it_is_in_memory(
    models: NodeModels,
) -> None:
    assert models.context("plain:1") == 4_096
    assert models.context("tuned:1") is None


def test_rule_15_slots_are_the_catalogues_or_one_for_embedding_models(
    models: NodeModels,
) -> None:
    slots = [models.slots(f"{name}:1") for name in ("plain", "embeds", "tuned", "new")]

    assert slots == [4, 1, 9, 4]


def test_the_platform_owns_keep_alive(models: NodeModels) -> None:
    names = ("kept", "tuned", "plain", "new")

    assert [models.policy(f"{n}:1").keep_alive_seconds for n in names] == [
        -1,
        5,
        90,
        90,
    ]
    assert models.policy("embeds:1").embeds
    assert models.policy("plain:1").num_ctx is None


def test_a_model_is_taken_for_loaded_for_a_moment_only(
    models: NodeModels, clock: Clock
) -> None:
    assert models.is_loaded("plain:1")
    assert not models.is_loaded("tuned:1")
    models.saw_loaded("tuned:1")
    clock.now += 5
    assert models.is_loaded("tuned:1")
    clock.now += 2
    assert not models.is_loaded("tuned:1")
    models.saw_loaded("tuned:1")
    models.saw_failing("tuned:1")
    assert not models.is_loaded("tuned:1")


def test_idleness_is_since_the_last_answer(models: NodeModels, clock: Clock) -> None:
    assert models.idle_seconds("plain:1") is None
    models.saw_loaded("plain:1")
    clock.now += 7
    assert models.idle_seconds("plain:1") == 7


def test_nobody_looks_at_a_node_before_somebody_can(models: NodeModels) -> None:
    looks: list[int] = []
    models.refresh()
    models.refreshed_by(lambda: looks.append(1))
    models.refresh()

    assert looks == [1]
