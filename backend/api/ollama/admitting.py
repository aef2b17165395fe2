"""From what was asked to jobs; what is refused is told in Ollama's words."""

from backend.api.calls.asking import Asked, admitted
from backend.core.errors import ModelNotFoundError, UnsupportedByModelError
from backend.core.jobs.records import NewJob
from backend.core.jobs.states import Kind, Protocol
from backend.core.keys import Caller
from backend.core.names import canonical_model


def admit(asked: Asked, caller: Caller) -> NewJob:
    """Make a job of what was asked.

    Raises:
        AppError: Why it is none.
    """
    try:
        return admitted(asked, caller, Protocol.OLLAMA)
    except ModelNotFoundError:
        raise not_found(asked.model, pull_hint=asked.kind is Kind.EMBED) from None
    except UnsupportedByModelError as error:
        field = error.errors[0].field
        said = unsupported(asked, field)
        raise UnsupportedByModelError(said, errors=error.errors) from None


def not_found(model: str, *, pull_hint: bool = False) -> ModelNotFoundError:
    """Say that there is no such model, in either of Ollama's two ways."""
    if pull_hint:
        return ModelNotFoundError(f'model "{model}" not found, try pulling it first')
    return ModelNotFoundError(f"model '{model}' not found")


def unsupported(asked: Asked, field: str) -> str:
    """Say what the model cannot do, from the native field that asks for it (pure)."""
    full = f"registry.ollama.ai/{_spaced(canonical_model(asked.model))}"
    if field == "request.tools":
        return f"{full} does not support tools"
    if field == "request.suffix":
        return f"{full} does not support insert"
    what = "thinking" if field == "request.think" else asked.kind.value
    what = "vision" if field.endswith("images") else what
    return f'"{asked.model}" does not support {what}'


def _spaced(model: str) -> str:
    return model if "/" in model else f"library/{model}"
