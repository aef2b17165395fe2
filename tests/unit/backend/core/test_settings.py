import warnings
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from backend.core.settings import (
    Settings,
    SettingsError,
    load_settings,
    unknown_names,
)

DATABASE = "mysql+pymysql://corral:hunter2@db/corral"
REDIS = "redis://:hunter2@redis:6379/0"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", DATABASE)
    monkeypatch.setenv("REDIS_URL", REDIS)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("node_id", "local"),
        ("ollama_num_parallel", 4),
        ("worker_drain_timeout", 30_000),
        ("worker_concurrency", 5),
        ("worker_batch_size", 32),
        ("worker_timeout", 300_000),
        ("ollama_base_url", "http://ollama:11434"),
        ("ollama_timeout", 300_000),
        ("ollama_max_retries", 3),
        ("allowed_models", ()),
        ("model_preload_enabled", True),
        ("model_preload_list", ("qwen3:0.6b", "nomic-embed-text:latest")),
        ("model_memory_threshold", 0.8),
        ("enable_circuit_breaker", True),
        ("circuit_breaker_threshold", 5),
        ("circuit_breaker_timeout", 60_000),
        ("lease_time", 6_000),
        ("heartbeat_interval", 2_000),
    ],
)
def test_the_documented_default_is_the_effective_one(
    environment: pytest.MonkeyPatch, name: str, default: Any
) -> None:
    assert getattr(load_settings(), name) == default


def test_durations_take_units(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("WORKER_TIMEOUT", "5m")
    environment.setenv("OLLAMA_TIMEOUT", "1500")

    settings = load_settings()

    assert settings.worker_timeout == 300_000
    assert settings.ollama_timeout == 1_500


@pytest.mark.parametrize("text", ["false", "0", "no", "off", "False", "OFF"])
def test_false_zero_no_and_off_are_false(
    environment: pytest.MonkeyPatch, text: str
) -> None:
    environment.setenv("MODEL_PRELOAD_ENABLED", text)

    assert load_settings().model_preload_enabled is False


def test_names_of_models_become_canonical_and_single(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("ALLOWED_MODELS", "Tiny-Chat, library/tiny-chat:latest,qwen3:1b")

    assert load_settings().allowed_models == ("tiny-chat:latest", "qwen3:1b")


def test_words_are_taken_in_any_case(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LOG_LEVEL", "debug")
    environment.setenv("ENVIRONMENT", "Development")

    settings = load_settings()

    assert settings.log_level == "DEBUG"
    assert settings.environment == "development"


def test_a_percentage_for_a_fraction_is_an_error_that_says_so(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("MODEL_MEMORY_THRESHOLD", "80")

    with pytest.raises(SettingsError, match=r"number from 0 to 1, such as 0\.8"):
        load_settings()


def test_each_wrong_value_has_a_line_of_its_own_without_the_value(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.delenv("DATABASE_URL")
    environment.setenv("WORKER_CONCURRENCY", "many")
    environment.setenv("NODE_ID", "a b")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    names = [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert names == ["DATABASE_URL", "NODE_ID", "WORKER_CONCURRENCY"]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql+pymysql://corral:change-me@db/corral"),
        ("REDIS_URL", "redis://:EXAMPLE@redis:6379/0"),
        ("CORRAL_ADMIN_KEY", "corral-replace-me"),
        ("CORRAL_ADMIN_PASSWORD", "change-me"),
    ],
)
def test_an_example_secret_is_refused(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)

    with pytest.raises(SettingsError, match=f"{name}.*this is an example value"):
        load_settings()


@pytest.mark.parametrize("value", ["1234567", "x" * 129])
def test_a_first_password_that_is_none_is_refused(
    environment: pytest.MonkeyPatch, value: str
) -> None:
    environment.setenv("CORRAL_ADMIN_PASSWORD", value)

    with pytest.raises(SettingsError, match=r"CORRAL_ADMIN_PASSWORD.*8 to 128"):
        load_settings()


def test_the_first_password_may_be_left_out(environment: pytest.MonkeyPatch) -> None:
    assert load_settings().corral_admin_password is None
    environment.setenv("CORRAL_ADMIN_PASSWORD", "")
    assert load_settings().corral_admin_password is None
    environment.setenv("CORRAL_ADMIN_PASSWORD", "a few words")
    given = load_settings().corral_admin_password
    assert given is not None
    assert given.get_secret_value() == "a few words"


def test_a_secret_is_not_shown(environment: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in repr(load_settings())


def test_settings_never_change(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings()

    with pytest.raises(ValidationError, match="frozen"):
        settings.api_port = 1  # type: ignore[misc]  # what is tested


def test_an_unknown_name_that_looks_like_ours_is_warned_about(
    environment: pytest.MonkeyPatch,
) -> None:
    with pytest.warns(UserWarning, match="WORKER_CONCURENCY is no setting"):
        load_settings({"WORKER_CONCURENCY": "3"})


def test_ollamas_own_names_and_the_simulators_are_known() -> None:
    names = {
        "OLLAMA_HOST": "",
        "OLLAMA_SIM_TOKENS_PER_SECOND": "",
        "WORKER_ID": "",
        "PATH": "",
        "CIRCUIT_BREAKER_TRESHOLD": "",
        "MODEL_LIST": "",
    }

    assert unknown_names(names) == ["CIRCUIT_BREAKER_TRESHOLD", "MODEL_LIST"]


def test_known_names_are_not_warned_about(environment: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_settings({"WORKER_CONCURRENCY": "3"})


@pytest.mark.parametrize(
    ("url", "embedded"), [("sqlite:////tmp/x.db", True), (DATABASE, False)]
)
def test_the_embedded_database_is_recognised(url: str, *, embedded: bool) -> None:
    settings = Settings(database_url=SecretStr(url), redis_url=SecretStr(REDIS))

    assert settings.on_sqlite is embedded


def test_a_wrong_chain_of_fallbacks_is_told_at_the_start(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("FALLBACK_MODELS", "a=b;c")

    with pytest.raises(SettingsError, match=r"FALLBACK_MODELS: .*'c' is not of"):
        load_settings()
