import pytest
from ollama_sim.durations import FOR_EVER
from ollama_sim.settings import Settings


def test_a_flag_comes_before_the_environment() -> None:
    environ = {
        "OLLAMA_SIM_LOAD_SECONDS": "2",
        "OLLAMA_NUM_PARALLEL": "4",
        "OLLAMA_SIM_MAX_QUEUE": "7",
        "OLLAMA_MAX_QUEUE": "8",
    }

    settings = Settings.read(["--load-seconds", "0", "--models=a, b"], environ)

    assert settings.load_seconds == 0
    assert settings.num_parallel == 4
    assert settings.max_queue == 7
    assert settings.models == ("a", " b")


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300), ("60", 60), ("-1", FOR_EVER)]
)
def test_keep_alive_is_read_as_by_ollama(text: str, seconds: float) -> None:
    assert Settings.read([], {"OLLAMA_KEEP_ALIVE": text}).keep_alive == seconds


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", ("10.0.0.1", 11434)),
        ("127.0.0.1:1234", ("127.0.0.1", 1234)),
        ("http://ollama:80/", ("ollama", 80)),
        (":8000", ("127.0.0.1", 8000)),
    ],
)
def test_the_host_is_read_as_by_ollama(text: str, address: tuple[str, int]) -> None:
    settings = Settings.read([], {"OLLAMA_HOST": text})

    assert (settings.host, settings.port) == address


def test_the_load_timeout_is_a_duration_or_seconds() -> None:
    for text in ("2m", "120"):
        settings = Settings.read([], {"OLLAMA_LOAD_TIMEOUT": text})
        assert settings.load_timeout_seconds == 120


def test_a_flag_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SystemExit):
        Settings.read(["--colour", "red"], {})
