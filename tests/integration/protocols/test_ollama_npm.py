"""Ollama's own client for Node, unchanged."""

import json
import subprocess
from pathlib import Path
from typing import Any

from backend.core.jobs.states import State
from tests.integration.protocols.ollama_python import latest_ended
from tests.platform import Platform

CLIENTS = Path(__file__).parents[2] / "clients" / "npm"


def test_it_chats_streams_calls_tools_embeds_lists_and_aborts(
    platform: Platform, slowly: None
) -> None:
    ran = subprocess.run(
        ["node", CLIENTS / "ollama.mjs", platform.url, platform.key()],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    told: dict[str, Any] = json.loads(ran.stdout)

    assert told["load"]["done_reason"] == "load"
    assert told["whole"]["message"]["content"]
    assert told["whole"]["eval_count"] == 8
    assert "".join(part["message"]["content"] for part in told["parts"])
    assert told["parts"][-1]["done_reason"] == "length"
    assert told["tools"]["call"]["name"] == "get_weather"
    assert told["tools"]["answer"]
    assert isinstance(told["object"]["a"], int)
    assert told["generated"]["response"]
    assert [len(vector) for vector in told["embedded"]["embeddings"]] == [96, 96]
    assert "tiny-chat:latest" in told["listed"]
    assert "tiny-chat:latest" in told["loaded"]
    assert told["shown"] == ["completion"]
    assert told["version"]["version"] == "0.24.0-sim"
    assert told["unknown"]["status"] == 404
    assert told["unknown"]["message"] == "model 'nope' not found"
    assert told["forbidden"]["status"] == 403
    assert told["aborted"] == "AbortError"
    assert latest_ended(platform).state is State.CANCELLED
