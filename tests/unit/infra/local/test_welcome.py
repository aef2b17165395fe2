"""What a demo prints at its end can be pasted, and tells no secret."""

import shlex
from pathlib import Path

import pytest

from infra.local import welcome
from infra.local.folder import DemoFolder
from infra.local.parts import Upstream

CLIENT = {
    "CORRAL_BASE_URL": "http://127.0.0.1:5001",
    "CORRAL_API_KEY": "corral-the-key-itself",
    "CORRAL_UI_URL": "http://127.0.0.1:8501",
    "CORRAL_ADMIN_USER": "chief",
    "CORRAL_ADMIN_PASSWORD": "the-password-itself",
}


def model(name: str, state: str, *capabilities: str) -> dict[str, object]:
    return {"name": name, "state": state, "capabilities": list(capabilities)}


def printed(
    *, simulated: bool = True, there: bool = True, detached: bool = False
) -> str:
    return welcome.text(
        DemoFolder(Path("/a folder/.demo")),
        CLIENT,
        upstream=Upstream("http://127.0.0.1:11434", simulated=simulated),
        model=("qwen3:0.6b", there),
        detached=detached,
    )


def test_the_secrets_are_named_by_their_place_and_never_printed() -> None:
    assert CLIENT["CORRAL_API_KEY"] not in printed()
    assert CLIENT["CORRAL_ADMIN_PASSWORD"] not in printed()
    assert "sign in as chief" in printed()
    assert "/a folder/.demo/env" in printed()


def test_the_curl_is_one_command_for_a_shell() -> None:
    words = shlex.split(welcome.curl("/a folder/env", "qwen3:0.6b"))

    assert words[:3] == [".", "/a folder/env", "&&"]
    assert "Accept: text/event-stream" in words


def test_simulated_answers_are_said_to_be_simulated() -> None:
    assert "SIMULATED" in printed(simulated=True)
    assert "SIMULATED" not in printed(simulated=False)


def test_a_model_that_is_not_here_yet_is_said_to_be_waited_for() -> None:
    assert "not here yet" in printed(there=False)
    assert "not here yet" not in printed(there=True)


@pytest.mark.parametrize(
    ("detached", "how"), [(True, "make demo-down"), (False, "Ctrl-C")]
)
def test_the_way_to_end_it_is_told(detached: bool, how: str) -> None:  # noqa: FBT001 — a parameter of the test
    assert how in printed(detached=detached)


def test_the_model_that_answers_soonest_is_chosen() -> None:
    chosen = welcome.choose(
        [
            model("embedder", "loaded", "embedding"),
            model("pulling", "pulling", "completion"),
            model("on-disk", "on_disk", "completion"),
            model("loaded", "loaded", "completion", "tools"),
        ]
    )

    assert [one["name"] for one in chosen] == ["loaded", "on-disk", "pulling"]
