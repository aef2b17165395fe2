"""Errors under `/v1`, where both OpenAI's and Anthropic's clients ask."""

from flask import Response, request

from backend.api.anthropic import errors as anthropic_errors
from backend.api.anthropic.asking import is_asked
from backend.api.openai import errors as openai_errors
from backend.core.errors import AppError


def answer(error: AppError) -> Response:
    """Answer with an error in the words of the protocol that was meant."""
    if is_asked(request):
        return anthropic_errors.answer(error)
    return openai_errors.answer(error)
