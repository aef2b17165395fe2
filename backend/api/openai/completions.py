"""`POST /v1/completions`."""

from typing import Any

from flask import Blueprint, Response

from backend.api.auth import as_caller
from backend.api.bodies import read_as
from backend.api.calls.asking import Asked, admitted, sent_body, several
from backend.api.calls.naming import names
from backend.api.calls.telling import streamed, told
from backend.api.openai.completion_answer import TextChunks, WantedText, completion
from backend.api.openai.naming import COMMON
from backend.api.openai.schemas.completions import CompletionRequest
from backend.core.jobs.states import Kind, Protocol
from backend.core.keys import Caller

blueprint = Blueprint("openai_completions", __name__)
_NAMES = (
    *names(
        (r"request\.options\.num_predict$", "max_tokens"),
        (r"request\.top_logprobs", "logprobs"),
        (r"request$", "prompt"),
    ),
    *COMMON,
)


@blueprint.post("/v1/completions")
def create() -> Response:
    """Complete prompts."""
    return as_caller(_create)


def _create(caller: Caller) -> Response:
    body = read_as(CompletionRequest, sent_body())
    asked = [_asked(body, prompt) for prompt in body.prompt]
    admit = [admitted(one, caller, Protocol.OPENAI) for one in asked]
    times = body.n or 1
    jobs = several(admit, times)
    echoed = [p if body.echo else "" for p in body.prompt for _ in range(times)]
    wanted = WantedText(body.model, echoed, body.logprobs, usage=body.with_usage)
    if body.streamed:
        return streamed(jobs, lambda calls: TextChunks(calls[0].row.id, wanted))
    return told(jobs, lambda rows: completion(rows, wanted))


def _asked(body: CompletionRequest, prompt: str) -> Asked:
    request: dict[str, Any] = {
        "prompt": prompt,
        "options": body.options(body.max_tokens),
        # There is no place for thoughts.
        "think": False,
    }
    if body.suffix:
        request["suffix"] = body.suffix
    if body.logprobs is not None:
        request |= {"logprobs": True, "top_logprobs": body.logprobs}
    return Asked(
        Kind.GENERATE, body.model, request, metadata=body.metadata, names=_NAMES
    )
