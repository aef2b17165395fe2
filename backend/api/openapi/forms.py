"""How each protocol tells errors, for the document."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from backend.api.anthropic import errors as anthropic_errors
from backend.api.anthropic.schemas.views import AnthropicError
from backend.api.errors import CONTENT_TYPE
from backend.api.ollama import errors as ollama_errors
from backend.api.ollama.schemas.views import OllamaError
from backend.api.openai import errors as openai_errors
from backend.api.openai.schemas.views import OpenAIError
from backend.api.openapi.shared_views import SharedError
from backend.api.schemas.views.problem import Problem
from backend.core.errors import AppError

Status = Callable[[AppError | type[AppError]], int]


def _own_status(error: AppError | type[AppError]) -> int:
    return error.status


@dataclass(frozen=True, slots=True)
class ErrorForm:
    """The body of an error, its type, and the status that it comes with."""

    model: type[BaseModel]
    content_type: str = "application/json"
    status_of: Status = _own_status


NATIVE = ErrorForm(Problem, CONTENT_TYPE)
OPENAI = ErrorForm(OpenAIError, status_of=openai_errors.status_of)
ANTHROPIC = ErrorForm(AnthropicError, status_of=anthropic_errors.status_of)
OLLAMA = ErrorForm(OllamaError, status_of=ollama_errors.status_of)
SHARED = ErrorForm(SharedError, status_of=openai_errors.status_of)
FORMS = (NATIVE, OPENAI, ANTHROPIC, OLLAMA, SHARED)
