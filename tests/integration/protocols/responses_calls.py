"""What tests ask of the Responses API."""

from typing import Any

from openai.types.responses import Response

from tests.platform import Platform

CHAT: dict[str, Any] = {"model": "tiny-chat", "input": "one two three"}


SHORT: dict[str, Any] = {**CHAT, "max_output_tokens": 8}


def job_of(platform: Platform, response: Response) -> Any:
    """Read the job of a response."""
    digits = response.id.removeprefix("resp_")
    found = [j for j in platform.jobs() if j.id.replace("-", "") == digits]
    return platform.job(found[0].id)
