from worker.ollama.inventory import InstalledModel, LoadedModel, ModelDetails

ENTRY_0_24 = {
    "name": "tiny-chat:latest",
    "model": "tiny-chat:latest",
    "modified_at": "2026-11-21T09:17:28.179579006Z",
    "size": 10635162,
    "digest": "b18a",
    "details": {
        "family": "llama",
        "parameter_size": "2.66M",
        "quantization_level": "unknown",
    },
}


def test_an_old_list_of_models_says_nothing_of_capabilities() -> None:
    model = InstalledModel.of(ENTRY_0_24)

    assert model == InstalledModel(
        name="tiny-chat:latest",
        digest="b18a",
        size_bytes=10635162,
        modified_at="2026-11-21T09:17:28.179579006Z",
        details={
            "family": "llama",
            "parameter_size": "2.66M",
            "quantization_level": "unknown",
        },
        capabilities=None,
        context_length=None,
        embedding_length=None,
    )


def test_a_newer_list_of_models_has_them() -> None:
    details = {"context_length": 8192, "embedding_length": 512}
    model = InstalledModel.of(
        {"name": "m", "capabilities": ["completion", "tools"], "details": details}
    )

    assert model.capabilities == ("completion", "tools")
    assert model.context_length == 8192
    assert model.embedding_length == 512


def test_a_model_without_a_date_has_none() -> None:
    assert InstalledModel.of({"name": "m"}).modified_at is None


def test_a_date_that_cannot_be_read_is_none() -> None:
    assert LoadedModel.of({"name": "m", "expires_at": "soon"}).expires_at is None


def test_a_model_that_is_loaded_for_ever_has_a_date_far_away() -> None:
    model = LoadedModel.of(
        {"name": "m", "expires_at": "2319-03-03T09:09:35.125770417Z", "size_vram": 7}
    )

    assert model.size_vram_bytes == 7
    assert model.expires_at is not None
    assert model.expires_at.year == 2319


def test_details_are_those_of_the_models_own_architecture() -> None:
    details = ModelDetails.of(
        {
            "capabilities": ["completion", "vision"],
            "parameters": 'stop    "<|end|>"\nnum_ctx    2048\nstop a b',
            "details": {"family": "qwen25vl"},
            "model_info": {
                "general.architecture": "qwen25vl",
                "qwen25vl.vision.embedding_length": 1280,
                "qwen25vl.embedding_length": 2048,
                "qwen25vl.context_length": 128000,
            },
        }
    )

    assert details.capabilities == ("completion", "vision")
    assert details.context_length == 128000
    assert details.embedding_length == 2048
    assert details.num_ctx == 2048
    assert details.family == "qwen25vl"


def test_what_a_model_does_not_say_is_none() -> None:
    details = ModelDetails.of({"model_info": None})

    assert details.capabilities == ()
    assert details.context_length is None
    assert details.num_ctx is None
