import pytest

from backend.core.names import canonical_model, generation_lane, node_lane


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("Tiny-Chat", "tiny-chat:latest"),
        ("library/tiny-chat", "tiny-chat:latest"),
        (" tiny-chat:latest ", "tiny-chat:latest"),
        ("Library/Qwen3:0.6B", "qwen3:0.6b"),
        ("registry.ollama.ai/library/qwen3:0.6b", "qwen3:0.6b"),
        ("registry.ollama.ai/someone/model", "someone/model:latest"),
        ("someone/model", "someone/model:latest"),
        ("host:5000/someone/model", "host:5000/someone/model:latest"),
        ("host:5000/someone/model:q4", "host:5000/someone/model:q4"),
    ],
)
def test_rule_28_every_spelling_of_a_model_is_one_name(
    given: str, canonical: str
) -> None:
    assert canonical_model(given) == canonical
    assert canonical_model(canonical) == canonical


def test_lanes_of_models_and_of_nodes_cannot_be_confused() -> None:
    assert generation_lane("m:1") == "gen:m:1"
    assert node_lane("n") == "node:n"
