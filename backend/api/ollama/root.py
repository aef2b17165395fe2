"""`/`: what Ollama's clients look at to see whether somebody is there."""

from flask import Blueprint, Response

blueprint = Blueprint("ollama_root", __name__)


@blueprint.get("/")
def root() -> Response:
    """Say what clients expect to read."""
    return Response("Ollama is running", content_type="text/plain; charset=utf-8")
