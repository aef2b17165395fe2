"""What a request can fail with, and the texts that a real Ollama has for it."""

CRASHED = "an error was encountered while running the model: unexpected EOF"
STOPPED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or "
    "an internal error, check ollama server logs for details"
)
BUSY = "server busy, please try again.  maximum pending requests exceeded"
TOO_LONG = "the input length exceeds the context length"
OUT_OF_MEMORY = (
    "model requires more system memory (9.3 GiB) than is available (3.9 GiB)"
)
LOAD_TIMEOUT = "timed out waiting for llama runner to start - progress 0.00 - "


class ApiError(Exception):
    """The request is answered by an error.

    Args:
        status: The HTTP status.
        text: The error's text.
        charset: Whether the content type names its charset. Gin's own JSON answers
            do, those that Ollama writes into a stream do not.
        chunked: Whether the body is sent in chunks (an error where a stream was due).
    """

    def __init__(
        self, status: int, text: str, *, charset: bool = True, chunked: bool = False
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.charset = charset
        self.chunked = chunked


class ModelNotFoundError(ApiError):
    """No such model is installed."""

    def __init__(self, name: str, *, pull_hint: bool = False) -> None:
        hint = f'model "{name}" not found, try pulling it first'
        super().__init__(404, hint if pull_hint else f"model '{name}' not found")


class ServerBusyError(ApiError):
    """More requests wait for a load than `max_queue` allows."""

    def __init__(self) -> None:
        super().__init__(503, BUSY)


class RunnerCrashedError(ApiError):
    """The process that ran the model is gone."""

    def __init__(self, text: str = CRASHED) -> None:
        super().__init__(500, text)
