"""How each protocol tells errors, for the document."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel

from backend.api.anthropic.schemas.views import AnthropicError
from backend.api.errors import CONTENT_TYPE, compatible_status
from backend.api.ollama.schemas.views import OllamaError
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
OPENAI = ErrorForm(OpenAIError, status_of=compatible_status)
ANTHROPIC = ErrorForm(AnthropicError, status_of=compatible_status)
OLLAMA = ErrorForm(OllamaError, status_of=compatible_status)
SHARED = ErrorForm(SharedError, status_of=compatible_status)
FORMS = (NATIVE, OPENAI, ANTHROPIC, OLLAMA, SHARED)
