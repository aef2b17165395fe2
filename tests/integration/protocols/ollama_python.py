"""What the tests with Ollama's own Python client have in common."""

import base64
import time
from typing import Any

import ollama

from backend.core.jobs.records import JobRecord
from tests.platform import Platform

HELLO = [{"role": "user", "content": "one two three"}]
SHORT = {"num_predict": 8}
# A tiny model at this temperature does not end by itself.
ENDLESS = {"num_predict": 2000, "temperature": 0}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJ"
    "RU5ErkJggg=="
)


def client_of(platform: Platform, key: str, **more: Any) -> ollama.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return ollama.Client(platform.url, headers=headers, **more)


def get_weather(city: str) -> str:
    """Tell the weather of a city.

    Args:
        city: Its name.
    """
    return f"22 degrees in {city}"


def latest_ended(platform: Platform) -> JobRecord:
    """Wait until the job that was submitted last has ended."""
    give_up_at = time.monotonic() + 10
    while (job := platform.jobs()[0]).finished_at is None:
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    return job
