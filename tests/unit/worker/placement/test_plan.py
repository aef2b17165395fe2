from backend.core.jobs.states import Kind
from worker.placement.eviction import LoadedModelView, Memory, evict
from worker.placement.plan import Action, NodeView, preload

FULL = Memory(total=100, used=90)


def view(**over: object) -> NodeView:
    values: dict[str, object] = {
        "node": "n",
        "on_disk": frozenset(),
        "loaded": frozenset(),
    }
    return NodeView(**(values | over))  # type: ignore[arg-type]  # as the fields say


def loaded(name: str, **over: object) -> LoadedModelView:
    values: dict[str, object] = {"size": 1, "running": 0, "idle_seconds": 10.0}
    return LoadedModelView(name=name, **(values | over))  # type: ignore[arg-type]  # as the fields say


def chosen(
    *models: LoadedModelView, memory: Memory = FULL, kept: tuple[str, ...] = ()
) -> str | None:
    return evict(memory, models, threshold=0.8, kept=kept)


def test_a_model_is_pulled_then_loaded_then_left_alone() -> None:
    assert preload(["m"], [view()]) == [Action(Kind.PULL, "n", "m")]
    on_disk = view(on_disk=frozenset({"m"}))
    assert preload(["m"], [on_disk]) == [Action(Kind.LOAD, "n", "m")]
    there = view(on_disk=frozenset({"m"}), loaded=frozenset({"m"}))
    assert preload(["m"], [there]) == []


def test_what_is_under_way_is_not_asked_for_again() -> None:
    busy = view(busy_with=frozenset({(Kind.PULL, "m")}))

    assert preload(["m", "o"], [busy]) == [Action(Kind.PULL, "n", "o")]


def test_every_node_keeps_every_model() -> None:
    asked = preload(["m"], [view(node="a"), view(node="b")])

    assert [action.node for action in asked] == ["a", "b"]


def test_nothing_is_unloaded_below_the_threshold() -> None:
    assert chosen(loaded("a"), memory=Memory(100, 80)) is None
    assert chosen(loaded("a"), memory=Memory(0, 0)) is None


def test_the_least_recently_used_idle_model_makes_room() -> None:
    old, young = loaded("old", idle_seconds=99.0), loaded("young", idle_seconds=1.0)

    assert chosen(young, old) == "old"
    assert chosen(young, old, loaded("never", idle_seconds=None)) == "never"


def test_of_two_equally_idle_the_larger_one_goes() -> None:
    assert chosen(loaded("small", size=1), loaded("large", size=9)) == "large"


def test_kept_and_busy_models_stay() -> None:
    assert chosen(loaded("kept"), loaded("busy", running=1), kept=("kept",)) is None
