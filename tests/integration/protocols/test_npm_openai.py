"""OpenAI's client for Node, as `setup_clients.sh` installed it."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.platform import Platform

CLIENTS = Path(__file__).parents[2] / "clients" / "npm"


def told_by(script: str, platform: Platform) -> Any:
    """Run a script and give what it prints."""
    done = subprocess.run(
        ["node", CLIENTS / script, platform.url, platform.key()],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_client_for_node_chats_calls_tools_and_embeds(platform: Platform) -> None:
    found = told_by("openai.mjs", platform)

    assert found["whole"] == found["streamed"] != ""
    assert found["tokens"] == 8
    assert found["call"] == ["get_weather", {"city": "Paris"}]
    assert found["answer"]
    assert found["ran"]
    assert set(found["form"]) == {"name"}
    assert found["seen"]
    assert found["vector"] == 96
    assert "tiny-chat:latest" in found["models"]
    assert found["refused"] == ["NotFoundError", 404, "model_not_found"]
    assert found["left"] is True


def test_the_client_for_node_has_responses(platform: Platform) -> None:
    found = told_by("openai-responses.mjs", platform)

    assert found["whole"] == found["streamed"] != ""
    assert found["status"] == "incomplete"
    assert found["helped"]
    for numbers in (found["numbers"], found["resumed"]):
        assert numbers == list(range(len(numbers)))
    assert found["end"] == "response.completed"
    assert found["previous"] is True
    assert found["items"] == ["one two three"]
    assert found["gone"] == ["NotFoundError", 404, "response_not_found"]
