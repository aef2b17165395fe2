from worker.resilience.fallback import chain

CHAINS = {"a:latest": ("b:1", "c"), "d": ("e",)}


def test_the_best_model_that_was_not_tried_is_next() -> None:
    assert chain("a:latest", [], CHAINS) == "b:1"
    assert chain("a:latest", ["a:latest", "b:1"], CHAINS) == "c"


def test_a_chain_ends() -> None:
    assert chain("a:latest", ["b:1", "c"], CHAINS) is None


def test_the_chain_of_a_stand_in_is_not_followed() -> None:
    assert chain("a", ["b"], {"a": ("b",), "b": ("c",)}) is None


def test_without_chains_there_is_no_next() -> None:
    assert chain("a", [], {}) is None
