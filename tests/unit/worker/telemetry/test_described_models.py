"""What is kept of what Ollama says of each model."""

from typing import Any

import orjson
import pytest

from tests.unit.worker.generation.test_embed import Bench
from tests.unit.worker.telemetry.node import Node
from worker.ollama.inventory import InstalledModel
from worker.telemetry.description import description

ENTRY = {
    "name": "m",
    "digest": "d",
    "modified_at": "2026-11-21T09:17:28Z",
    "details": {"family": "llama"},
}


def entry(**over: Any) -> InstalledModel:
    return InstalledModel.of(ENTRY | over)


@pytest.fixture
def node() -> Node:
    return Node(Bench())


def test_a_model_is_described_once(node: Node) -> None:
    node.ollama.disk = [entry()]
    for _ in range(3):
        node.telemetry.look()

    ((seen,),) = node.catalogue.recorded
    assert node.ollama.described == ["m"]
    assert seen.name == "m:latest"
    assert seen.modified_at == "2026-11-21T09:17:28Z"
    assert seen.details == '{"family":"llama"}'
    assert seen.description == '{"template":"m","capabilities":["completion"]}'
    assert seen.capabilities == ("completion",)


@pytest.mark.parametrize(
    "change", [{"digest": "e"}, {"modified_at": "later"}, {"details": {}}]
)
def test_a_model_that_was_changed_is_described_again(
    node: Node, change: dict[str, Any]
) -> None:
    node.ollama.disk = [entry()]
    node.telemetry.look()
    node.ollama.disk = [entry(**change)]
    node.telemetry.look()

    assert node.ollama.described == ["m", "m"]
    assert len(node.catalogue.recorded) == 2


def test_a_broken_model_does_not_take_the_node_down(node: Node) -> None:
    node.ollama.disk = [entry(), entry(name="broken")]
    node.ollama.broken = {"broken"}
    node.telemetry.look()

    assert node.telemetry.ollama_ok
    (seen,) = node.catalogue.recorded
    assert [model.is_described for model in seen] == [True, False]
    assert seen[1].capabilities is None

    node.ollama.broken.clear()
    node.telemetry.look()
    assert node.catalogue.recorded[-1][1].is_described


def test_whoever_changed_the_models_has_the_node_looked_at(node: Node) -> None:
    node.models.refresh()

    assert len(node.published) == 1


def test_a_description_is_what_ollama_says_in_its_order_without_tensors() -> None:
    shown = {"license": "MIT", "tensors": [1, 2], "template": "{{ .Prompt }}"}

    assert description(shown) == '{"license":"MIT","template":"{{ .Prompt }}"}'


def test_a_long_description_loses_what_is_dispensable_first() -> None:
    long = "x" * 200_000
    shown = {"modelfile": long, "license": long, "template": "t", "parameters": "p"}

    kept = orjson.loads(description(shown))

    assert kept == {"license": long, "template": "t", "parameters": "p"}


def test_a_description_that_is_nothing_but_long_keeps_what_it_must() -> None:
    names = ("modelfile", "license", "messages", "model_info", "template", "system")
    shown = dict.fromkeys((*names, "projector_info"), "x" * 300_000)

    assert orjson.loads(description(shown | {"capabilities": ["vision"]})) == {
        "capabilities": ["vision"]
    }
