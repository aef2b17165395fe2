"""`llm`, a command line for models, as its manual configures it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.platform import Platform

MODELS = """
- model_id: corral
  model_name: tiny-chat
  api_base: {url}/v1
  api_key_name: corral
  supports_schema: true
- model_id: corral-tools
  model_name: tiny-tools
  api_base: {url}/v1
  api_key_name: corral
  supports_tools: true
"""


class Llm:
    """The command line with a folder of its own."""

    def __init__(self, folder: Path, platform: Platform) -> None:
        config = folder / "extra-openai-models.yaml"
        config.write_text(MODELS.format(url=platform.url))
        self._environment = {"LLM_USER_PATH": str(folder), "HOME": str(folder)}

    def __call__(self, key: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "llm", *words, "--key", key],
            capture_output=True,
            check=False,
            env=self._environment,
            text=True,
            timeout=60,
        )


@pytest.fixture
def llm(tmp_path: Path, platform: Platform) -> Llm:
    return Llm(tmp_path, platform)


def test_a_prompt_is_answered_as_it_grows(llm: Llm, platform: Platform) -> None:
    found = llm(platform.key(), "Hello", "-m", "corral", "-o", "max_tokens", "8")

    assert found.returncode == 0, found.stderr
    assert found.stdout.strip()


def test_an_answer_keeps_to_a_schema(llm: Llm, platform: Platform) -> None:
    asked = ("Invent a dog", "-m", "corral", "--schema", "name, age int")
    found = llm(platform.key(), *asked, "--no-stream")

    assert found.returncode == 0, found.stderr
    assert set(json.loads(found.stdout)) == {"name", "age"}


def test_a_function_is_called(llm: Llm, platform: Platform) -> None:
    code = "def multiply(x: int, y: int) -> int:\n    return x * y"
    asked = ("How much?", "-m", "corral-tools", "--functions", code, "--td")
    found = llm(platform.key(), *asked)

    assert found.returncode == 0, found.stderr
    assert "Tool call: multiply" in found.stderr
    assert found.stdout.strip()


def test_an_error_is_told(llm: Llm) -> None:
    found = llm("corral-none", "Hello", "-m", "corral")

    assert found.returncode == 1
    assert "The key is not known" in found.stderr
