import pytest
from pydantic import ValidationError

from frontend.settings import UiSettings


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORRAL_API_URL", "http://127.0.0.1:5001")
    monkeypatch.setenv("UI_PORT", "9000")
    monkeypatch.setenv("UI_COOKIE_SECURE", "true")
    monkeypatch.setenv("UI_API_TIMEOUT", "5m")
    settings = UiSettings()

    assert settings.corral_api_url == "http://127.0.0.1:5001"
    assert (settings.ui_port, settings.ui_cookie_secure) == (9000, True)
    assert settings.ui_api_timeout == 300_000


def test_an_empty_variable_means_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UI_PORT", "")

    assert UiSettings().ui_port == 8501


def test_a_duration_without_a_known_unit_is_refused() -> None:
    with pytest.raises(ValidationError, match="is no duration"):
        UiSettings(ui_api_timeout="5 parsecs")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        UiSettings().ui_port = 1
