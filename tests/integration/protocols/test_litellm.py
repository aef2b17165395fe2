"""LiteLLM as a client, in the environment that `setup_clients.sh` made for it."""

import json
import os
import subprocess
from pathlib import Path

from tests.platform import Platform

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".test" / "litellm" / "bin" / "python"
SCRIPT = ROOT / "tests" / "clients" / "litellm" / "calls.py"


def test_litellm_chats_calls_tools_and_embeds(platform: Platform) -> None:
    # What it costs elsewhere is nothing that a test should fetch.
    environment = os.environ | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [PYTHON, SCRIPT, platform.url, platform.key()],
        capture_output=True,
        check=False,
        env=environment,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    assert found["whole"] == found["streamed"] != ""
    assert found["tokens"] == 8
    assert found["call"] == ["get_weather", {"city": "Paris"}]
    assert found["answer"]
    assert found["thought"]
    assert set(found["form"]) == {"name"}
    assert found["vector"] == 96
    assert found["refused"] == 404
