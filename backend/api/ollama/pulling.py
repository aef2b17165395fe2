"""A pull as Ollama tells it: a line for each step and for what was downloaded.

The stream begins with the first layer: what fails before it has a status of its own.
"""

from typing import Any

from backend.api.calls.relay import Delta, Ended, Progress
from backend.api.ollama import errors
from backend.api.ollama.replies import NDJSON, line
from backend.core.errors import AppError

_FIRST, _SUCCESS = "pulling manifest", "success"
_FIELDS = ("status", "digest", "total", "completed")


class PullLines:
    """Writes the stream of a pull."""

    content_type = NDJSON

    def __init__(self) -> None:
        """Begin with nothing told."""
        self._told: dict[str, Any] = {}

    def progress(self, progress: Progress) -> bytes:
        """Write how far it is; nothing, if that is told anyway."""
        said = {
            name: progress.data[name] for name in _FIELDS if progress.data.get(name)
        }
        if said == self._told or said.get("status") in {None, _FIRST, _SUCCESS}:
            return b""
        self._told = said
        return line(said)

    def begin(self) -> bytes:
        """Write what every pull begins with."""
        return line({"status": _FIRST})

    def delta(self, index: int, delta: Delta) -> bytes:
        """Write nothing: a pull says nothing."""
        del index, delta
        return b""

    def waiting(self, what: str) -> bytes:
        """Write nothing."""
        del what
        return b""

    def ended(self, index: int, end: Ended) -> bytes:
        """Write that the model is there."""
        del index, end
        return line({"status": _SUCCESS})

    def finish(self) -> bytes:
        """Write nothing: the last line said it."""
        return b""

    def failed(self, error: AppError) -> bytes:
        """Write why it is not."""
        return line({"error": errors.text(error)})
