import pytest

from worker.generation import turn as turn_module


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_module, "_FAILURE_SECONDS", 0.0)
    monkeypatch.setattr(turn_module, "_SEND_ON_SECONDS", 0.0)
    monkeypatch.setattr(turn_module, "_OTHERS_SECONDS", 0.0)
