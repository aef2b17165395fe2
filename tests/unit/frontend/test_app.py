import pytest

from frontend import main as entry
from frontend.app import create_app
from frontend.settings import UiSettings


def test_the_app_has_our_routes_before_streamlits() -> None:
    app = create_app(UiSettings())

    paths = [route.path for route in app._user_routes]
    assert paths == ["/login", "/login", "/logout", "/password", "/password"]


def test_the_process_listens_where_the_settings_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: dict[str, object] = {}
    monkeypatch.setenv("UI_HOST", "127.0.0.1")
    monkeypatch.setenv("UI_PORT", "9123")
    monkeypatch.setattr(
        entry.uvicorn, "run", lambda app, **more: started.update(more, app=app)
    )
    entry.main()

    assert started["app"] == "frontend.app:app"
    assert (started["host"], started["port"]) == ("127.0.0.1", 9123)
