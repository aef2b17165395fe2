"""`POST /v1/embeddings`."""

import base64
import math
import struct
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response

from backend.api.auth import as_caller
from backend.api.bodies import read_as
from backend.api.calls.asking import Asked, admitted, sent_body
from backend.api.calls.naming import names
from backend.api.calls.telling import told
from backend.api.errors import invalid
from backend.api.openai.naming import COMMON
from backend.api.openai.schemas.embeddings import CreateEmbeddingRequest
from backend.core.jobs.records import JobRecord
from backend.core.jobs.states import Kind, Protocol
from backend.core.keys import Caller

blueprint = Blueprint("openai_embeddings", __name__)
_NAMES = (*names((r"request$", "input")), *COMMON)


@blueprint.post("/v1/embeddings")
def create() -> Response:
    """Embed texts."""
    return as_caller(_create)


def _create(caller: Caller) -> Response:
    body = read_as(CreateEmbeddingRequest, sent_body())
    job = admitted(_asked(body), caller, Protocol.OPENAI)
    return told([job], lambda rows: embedded(rows[0], body))


def _asked(body: CreateEmbeddingRequest) -> Asked:
    # What is too long is refused; Ollama's own default is to cut it.
    request: dict[str, Any] = {"input": body.input, "truncate": False}
    if body.dimensions is not None:
        request["dimensions"] = body.dimensions
    return Asked(Kind.EMBED, body.model, request, names=_NAMES)


def embedded(row: JobRecord, body: CreateEmbeddingRequest) -> dict[str, Any]:
    """Write the vectors.

    Raises:
        AppError: If they are shorter than was asked.
    """
    write = _base64 if body.encoding_format == "base64" else list
    vectors = (_cut(one, body.dimensions) for one in row.result["embeddings"])
    counted = row.prompt_tokens or 0
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": write(vector)}
            for index, vector in enumerate(vectors)
        ],
        "model": body.model,
        "usage": {"prompt_tokens": counted, "total_tokens": counted},
    }


def _cut(vector: Sequence[float], size: int | None) -> Sequence[float]:
    """Give a vector of the size that was asked; older Ollamas do not cut."""
    if size is None or len(vector) == size:
        return vector
    if len(vector) < size:
        raise invalid("dimensions", f"the model's vectors have {len(vector)}")
    length = math.hypot(*vector[:size]) or 1.0
    return [value / length for value in vector[:size]]


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
