import pytest
from ollama_sim.catalogue import Catalogue, full_name, key_of
from ollama_sim.errors import ApiError, ModelNotFoundError


@pytest.mark.parametrize(
    "name",
    ["tiny-chat", "Tiny-Chat", "library/tiny-chat", "tiny-chat:latest"],
)
def test_all_spellings_of_a_name_are_one_model(name: str) -> None:
    assert Catalogue(["tiny-chat"]).find(name).name == "tiny-chat:latest"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ada/model", "ada/model:latest"),
        ("registry.ollama.ai/library/m:1b", "m:1b"),
        ("hf.co/ada/model:q4", "hf.co/ada/model:q4"),
        ("a b", None),
        ("a//b", None),
        ("", None),
    ],
)
def test_a_name_has_one_key(name: str, key: str | None) -> None:
    assert key_of(name) == key


def test_a_name_in_full_has_its_registry() -> None:
    assert full_name("m:1b") == "registry.ollama.ai/library/m:1b"
    assert full_name("ada/m:1b") == "registry.ollama.ai/ada/m:1b"


@pytest.mark.parametrize(
    ("name", "capabilities"),
    [
        ("llama3.2:1b", ("completion", "tools")),
        ("qwen3:8b", ("completion", "tools", "thinking")),
        ("llava", ("completion", "tools", "vision")),
        ("all-minilm", ("embedding",)),
        ("tiny-tools:v2", ("completion", "tools")),
    ],
)
def test_what_an_unknown_model_can_do_is_guessed_from_its_name(
    name: str, capabilities: tuple[str, ...]
) -> None:
    assert Catalogue([name]).find(name).capabilities == capabilities


def test_a_tag_of_a_fault_stands_for_any_installed_model() -> None:
    catalogue = Catalogue(["qwen3:0.6b"])

    assert catalogue.find("qwen3:fault-hang").family == "qwen3"
    assert [model.name for model in catalogue.all()] == ["qwen3:0.6b"]
    for name in ("qwen3:fault-strange", "other:fault-hang"):
        with pytest.raises(ModelNotFoundError):
            catalogue.find(name)


def test_a_deleted_model_is_not_found_again() -> None:
    catalogue = Catalogue(["tiny-chat"])
    catalogue.find("tiny-chat")

    catalogue.delete("tiny-chat")

    with pytest.raises(ModelNotFoundError):
        catalogue.find("tiny-chat")


def test_a_stand_in_cannot_be_deleted() -> None:
    with pytest.raises(ModelNotFoundError):
        Catalogue(["tiny-chat"]).delete("tiny-chat:fault-hang")


def test_a_name_is_needed() -> None:
    with pytest.raises(ApiError, match="model is required"):
        Catalogue([]).find(None)
