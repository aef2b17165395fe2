"""OpenAI's client for Node, as `setup_clients.sh` installed it."""

import json
import subprocess
from pathlib import Path

from tests.platform import Platform

SCRIPT = Path(__file__).parents[2] / "clients" / "npm" / "openai.mjs"


def test_the_client_for_node_chats_calls_tools_and_embeds(platform: Platform) -> None:
    done = subprocess.run(
        ["node", SCRIPT, platform.url, platform.key()],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

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
